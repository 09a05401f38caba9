"""AUTH (RFC 4954): with a password, or with an access token."""

import aiosmtplib

from probes.errors import LoginRefused, ProbeError
from probes.mail import sasl
from probes.mail.account import Account, Login
from probes.mail.connecting import redacted, without
from probes.mail.oauth import AccessTokens
from probes.mail.refusals import login_refusal, password_advice


async def log_in(smtp: aiosmtplib.SMTP, account: Account, tokens: AccessTokens | None) -> None:
    """Log in as the account says. Raises LoginRefused or Deferred, and what `tokens` and `smtp` raise."""
    if account.smtp.login == "none":
        return
    if tokens is not None:
        await _by_token(smtp, account, tokens)
    else:
        await _by_password(smtp, account.login, account.smtp.host)


async def _by_password(smtp: aiosmtplib.SMTP, login: Login, host: str) -> None:
    """One attempt with one method: a wrong password tried by every method looks like an attack."""
    if login.password is None:
        raise LoginRefused(f"there is no password for {login.user} at {host}")
    methods = {"plain": smtp.auth_plain, "login": smtp.auth_login, "cram-md5": smtp.auth_crammd5}
    for name, method in methods.items():
        if name in smtp.server_auth_methods:
            try:
                await method(login.user, login.password.reveal())
            except aiosmtplib.SMTPAuthenticationError as error:
                refusal = login_refusal(error.code, redacted(error.message, login), host)
                if isinstance(refusal, LoginRefused):
                    advice = password_advice(error.message, host)
                    refusal = LoginRefused(f"{refusal}{advice}")
                raise refusal from None
            return
    advice = password_advice("", host, only_tokens=_bearer(smtp) is not None)
    raise LoginRefused(f"{host} offers no login by password (AUTH PLAIN, LOGIN or CRAM-MD5){advice}")


async def _by_token(smtp: aiosmtplib.SMTP, account: Account, tokens: AccessTokens) -> None:
    server = account.smtp
    mechanism = _bearer(smtp)
    if mechanism is None:
        raise LoginRefused(f"{server.host} offers no login by OAuth2 (AUTH OAUTHBEARER or XOAUTH2)")

    async def attempt(token: str) -> None:
        words = sasl.exchange(mechanism, user=account.login.user, token=token, host=server.host, port=server.port)
        answer = await smtp.execute_command(b"AUTH", mechanism.encode(), words.initial)
        status = ""
        if answer.code == 334:  # an error as a challenge; the refusal itself comes when it is answered
            status = without(sasl.error_status(answer.message.encode()), (token,))
            answer = await smtp.execute_command(words.to_challenge)
        if answer.code != 235:
            raise _refusal(answer, status, (token, words.initial.decode()), server.host)

    await tokens.log_in(attempt)


def _refusal(answer: aiosmtplib.SMTPResponse, status: str, secrets: tuple[str, ...], host: str) -> ProbeError:
    said = without(answer.message, secrets)
    return login_refusal(answer.code, f"{said} ({status})" if status else said, host)


def _bearer(smtp: aiosmtplib.SMTP) -> str | None:
    return sasl.offered({name.upper() for name in smtp.server_auth_methods})
