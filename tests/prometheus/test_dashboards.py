"""Every panel of every dashboard shows something while a real Prometheus scrapes the demo."""

import math
import os
import sys
from pathlib import Path

import pytest

from probes.errors import BotError
from probes.form.find import try_launch
from probes.form.settings import BrowserSettings
from tests.exporters.dashboards.questions import questions
from tests.prometheus.servers import answers, eventually, free_ports, program, prometheus

CHOSEN = {
    "desk": "acme",
    "channel": ".*",
    "location": ".*",
    "clock": "business",
    "window": "5m",
    "__range": "5m",
    "__interval": "1m",
}


async def test_every_panel_has_data_on_the_demo(tmp_path: Path) -> None:
    try:
        await try_launch(BrowserSettings(), os.environ)
    except BotError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs a browser, for the panels about forms: {error}")
    (port,) = free_ports(1)
    demo = [sys.executable, "-m", "mysterybot", "demo", "--listen", f"127.0.0.1:{port}"]
    async with program(demo, tmp_path / "demo.log"):
        await answers(f"http://127.0.0.1:{port}/-/healthy")
        async with prometheus(tmp_path, port) as prom:
            left = list(questions())

            async def all_have_data() -> bool:
                for question in list(left):
                    values = await prom.ask(question.filled(CHOSEN))
                    if values and not any(map(math.isnan, values)):
                        left.remove(question)
                return not left

            try:
                await eventually(all_have_data, "data in every panel")
            except AssertionError:
                raise AssertionError([(each.board, each.panel, each.expr) for each in left]) from None
