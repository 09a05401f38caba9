"""The refresh token of a mailbox: a secret that changes while we run."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from probes.errors import LoginRefused
from probes.secret import Secret, from_file, read
from probes.settings import surroundings


class RefreshToken(Secret):
    """A secret that its provider may replace (RFC 6749 section 6).

    Of `{file: PATH}` the file is the truth: it is read anew for each use, so that what another process has put there
    counts at once, and it need not be there yet. Other forms are resolved when the config is read, as any secret.
    """

    __slots__ = ("_file",)

    def __init__(self, value: str = "", *, literal: bool = True, file: Path | None = None) -> None:
        if file is None:
            super().__init__(value, literal=literal)
        else:
            self._value, self._literal = "", False
        self._file = file

    @property
    def file(self) -> Path | None:
        """Where it is kept, if it may be replaced there."""
        return self._file

    def reveal(self) -> str:
        """The token as it is now. Raises LoginRefused when its file is not there or unreadable."""
        if self._file is None:
            return super().reveal()
        if not self._file.exists():
            raise LoginRefused(f"there is no refresh token yet: {self._file} is not there")
        try:
            return from_file(self._file)
        except PydanticCustomError as error:
            raise LoginRefused(f"the refresh token in {self._file} cannot be used: {error.message()}") from None

    def keep(self, token: str) -> None:
        """Replace the file by one that holds `token`, at once and for its owner only. Raises OSError."""
        if self._file is None:
            raise FileNotFoundError("the refresh token has no file")
        target = self._file.resolve()  # a link stays a link
        new = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                with contextlib.suppress(FileNotFoundError, PermissionError):  # what root writes stays the service's
                    before = target.stat()
                    os.chown(file.fileno(), before.st_uid, before.st_gid)
                file.write(f"{token}\n".encode())
                file.flush()
                os.fsync(file.fileno())
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RefreshToken) and (self._file or other._file):
            return self._file == other._file
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash((RefreshToken, self._file, self._value))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        )


def _read(written: object, info: ValidationInfo) -> Secret:
    if isinstance(written, RefreshToken):
        return written
    if isinstance(written, Mapping) and set(written) == {"file"} and isinstance(written["file"], str | Path):
        path = surroundings(info).base / Path(written["file"]).expanduser()
        if _absent(path):
            return RefreshToken(file=path)
        read(written, info)  # one that is there must be good
        return RefreshToken(file=path)
    secret = read(written, info)
    if not secret.known:
        return secret
    return RefreshToken(secret.reveal(), literal=secret.literal)


def _absent(path: Path) -> bool:
    """Whether it may be written later: its folder is there."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: a NUL in the path
        return path.parent.is_dir() and not path.exists()
    return False


def absent(value: Any) -> bool:
    """Whether `value` is a refresh token whose file is still to be written."""
    return isinstance(value, RefreshToken) and value.file is not None and _absent(value.file)
