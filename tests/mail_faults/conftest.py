"""Servers of this room's own: what lies in their mailboxes is counted."""

import os
from collections.abc import Iterator

import pytest

from tests.servers import MailServers, mail_servers, missing


@pytest.fixture(scope="package")
def servers() -> Iterator[MailServers]:
    """A real Postfix and Dovecot whose mailboxes nobody else uses."""
    if (why := missing()) is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    with mail_servers() as running:
        yield running
