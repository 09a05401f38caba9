"""What is the same for every mailbox of a large provider: its servers, and where its OAuth2 is."""

from collections.abc import Mapping
from typing import Any, Final, Literal

Provider = Literal["gmail", "outlook", "yahoo"]
_Known = Mapping[str, Mapping[str, Any]]

# Google gives a refresh token again only with consent given again. Its device codes are no good for mail
# (developers.google.com/identity/protocols/oauth2/limited-input-device#allowedscopes), so there is no device_url.
_GMAIL: Final[_Known] = {
    "smtp": {"host": "smtp.gmail.com", "security": "tls", "port": 465},
    "imap": {"host": "imap.gmail.com", "security": "tls", "port": 993},
    "oauth2": {
        "token_url": "https://oauth2.googleapis.com/token",
        "authorization_url": "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
        "scope": "https://mail.google.com/",
    },
}

# Registrations of Microsoft accept any port of http://localhost, but not of http://127.0.0.1.
_OUTLOOK: Final[_Known] = {
    "smtp": {"host": "smtp.office365.com", "security": "starttls", "port": 587},
    "imap": {"host": "outlook.office365.com", "security": "tls", "port": 993},
    "oauth2": {
        "token_url": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "device_url": "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
        "authorization_url": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "redirect_host": "localhost",
        "scope": "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    },
}

_YAHOO: Final[_Known] = {
    "smtp": {"host": "smtp.mail.yahoo.com", "security": "tls", "port": 465},
    "imap": {"host": "imap.mail.yahoo.com", "security": "tls", "port": 993},
    "oauth2": {
        "token_url": "https://api.login.yahoo.com/oauth2/get_token",
        "authorization_url": "https://api.login.yahoo.com/oauth2/request_auth",
        "scope": "mail-w",
    },
}

PROVIDERS: Final[Mapping[str, _Known]] = {
    "gmail": _GMAIL,
    "outlook": _OUTLOOK,
    "yahoo": _YAHOO,
}


def completed(account: Mapping[str, Any]) -> Mapping[str, Any]:
    """A mailbox as written, with what its `provider` knows put where nothing is written."""
    known = PROVIDERS.get(str(account.get("provider")))
    if known is None:
        return account
    filled = dict(account)
    for server in ("smtp", "imap"):
        filled[server] = _server(account.get(server, {}), known[server])
    login = account.get("login")
    if isinstance(login, Mapping) and isinstance(login.get("oauth2"), Mapping):
        filled["login"] = {**login, "oauth2": {**known["oauth2"], **login["oauth2"]}}
    return filled


def _server(written: Any, known: Mapping[str, Any]) -> Any:
    if not isinstance(written, Mapping):
        return written
    # The port belongs to the security: 465 is wrong for starttls.
    same = written.get("security", known["security"]) == known["security"]
    return {**{key: value for key, value in known.items() if same or key != "port"}, **written}
