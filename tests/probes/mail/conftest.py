"""Real mail servers for the tests of this room, and the small things that all of them use."""

import os
from collections.abc import Iterator

import pytest

from tests import servers


@pytest.fixture(scope="session")
def mail() -> Iterator[servers.MailServers]:
    """A real Postfix and Dovecot; the test is skipped where they cannot be had, and fails for that in CI."""
    if (why := servers.missing()) is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    with servers.mail_servers() as running:
        yield running
