"""An SMTP server says no: whose fault it is, and whether a retry helps, by its codes (RFC 5321 4.2, RFC 3463)."""

import re

from probes.errors import AddressRefused, Deferred, LoginRefused, ProbeError, SendRefused, Unreachable
from probes.mail.connecting import one_line

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_SENDER_STATUS = {("1", "7"), ("1", "8")}  # 5.1.7 and 5.1.8 are about the sender's address, which is ours
_LOGIN_CODES = {530, 534, 535, 538}

# How Microsoft says it, over SMTP and IMAP; 5.7.139 also stands for a wrong password.
_PASSWORDS_OFF = re.compile(r"\bbasic ?auth\w* (is |has been )?(disabled|blocked|not )|BasicAuthBlocked", re.IGNORECASE)
_SMTP_AUTH_OFF = re.compile(r"SmtpClientAuthentication is disabled", re.IGNORECASE)
_APP_PASSWORD = re.compile(
    r"application-specific password|app password|web ?login required|log in (via|with) your web browser", re.IGNORECASE
)
_PROVIDERS = {
    "outlook": r"\.(office365|outlook|office|hotmail)\.com",
    "gmail": r"\.(gmail|googlemail|google)\.com",
    "yahoo": r"\.(yahoo|aol)\.(com|co\.jp)",
}


def sender_refusal(code: int, words: str) -> ProbeError:
    """The answer to MAIL."""
    return _refusal(code, words, "the mail")


def recipient_refusal(code: int, words: str, recipient: str) -> ProbeError:
    """The answer to RCPT: AddressRefused when it is about the address, which is the desk's to keep alive."""
    if code >= 500 and code not in _LOGIN_CODES and _about_the_address(code, words):
        return AddressRefused(f"the address {one_line(recipient)} is refused: {one_line(f'{code} {words}')}")
    return _refusal(code, words, f"mail to {one_line(recipient)}")


def message_refusal(code: int, words: str) -> ProbeError:
    """The answer to DATA. Some servers look at the recipient only now, and then say so by an enhanced code."""
    status = _ENHANCED.match(words)
    if code >= 500 and status and _about_the_address(code, words):
        return AddressRefused(f"the address is refused: {one_line(f'{code} {words}')}")
    return _refusal(code, words, "the mail")


def login_refusal(code: int, words: str, host: str) -> ProbeError:
    """The answer to AUTH: 4xx is a server that cannot tell now (RFC 4954 section 4.7.2), the rest is final."""
    if 400 <= code < 500:
        return Deferred(f"{host} puts the login off: {one_line(f'{code} {words}')}")
    return LoginRefused(f"{host} refuses the login: {one_line(f'{code} {words}')}")


def passwords_are_off(words: str) -> bool:
    """Whether a server says that it takes no passwords from anybody."""
    return _PASSWORDS_OFF.search(words) is not None


def password_advice(words: str, host: str, *, only_tokens: bool = False) -> str:
    """What to do when `host` refuses a password with these words, "" when that is not known.

    `only_tokens`: it offers no login by password at all, but one by OAuth2.
    """
    provider = next((name for name, hosts in _PROVIDERS.items() if re.search(rf"{hosts}\Z", f".{host.lower()}")), None)
    oauth2 = f"login.oauth2 (provider: {provider})" if provider else "login.oauth2"
    if _SMTP_AUTH_OFF.search(words):
        return "; an administrator has to allow SMTP AUTH for this mailbox"
    if only_tokens or passwords_are_off(words) or provider == "outlook":
        return f"; passwords are no longer taken here: set {oauth2} and run mysterybot login MAILBOX"
    if _APP_PASSWORD.search(words) or provider is not None:
        return f"; this provider wants an app password, or {oauth2} and mysterybot login MAILBOX"
    return ""


def _refusal(code: int, words: str, what: str) -> ProbeError:
    said = one_line(f"{code} {words}")
    if 400 <= code < 500:
        return Deferred(f"{what} is put off: {said}")
    if code in _LOGIN_CODES:
        return LoginRefused(f"a login is demanded: {said}")
    if not 500 <= code < 600:
        return Unreachable(f"the server answers out of protocol: {said}")
    return SendRefused(f"{what} is refused: {said}")


def _about_the_address(code: int, words: str) -> bool:
    status = _ENHANCED.match(words)
    if status is None:
        return code in (550, 551, 553)
    return status[2] in ("1", "2") and (status[2], status[3]) not in _SENDER_STATUS
