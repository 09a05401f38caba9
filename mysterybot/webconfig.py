"""Who may look at our pages, and how they are reached: TLS, passwords, headers, in the form of Prometheus's exporter-toolkit.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md; what cannot be done here is refused
rather than passed over, since all of it is about security.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import bcrypt
from pydantic import AfterValidator, Field, ValidationError, model_validator

from mysterybot.complaints import ConfigError, ConfigErrors, at, complaints
from mysterybot.configfile import read
from mysterybot.yamlfile import Node
from probes.mail.account import is_loopback
from probes.secret import Secret
from probes.settings import Settings, SettingsFile, Shape, Surroundings

MOST_COST: Final = 16
"""Of bcrypt: each step doubles the time; this takes seconds already."""

_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CERTIFICATES: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_CIPHERS: Final = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}

Version = Literal["TLS12", "TLS13"]
Header = Literal[
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
]


def _a_hash(written: Secret) -> Secret:
    found = re.fullmatch(r"\$2[aby]\$([0-9]{2})\$([./A-Za-z0-9]{22})[./A-Za-z0-9]{31}", written.reveal())
    if found is None:
        raise ValueError("should be a bcrypt hash, as in the last line of: htpasswd -nBC 10 USER")
    if not 4 <= int(found[1]) <= MOST_COST:
        raise ValueError(f"has a cost of {found[1]}; from 10 to {MOST_COST} is sensible")
    try:
        bcrypt.hashpw(b"", f"$2b$04${found[2]}".encode())  # at the lowest cost, to see whether the salt is one
    except ValueError:
        raise ValueError("should be a bcrypt hash; this one has no salt") from None
    return written


def _a_cipher(name: str) -> str:
    if name not in _CIPHERS:
        raise ValueError(f"no such suite of TLS 1.2; known: {', '.join(_CIPHERS)}")
    return name


class TlsServer(Settings):
    """The certificate that we show, and what we ask of clients."""

    cert_file: SettingsFile
    key_file: SettingsFile
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    client_ca_file: SettingsFile | None = None
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Annotated[str, AfterValidator(_a_cipher)], ...] = ()
    prefer_server_cipher_suites: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.client_ca_file is None) != (self.client_auth_type == "NoClientCert"):
            raise ValueError("client_ca_file and a client_auth_type other than NoClientCert need each other")
        if self.min_version > self.max_version:
            raise ValueError("min_version should not be above max_version")
        return self


class HttpServer(Settings):
    """How we answer. HTTP is 1.1, whatever `http2` says."""

    http2: bool = True
    headers: dict[Header, Annotated[str, Shape(r"[ -~]{0,2000}", "one line of ASCII")]] = Field(default_factory=dict)


User = Annotated[str, Shape(r"[^:\x00-\x1f\x7f]{1,200}", "a user name without a colon (200 at most)")]


class WebSettings(Settings):
    """The file as it is written."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[User, Annotated[Secret, AfterValidator(_a_hash)]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Web:
    """How the server serves. `users`: name → bcrypt hash, nobody has to log in when there is none; `headers`: of every
    response, blank to leave one out.
    """

    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    files: tuple[Path, ...] = ()

    @property
    def guarded(self) -> bool:
        """Whether nobody gets in without a password or a certificate."""
        return bool(self.users) or (self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED)


def load_web(path: Path | None, environ: Mapping[str, str]) -> Web:
    """Read and check a web config file; without one everybody may look. Raises ConfigErrors with all that is wrong."""
    if path is None:
        return Web()
    root, errors = read(
        path, empty="write {} for neither TLS nor login", shape="a mapping: docs/operate.md tells which"
    )
    try:
        settings = WebSettings.model_validate(root.plain(), context=Surroundings(environ, path.absolute().parent))
    except ValidationError as error:
        raise ConfigErrors(path, [*errors, *complaints(error, root, WebSettings)]) from None
    context = None
    if settings.tls_server_config is not None:
        context, wrong = _context(settings.tls_server_config, root)
        errors += wrong
    if errors:
        raise ConfigErrors(path, errors)
    users = {name: hashed.reveal().encode() for name, hashed in settings.basic_auth_users.items()}
    headers = {str(name): value for name, value in settings.http_server_config.headers.items()}
    return Web(users, headers, context, (path, *_files(settings)))


def doubts(web: Web, host: str) -> Iterator[str]:
    """What is not wrong, but better done otherwise, when we listen on this host."""
    if is_loopback(host):
        return
    if not web.guarded:
        yield (
            "everybody who reaches this address may read all conversations and stop the bot; "
            "listen on 127.0.0.1, or set basic_auth_users in bot.web_config"
        )
    elif web.users and web.tls is None:
        yield "passwords travel in clear to this address; set tls_server_config in bot.web_config"


def _files(settings: WebSettings) -> Iterator[Path]:
    if (tls := settings.tls_server_config) is not None:
        yield from filter(None, (tls.cert_file, tls.key_file, tls.client_ca_file))


def _context(settings: TlsServer, root: Node) -> tuple[ssl.SSLContext, list[ConfigError]]:
    def wrong(name: str, what: str, error: Exception) -> ConfigError:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        return at(root, ("tls_server_config", name), f"{what}: {str(why).replace('_', ' ').lower()}")

    errors = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[settings.min_version], _VERSIONS[settings.max_version]
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    if settings.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if settings.cipher_suites:
        context.set_ciphers(":".join(_CIPHERS[name] for name in settings.cipher_suites))
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")  # else it asks at the terminal
    except (OSError, ValueError) as error:
        errors.append(
            wrong("cert_file", "should be a certificate in PEM that fits key_file, without a passphrase", error)
        )
    if settings.client_ca_file is not None:
        try:
            context.load_verify_locations(settings.client_ca_file)
        except (OSError, ValueError) as error:
            errors.append(wrong("client_ca_file", "should be certificates in PEM", error))
    context.verify_mode = _CERTIFICATES[settings.client_auth_type]
    return context, errors
