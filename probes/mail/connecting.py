"""What every connection to a mail server of ours has in common: its TLS, and the names of what goes wrong."""

import base64
import re
import socket
import ssl
from collections.abc import Iterable
from typing import Protocol

from probes.errors import BotError, NameNotResolved, Unreachable
from probes.mail.account import ImapServer, Login, SmtpServer

MAX_WORDS = 300


Server = SmtpServer | ImapServer


class Place(Protocol):
    """Where a connection leads."""

    @property
    def host(self) -> str:
        """Host name or IP address."""

    @property
    def port(self) -> int:
        """TCP port."""


class CertificateRefused(Unreachable):
    """The server's certificate does not fit: wrong name, expired, or an authority that we do not trust."""

    retry = False


def tls_context(server: Server) -> ssl.SSLContext | None:
    """The TLS that `server` demands: certificate and host name are always verified, `ca_file` replaces the system's.

    None for `security: none`. Raises Unreachable when the CA file is unreadable.
    """
    if server.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Unreachable(f"the ca_file {server.ca_file} for {server.host} cannot be used: {one_line(error)}") from None


def unreachable(server: Place, error: BaseException) -> BotError:
    """`error` (or what caused it) as one of ours; its text names host and port and holds no secret."""
    place = f"{server.host} port {server.port}"
    for cause in _causes(error):
        match cause:
            case BotError():
                return cause
            case ssl.SSLCertVerificationError():
                return CertificateRefused(f"the certificate of {place} is refused: {one_line(cause.verify_message)}")
            case ssl.SSLError():
                return Unreachable(f"no TLS with {place}: {one_line(cause.reason or cause)}")
            case socket.gaierror():
                return NameNotResolved(f"the host name {server.host} has no address: {one_line(cause.strerror)}")
            case ConnectionRefusedError():
                return Unreachable(f"{place} refuses connections")
    if any(isinstance(cause, TimeoutError) for cause in _causes(error)):
        return Unreachable(f"{place} did not answer in time")
    return Unreachable(f"{place}: {one_line(error) or type(error).__name__}")


def one_line(words: object) -> str:
    """What a server said, as one bounded printable line."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes | bytearray) else str(words)
    text = " ".join(re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]", " ", text[: 4 * MAX_WORDS]).split())
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def redacted(words: str, login: Login) -> str:
    """What a server said to a login, without the credentials should it echo them."""
    if login.password is None:
        return words
    password = login.password.reveal().encode()
    encoded = (base64.b64encode(password), base64.b64encode(b"\0%b\0%b" % (login.user.encode(), password)))
    for secret in (password, *encoded):
        words = words.replace(secret.decode(), "…")
    return words


def without(words: str, secrets: Iterable[str]) -> str:
    """What a server said, without these secrets should it echo them: as they are, in base64, or cut short."""
    known = [form for secret in secrets for form in (secret, base64.b64encode(secret.encode()).decode())]
    for form in known:
        words = words.replace(form, "…")

    def checked(piece: re.Match[str]) -> str:
        return "…" if any(piece[0] in form for form in known) else piece[0]

    return re.sub(r"[A-Za-z0-9+/=._~:-]{12,}", checked, words)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 10:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
