"""What all tests share."""

import logging
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


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Commands set up logging for a process of their own; here the next test must still hear."""
    loggers = [
        logging.getLogger(),
        *(each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)),
    ]
    before = [(each, each.level, list(each.handlers)) for each in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
