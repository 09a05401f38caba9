"""Second opinions: asked once, beside the conversation, and never over what was found."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conversations import second_opinions
from conversations.description import describe
from conversations.journal import Journal, opinions
from conversations.records import Conversation
from conversations.second_opinions import Judge, SecondOpinions
from conversations.visit import Persona
from probes.errors import NoOpinion
from tests.conversations.desk import MAILBOX, Town, begin, definition, life
from tests.conversations.journal.aggregated import everything
from tests.conversations.test_looking_back import INVOICE, OWN, by, story, talk
from tests.probes.test_judge import endpoint, says

ENOUGH = (
    "Hi Anna Keller,\n\nyour invoice is sent to anna@inbox.example; call +41 44 555 01 02.\n\nKind regards,\nMia Wong"
)


def completion(verdict: str = "problem", why: str = "The tax number is missing.") -> bytes:
    content = json.dumps({"verdict": verdict, "why": why})
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


class Asked:
    """Stands for the probe: notes what is asked, and answers in turn."""

    def __init__(self, *answers: str | Exception) -> None:
        self.about: list[Any] = []
        self._answers = list(answers)

    async def __call__(self, whom: object, instructions: str, about: Any, deadline: float) -> str:
        self.about.append(about)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


GOOD = '{"verdict": "ok", "why": "It says where the invoice is."}'
PROGRAM = Judge.model_validate({"command": ["judge"]})


async def talked(town: Town, *replies: str) -> str:
    """A conversation that has ended with these replies."""
    town.answer = story(*replies)
    async with life(town, talk) as here:
        persona = Persona(name="Anna Keller", facts={"customer_number": "KD-7731"})
        what = definition({"question": INVOICE, "turns": len(replies)}).model_copy(update={"persona": persona})
        conversation_id = await begin(here.journal, what, town.clock.now())
        await here.play(conversation_id)
        return conversation_id


async def looked_at(town: Town, conversation_id: str) -> Conversation:
    async with life(town, talk) as here:
        return await here.load(conversation_id)


async def tick(town: Town, judge: Judge = PROGRAM, only: str | None = None) -> None:
    async with Journal.at(town.folder / "journal.sqlite") as journal:
        await SecondOpinions(journal, town.clock, judge, [MAILBOX], {}).tick(only)


async def counted(town: Town) -> dict[str, float]:
    async with Journal.at(town.folder / "journal.sqlite") as journal:
        found = (await journal.read(everything)).get("second_opinions_total", [])
    return {labels["result"]: value for labels, value in found}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    def answering(*answers: str | Exception) -> Asked:
        standing = Asked(*answers)
        monkeypatch.setattr(second_opinions, "ask", standing)
        return standing

    return answering


async def test_each_reply_of_a_person_is_asked_about_once_and_findings_and_verdict_stay(
    tmp_path: Path, asked: Callable[..., Asked]
) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH, OWN)
    before = describe(await looked_at(town, which))
    standing = asked(GOOD, '{"verdict": "problem", "why": "Curt."}')
    for _ in range(3):
        await tick(town)
    after = describe(await looked_at(town, which))
    said = after.pop("second_opinions")
    assert [(each["verdict"], each["why"], each["judge"]) for each in said] == [
        ("ok", "It says where the invoice is.", "judge"),
        ("problem", "Curt.", "judge"),
    ]
    assert [each["message"] for each in said] == [m["id"] for m in after["messages"] if m["kind"] == "human"]
    assert before.pop("second_opinions") == []
    assert after == before
    assert len(standing.about) == 2
    assert await counted(town) == {"ok": 1, "problem": 1}


async def test_what_is_asked_is_masked_and_holds_what_we_had_written_before(
    tmp_path: Path, asked: Callable[..., Asked]
) -> None:
    town = Town(tmp_path)
    await talked(town, ENOUGH, OWN)
    standing = asked(GOOD, GOOD)
    await tick(town)
    first, second = standing.about
    assert first["question"] == INVOICE
    assert second["question"].startswith(INVOICE)
    assert "I have told you all" in second["question"]
    assert first["reply"].split() == (
        [
            "Hi",
            "[name],",
            "your",
            "invoice",
            "is",
            "sent",
            "to",
            "[e-mail];",
            "call",
            "[phone].",
            "Kind",
            "regards,",
            "[agent]",
        ]
    )
    assert first["answer_schema"]["additionalProperties"] is False


async def test_an_endpoint_answers_over_http(tmp_path: Path) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH)
    with endpoint(says(completion())) as (url, seen):
        await tick(town, Judge.model_validate({"url": url, "model": "small-model", "api_key": "sk-secret"}))
    (said,) = describe(await looked_at(town, which))["second_opinions"]
    assert (said["verdict"], said["judge"], said["why"]) == ("problem", "small-model", "The tax number is missing.")
    assert "555" not in json.dumps(seen[0][1])
    assert b"sk-secret" not in (tmp_path / "journal.sqlite").read_bytes()


async def test_a_program_answers_on_its_standard_output(tmp_path: Path) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH)
    script = tmp_path / "judge.py"
    script.write_text(
        "import json, sys\nasked = json.load(sys.stdin)\n"
        "print(json.dumps({'verdict': 'ok' if 'invoice' in asked['reply'] else 'unknown', 'why': 'It names it.'}))\n"
    )
    judge = Judge.model_validate({"command": [sys.executable, str(script)]})
    async with Journal.at(tmp_path / "journal.sqlite") as journal:
        await SecondOpinions(journal, town.clock, judge, [MAILBOX], os.environ).tick()
    (said,) = describe(await looked_at(town, which))["second_opinions"]
    assert (said["verdict"], said["why"]) == ("ok", "It names it.")


@pytest.mark.parametrize(
    "trouble", [NoOpinion("llm.example answers HTTP 500"), "Sure, here is my opinion: fine!", "[" * 9_000]
)
async def test_what_fails_is_asked_three_times_and_then_given_up(
    tmp_path: Path, asked: Callable[..., Asked], trouble: str | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH)
    standing = asked(*[trouble] * 9)
    for seconds in (0, 1, 59, 1, 599, 600, 3_600, 3_600):
        town.clock.turn(seconds)
        await tick(town)
    assert len(standing.about) == opinions.MOST_ATTEMPTS
    (said,) = describe(await looked_at(town, which))["second_opinions"]
    assert said["verdict"] is None
    assert said["why"] in {
        "llm.example answers HTTP 500",
        "the answer is no JSON",
        "the answer is longer than 8000 characters",
    }
    assert await counted(town) == {"failed": 1}
    assert "Sure" not in caplog.text


async def test_one_that_fails_first_and_then_speaks_is_heard(tmp_path: Path, asked: Callable[..., Asked]) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH)
    asked(NoOpinion("no answer within 30 s"), GOOD)
    await tick(town)
    assert describe(await looked_at(town, which))["second_opinions"] == []  # nothing is decided yet
    town.clock.turn(61)
    await tick(town)
    (said,) = describe(await looked_at(town, which))["second_opinions"]
    assert said["verdict"] == "ok"


class Killed(BaseException):
    """The process dies here."""


async def test_a_crash_repeats_the_question_that_was_under_way_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Callable[..., Asked]
) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH)
    times = 0

    async def dies(*_: object) -> str:
        nonlocal times
        times += 1
        raise Killed

    monkeypatch.setattr(second_opinions, "ask", dies)
    with pytest.raises(Killed):
        await tick(town)
    await tick(town)  # another process, or the next life: the question may still be under way
    standing = asked(GOOD)
    await tick(town)
    assert (times, standing.about) == (1, [])
    town.clock.turn(PROGRAM.timeout.amount + second_opinions.MARGIN)
    await tick(town)
    await tick(town)
    assert len(standing.about) == 1
    assert len(describe(await looked_at(town, which))["second_opinions"]) == 1


async def test_the_answer_of_a_life_that_was_given_up_does_not_count_twice(tmp_path: Path) -> None:
    town = Town(tmp_path)
    which = await talked(town, ENOUGH)
    async with Journal.at(tmp_path / "journal.sqlite") as journal:
        now = town.clock.now()
        first = await journal.write(lambda c: opinions.claim(c, [MAILBOX], "j", now, now + 10, 5))
        second = await journal.write(lambda c: opinions.claim(c, [MAILBOX], "j", now + 11, now + 20, 5))
        assert first is not None
        assert second is not None
        await journal.write(lambda c: opinions.decide(c, first, "problem", "late"))
        await journal.write(lambda c: opinions.decide(c, second, "ok", "in time"))
        await journal.write(lambda c: opinions.decide(c, second, "problem", "again"))
    (said,) = describe(await looked_at(town, which))["second_opinions"]
    assert said["why"] == "in time"
    assert await counted(town) == {"ok": 1}


async def test_so_many_a_day_and_no_more(tmp_path: Path, asked: Callable[..., Asked]) -> None:
    town = Town(tmp_path)
    await talked(town, ENOUGH, OWN, ENOUGH)
    standing = asked(*[GOOD] * 9)
    judge = PROGRAM.model_copy(update={"per_day": 2})
    await tick(town, judge)
    town.clock.turn(3_600)
    await tick(town, judge)
    assert len(standing.about) == 2
    town.clock.turn(opinions.DAY)
    await tick(town, judge)
    assert len(standing.about) == 2  # by then the third reply is old news


async def test_only_people_of_watched_mailboxes_and_of_the_conversation_that_is_meant(
    tmp_path: Path, asked: Callable[..., Asked]
) -> None:
    town = Town(tmp_path)
    which = await talked(town, by("Mia Wong", "It comes on Friday.")["text"])
    standing = asked(*[GOOD] * 9)
    await tick(town, only="another")
    async with Journal.at(tmp_path / "journal.sqlite") as journal:
        await SecondOpinions(journal, town.clock, PROGRAM, ["ben"], {}).tick()
    assert standing.about == []
    await tick(town, only=which)
    assert len(standing.about) == 1


def test_a_judge_is_named_by_its_model_or_its_program_and_shows_no_key() -> None:
    judge = Judge.model_validate({"url": "https://llm.example/v1", "model": "m", "api_key": "sk-secret"})
    assert judge.name == "m"
    assert "sk-secret" not in repr(judge) + judge.model_dump_json()
    assert Judge.model_validate({"command": ["/opt/judges/strict", "-v"]}).name == "strict"
