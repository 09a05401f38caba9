"""`mysterybot login`: a person lets the bot into a mailbox that logs in by OAuth2."""

import os
from pathlib import Path

from mysterybot.commands.common import Wrong, command, configured, log_to_stderr, no_such, out
from mysterybot.config import Config
from probes.errors import ProbeError
from probes.mail.account import OAuth2
from probes.mail.oauth_consent import UserCode, by_browser, by_device


def login(mailbox: str, path: Path, *, browser: bool, port: int) -> int:
    """0 when the refresh token is stored."""
    log_to_stderr(verbose=False, quiet=True)
    return command(lambda: _login(path, mailbox, browser=browser, port=port))


async def _login(path: Path, mailbox: str, *, browser: bool, port: int) -> int:
    config = configured(path)
    oauth2, file = _what_to_get(config, mailbox)
    user = config.mailboxes[mailbox].login.user
    with_browser = oauth2.authorization_url is not None and (browser or oauth2.device_url is None)
    try:
        if with_browser:
            token = await by_browser(oauth2, show=lambda address, at: _show_address(user, address, at), port=port)
        elif oauth2.device_url is not None and not browser:
            token = await by_device(oauth2, show=lambda code: _show_code(user, code))
        else:
            raise Wrong(
                f"mailboxes.{mailbox}.login.oauth2: lacks authorization_url{'' if browser else ' or device_url'}"
            )
    except ProbeError as error:
        raise Wrong(f"mailbox {mailbox}: {error}") from None
    oauth2.refresh_token.keep(token)
    out.print(f"The refresh token of {mailbox} is in {file}, for its owner only. Next:", markup=False)
    out.print(f"  mysterybot check --connect -c {path}", markup=False)
    return 0


def _what_to_get(config: Config, mailbox: str) -> tuple[OAuth2, Path]:
    """The settings of the mailbox, and where its refresh token goes; Wrong before anybody has to log in in vain."""
    if mailbox not in config.mailboxes:
        no_such("mailbox", mailbox, list(config.mailboxes))
    oauth2 = config.mailboxes[mailbox].login.oauth2
    if oauth2 is None:
        raise Wrong(f"mailbox {mailbox} logs in with a password; for OAuth2 it needs login.oauth2 in the config")
    file = oauth2.refresh_token.file
    if file is None:
        raise Wrong(f"mailboxes.{mailbox}.login.oauth2.refresh_token: write {{file: PATH}}, so that it can be stored")
    if not os.access(file.resolve().parent, os.W_OK):
        raise Wrong(f"{file}: no file can be written to this folder")
    return oauth2, file


def _show_code(user: str, code: UserCode) -> None:
    out.print(f"On any device, log in as {user}, and type in a code:", markup=False)
    out.print(f"  address  {code.address}\n  code     {code.code}", markup=False)
    out.print(f"The code is good for {code.seconds / 60:.0f} minutes. Waiting …", markup=False)


def _show_address(user: str, address: str, port: int) -> None:
    out.print(f"In a browser on this machine, log in as {user} at this address:", markup=False)
    out.print(f"\n{address}\n", markup=False)
    out.print(
        f"It comes back to port {port} of this machine. If the browser is elsewhere, first: "
        f"ssh -L {port}:127.0.0.1:{port} THIS_MACHINE\nWaiting …",
        markup=False,
    )
