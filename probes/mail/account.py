"""The mail account of a test customer: its address, its servers, its login."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from probes.mail.providers import Provider, completed
from probes.mail.refresh_token import RefreshToken
from probes.secret import Secret
from probes.settings import Settings, SettingsFile, Shape

Security = Literal["tls", "starttls", "none"]

_SMTP_PORTS = {"tls": 465, "starttls": 587, "none": 25}
_IMAP_PORTS = {"tls": 993, "starttls": 143, "none": 143}


def _one_line(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("should be one line of text")
    return text


# Deliberately narrower than RFC 5322: no quoted local parts, no comments, nothing that could break out of a header.
Address = Annotated[
    str,
    Shape(
        r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?=.{1,253}$)[A-Za-z0-9][\w-]*(\.[\w-]+)*",
        "an e-mail address such as anna@example.net",
    ),
]
"""An e-mail address that is safe in headers and SMTP commands."""

Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_one_line)]
"""One line of printable text."""

Host = Annotated[
    str,
    Shape(r"[A-Za-z0-9_.:-]{1,253}", "a host name or an IP address"),
    Field(description="Host name or IP address"),
]
Port = Annotated[int, Field(ge=1, le=65535)]


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its very name; nothing is looked up."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _filled_in_by_provider(*names: str) -> Callable[[dict[str, Any]], None]:
    """For the JSON Schema: what a `provider` fills in is not required of the one who writes."""

    def loosened(schema: dict[str, Any]) -> None:
        schema["required"] = [name for name in schema.get("required", ()) if name not in names]

    return loosened


class _Server(Settings):
    model_config = ConfigDict(json_schema_extra=_filled_in_by_provider("host"))

    host: Host
    security: Annotated[Security, Field(description="tls: TLS from the start; none: only for loopback hosts")] = "tls"
    ca_file: Annotated[
        SettingsFile | None, Field(description="PEM file of authorities to trust instead of the system's")
    ] = None

    @model_validator(mode="after")
    def _clear_text_stays_here(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(
                "security: none sends passwords and mail in clear, which is for loopback only; use tls or starttls"
            )
        return self


class SmtpServer(_Server):
    """Where mail of this account is submitted (RFC 6409)."""

    port: Annotated[Port, Field(description="Default: 465 for tls, 587 for starttls, 25 for none")] = Field(
        default_factory=lambda before: _SMTP_PORTS[before["security"]]
    )
    login: Annotated[Literal["none"] | None, Field(description="none: send without authentication")] = None


class ImapServer(_Server):
    """Where mail to this account is read (RFC 9051, RFC 3501)."""

    port: Annotated[Port, Field(description="Default: 993 for tls, 143 for starttls and none")] = Field(
        default_factory=lambda before: _IMAP_PORTS[before["security"]]
    )
    junk: Annotated[Line | None, Field(description="Name of the spam folder, watched beside INBOX")] = None


def secrets_travel_encrypted(url: str) -> str:
    """The URL; ValueError, without it, unless it is https, or http of a loopback host."""
    scheme = re.match(r"(https?)://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?([/?][^\s#]*)?\Z", url)
    if scheme is None or (scheme[1] == "http" and not is_loopback(scheme[2].strip("[]"))):
        raise ValueError("should be an https:// address")
    if scheme[3] and not 0 < int(scheme[3][1:]) <= 65535:
        raise ValueError("should be an https:// address, with a port of at most 65535")
    return url


SafeUrl = Annotated[str, AfterValidator(secrets_travel_encrypted)]
"""An https address; http for loopback hosts only."""


class OAuth2(Settings):
    """How an access token is got with a refresh token (RFC 6749 section 6), and how that one is got by a person."""

    model_config = ConfigDict(json_schema_extra=_filled_in_by_provider("token_url"))

    token_url: Annotated[SafeUrl, Field(description="The provider's token endpoint; known with a provider")]
    client_id: Annotated[Line, Field(description="Of your own registration as a client at the provider")]
    client_secret: Annotated[Secret | None, Field(description="Left out for public clients")] = None
    refresh_token: Annotated[
        RefreshToken, Field(description="As {file: PATH} it is written by `mysterybot login`, and when it is replaced")
    ]
    scope: Annotated[Line | None, Field(description="What is asked for; known with a provider")] = None
    device_url: Annotated[
        SafeUrl | None, Field(description="Device authorization endpoint (RFC 8628), for `mysterybot login`")
    ] = None
    authorization_url: Annotated[
        SafeUrl | None, Field(description="Authorization endpoint (RFC 6749), for `mysterybot login` with a browser")
    ] = None
    redirect_host: Annotated[
        Literal["127.0.0.1", "localhost"], Field(description="How the provider knows this machine in redirect URIs")
    ] = "127.0.0.1"


class Login(Settings):
    """Who logs in, with a password or by OAuth2."""

    user: Line
    password: Secret | None = None
    oauth2: OAuth2 | None = None

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.password is None) == (self.oauth2 is None):
            raise ValueError("needs either password or oauth2")
        return self


AuthservId = Annotated[
    str,
    StringConstraints(to_lower=True),
    Shape(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", "the name before the first ; in Authentication-Results: example.net"),
]
"""Who checked a mail's sender (RFC 8601 section 2.5)."""


def _none_as_written(value: Any) -> Any:
    return None if value == "none" else value


class Account(Settings):
    """A mail account that we own and a mystery customer writes from."""

    model_config = ConfigDict(json_schema_extra=_filled_in_by_provider("smtp", "imap"))

    provider: Annotated[
        Provider | None,
        Field(description="Fills in servers and OAuth2 addresses where they are left out; what is written wins"),
    ] = None
    address: Annotated[Address, Field(description="The address mail is sent from and answered to")]
    name: Annotated[Line, Field(description="The name in From, and the customer's unless a persona has another")]
    smtp: SmtpServer
    imap: ImapServer
    login: Login
    plus: Annotated[
        Annotated[str, Shape(r"[-+=._]", "one of + - = . _, or none")] | None,
        BeforeValidator(_none_as_written),
        Field(
            description="Write from tagged addresses, with this between name and tag, as in anna+tag@example.net. "
            "Only where the provider delivers these and lets you send from them"
        ),
    ] = None
    authserv_id: Annotated[
        AuthservId | None,
        Field(
            description="Whose Authentication-Results are trusted: the name that the provider begins them with, or a "
            "domain that it is below. Nobody's when left out"
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _known_of_the_provider(cls, written: Any) -> Any:
        return completed(written) if isinstance(written, Mapping) else written
