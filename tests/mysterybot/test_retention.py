"""Evidence of failures is kept longer than that of successes."""

import os
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest

from conversations.journal import steps
from conversations.records import Verdict
from mysterybot.retention import DAY, Retention
from tests.conversations.desk import Life, Town, begin, definition, life
from tests.conversations.test_replay import ask


def kindly(town: Town, mail: EmailMessage) -> None:
    town.reply(mail, "It is on its way.")


async def ended(here: Life, town: Town, *, passes: bool, seed: int) -> str:
    """A conversation with a file of evidence that has just ended."""
    if passes:
        town.answer = kindly
    conversation_id = await begin(here.journal, definition(visit=f"visit{seed}"), town.clock.now(), seed)
    conversation = await here.play(conversation_id)
    assert conversation.verdict is (Verdict.PASSED if passes else Verdict.FAILED)
    folder = here.engine.world.evidence_folder(conversation_id)
    (folder / "proof.eml").write_text("proof")
    await here.journal.write(steps.add_evidence(conversation_id, "mail", f"{conversation_id}/proof.eml", 0.0))
    return conversation_id


@pytest.mark.parametrize(("days", "left"), [(29, {"passed", "failed"}), (31, {"failed"}), (181, set())])
async def test_evidence_goes_when_it_is_old_and_that_of_failures_later(
    tmp_path: Path, days: int, left: set[str]
) -> None:
    town = Town(tmp_path)
    async with life(town, ask) as here:
        ids = {
            "failed": await ended(here, town, passes=False, seed=1),
            "passed": await ended(here, town, passes=True, seed=2),
        }
        town.clock.turn(days * DAY)
        await Retention(here.journal, tmp_path / "evidence", town.clock).sweep()
        assert {name for name, each in ids.items() if (tmp_path / "evidence" / each).exists()} == left
        for name, each in ids.items():
            files = await here.journal.read(partial(steps.evidence_of, conversation_id=each))
            assert bool(files) == (name in left), "the journal names no file that is gone"
            assert (await here.load(each)).verdict is not None, "the story itself stays"


async def test_mail_that_matched_nothing_goes_too(tmp_path: Path) -> None:
    town = Town(tmp_path)
    folder = tmp_path / "evidence" / "unmatched-anna"
    folder.mkdir(parents=True)
    for name, age in (("old", 181), ("new", 179)):
        (folder / f"{name}.eml").write_text("?")
        then = town.clock.now() - age * DAY
        os.utime(folder / f"{name}.eml", (then, then))
    async with life(town, ask) as here:
        await Retention(here.journal, tmp_path / "evidence", town.clock).sweep()
    assert [file.name for file in folder.iterdir()] == ["new.eml"]
