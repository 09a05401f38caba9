from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.exporters.stories import Stories, stories


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


@pytest.fixture
async def pen(tmp_path: Path) -> AsyncIterator[Stories]:
    async with stories(tmp_path / "journal.sqlite") as opened:
        yield opened
