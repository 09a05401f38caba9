from collections.abc import AsyncIterator

import pytest

from tests.exporters.notices.receiver import Receiver, receiver


@pytest.fixture
async def oncall() -> AsyncIterator[Receiver]:
    async with receiver() as here:
        yield here
