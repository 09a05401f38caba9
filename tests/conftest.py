"""What all tests share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import servers

# A machine that is busy with something else must not fail a property: no test asserts seconds.
settings.register_profile("mysterybot", deadline=None)
settings.load_profile("mysterybot")


@pytest.fixture(scope="session")
def mail() -> Iterator[servers.MailServers]:
    """A real Postfix and Dovecot; the test is skipped where they cannot be had, and fails for that in CI."""
    if (why := servers.missing()) is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    with servers.mail_servers() as running:
        yield running
