"""A secret that can be used but not seen."""

import hmac
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from probes.settings import Surroundings, surroundings

MASK = "**********"
MAX_SECRET_BYTES = 64 * 1024

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMS = "write {env: NAME}, {file: PATH} or the text itself"


class Secret:
    """A password or token: `reveal()` gives it, everything else (`str`, `repr`, JSON, pickle) masks or refuses it.

    In the config it is `{env: NAME}`, `{file: PATH}` (relative to the config file) or the text itself, which `literal`
    tells. It is resolved when the config is read; a variable that is not set, a file that cannot be read and an empty
    secret are errors of the config, unless nobody needs it (`Surroundings.secrets_needed`): then it is an `UnknownSecret`.
    """

    __slots__ = ("_literal", "_value")

    def __init__(self, value: str, *, literal: bool = True) -> None:
        if not value:
            raise ValueError("the secret is empty")
        self._value = value
        self._literal = literal

    def reveal(self) -> str:
        """The secret itself: for the wire, never for a log."""
        return self._value

    @property
    def known(self) -> bool:
        """Whether there is something to reveal."""
        return True

    @property
    def literal(self) -> bool:
        """Whether it stands in the config file in clear."""
        return self._literal

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (secret._value.encode("utf-8", "surrogatepass") for secret in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        def source(key: str, description: str) -> dict[str, Any]:
            text = {"type": "string", "minLength": 1, "description": description}
            return {"type": "object", "properties": {key: text}, "required": [key], "additionalProperties": False}

        return {
            "title": "Secret",
            "anyOf": [
                source("env", "Name of the environment variable that holds the secret"),
                source("file", "Path of the file that holds the secret; relative to the config file"),
                {"type": "string", "minLength": 1, "description": "The secret itself; better kept elsewhere"},
            ],
        }


class SecretNotKnown(Exception):
    """A secret was needed after all; the text says why it is not known."""


class UnknownSecret(Secret):
    """One that could not be had when the config was read."""

    __slots__ = ()

    def __init__(self, why: str) -> None:
        super().__init__(why, literal=False)

    def reveal(self) -> str:
        """Raises SecretNotKnown."""
        raise SecretNotKnown(self._value)

    @property
    def known(self) -> bool:
        """False."""
        return False


def read(written: object, info: ValidationInfo) -> Secret:
    """Resolve a secret as written in the config; errors name the place it should come from, never what is there."""
    if isinstance(written, Secret):
        return written
    around = surroundings(info)
    match written:
        case str():
            if not written:
                raise _refused("the secret is empty")
            return Secret(written)
        case {"env": str(name), **rest} if not rest:
            find = partial(_from_environment, name, around)
        case {"file": str() | Path() as name, **rest} if not rest:
            find = partial(from_file, around.base / Path(name).expanduser())
        case Mapping():
            raise _refused(f"should have exactly one key, env or file; {_FORMS}")
        case _:
            raise _refused(f"should be a secret; {_FORMS}")
    try:
        return Secret(find(), literal=False)
    except PydanticCustomError as error:
        if around.secrets_needed:
            raise
        return UnknownSecret(error.message())


def _from_environment(name: str, around: Surroundings) -> str:
    # A mistaken "env: the-password-itself" must not be told back, so only what looks like a variable is named.
    if not _VARIABLE.fullmatch(name):
        raise _refused("env should name an environment variable: letters, digits and _")
    if name not in around.environ:
        raise _refused(f"the environment variable {name} is not set")
    if not around.environ[name]:
        raise _refused(f"the environment variable {name} is empty")
    return around.environ[name]


def from_file(path: Path) -> str:
    """What a secret's file holds, without the newline at its end; PydanticCustomError when that is no secret."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise _refused(f"the secret's file cannot be read: {why}") from None
    if len(content) > MAX_SECRET_BYTES:
        raise _refused(f"the secret's file is larger than {MAX_SECRET_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _refused("the secret's file is not UTF-8 text") from None
    text = text.rstrip("\r\n")  # editors and `echo` end a file with a newline that is no part of the secret
    if not text:
        raise _refused("the secret's file is empty")
    return text


def _refused(message: str) -> PydanticCustomError:
    # Braces are pydantic's template syntax, hence the message as a value.
    return PydanticCustomError("secret", "{message}", {"message": message})
