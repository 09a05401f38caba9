"""An alert goes all the way, from a desk that is late to whoever is on call, and back when the desk has answered."""

import asyncio
import json
import random
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from mysterybot.cli import main
from mysterybot.demo.company import STAFF, Company
from tests.mysterybot.bots import PROMPT, bot_config
from tests.prometheus.servers import answers, eventually, free_ports, needed, program, prometheus

PROMISED, ANSWERED_AFTER = 4.0, 14.0


@asynccontextmanager
async def late_company() -> AsyncIterator[Company]:
    """Its staff answers well, and long after what is promised in the test."""
    late = {name: (person, manner, (ANSWERED_AFTER, ANSWERED_AFTER)) for name, (person, manner, _) in STAFF.items()}
    company = Company(now=lambda: datetime.now(UTC), rng=random.Random(7), staff=late, handling_time=(0.0, 0.05))
    await company.start()
    try:
        yield company
    finally:
        await company.stop()


def written(folder: Path, company: Company, port: int) -> Path:
    """A config whose one visit begins at once, and not again during the test."""
    visit = {**PROMPT, "every": "300 days", "with": {**PROMPT["with"], "patience": "80 seconds"}}
    path = bot_config(folder, {"order": visit}, company, reach={"every": "5 seconds", "timeout": "2 seconds"})
    document = json.loads(path.read_text())
    document["bot"]["listen"] = f"127.0.0.1:{port}"
    document["desks"]["acme"]["promises"] = {"first_reply": f"{PROMISED} seconds"}
    path.write_text(json.dumps(document))
    return path


def replies(folder: Path) -> int:
    """How many replies of a person the journal holds."""
    with sqlite3.connect(f"file:{folder}/data/journal.sqlite?mode=ro", uri=True) as journal:
        return int(journal.execute("SELECT count(*) FROM message WHERE kind = 'human'").fetchone()[0])


async def test_the_one_on_call_knows_before_any_reply_comes_and_a_kill_of_the_bot_tells_nothing_false(
    tmp_path: Path,
) -> None:
    needed("prometheus", "prometheus-alertmanager")
    (port,) = free_ports(1)
    async with late_company() as company:
        environ = dict(company.environ)
        config = written(tmp_path, company, port)
        rules = tmp_path / "rules.yml"
        words = ["export", "alerts", "-c", str(config), "--out", str(rules)]
        exported = await asyncio.to_thread(CliRunner().invoke, main, words, env=environ)
        assert exported.exit_code == 0, exported.output
        bot = [sys.executable, "-m", "mysterybot", "run", "-c", str(config)]
        async with prometheus(tmp_path, port, rules) as prom:
            async with program(bot, tmp_path / "bot.log", environ) as running:
                await answers(f"http://127.0.0.1:{port}/-/ready")
                fired = await eventually(lambda: prom.on_call.about("DeskNotAnswering", "firing"), "the alert")
                assert replies(tmp_path) == 0
                assert fired.labels["visit"] == "order"
                assert fired.annotations["summary"].startswith("Acme Hosting: ")
                await eventually(lambda: prom.on_call.about("DeskNotAnswering", "resolved"), "the end of the alert")
                assert replies(tmp_path) == 1
                running.kill()
                await running.wait()
            async with program(bot, tmp_path / "bot.log", environ):
                await answers(f"http://127.0.0.1:{port}/-/ready")
                back = time.time()

                async def scraped_for_a_while() -> bool:
                    """30 evaluations of every rule, which is longer than what any of them here waits for, but Down."""
                    scrapes = await prom.ask("count_over_time(mysterybot_build_info[5m])")
                    return time.time() - back > 30 and bool(scrapes)

                await eventually(scraped_for_a_while, "scrapes after the restart")
                assert {each.name for each in prom.on_call.told} == {"DeskNotAnswering"}
                total = await prom.ask('mysterybot_visit_conversations_total{verdict="passed"}')
                assert total == [1.0]
