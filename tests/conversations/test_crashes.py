"""The process is killed between any two lines: nothing is lost, and nothing is done twice.

A kill is simulated at the grain of source lines: from the n-th executed line of the engine's packages (or of the fake desk)
on, every further line raises, and nothing reaches the journal any more. Then the process starts again on what was durable.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import conversations
from conversations.companions import Approach
from conversations.customer import Customer
from conversations.durations import Duration
from conversations.journal import lifecycle
from conversations.records import Conversation, Verdict
from conversations.scenario import Scenario, scenario
from conversations.visit import Persona
from tests.conversations.desk import Life, Town, begin, definition, life

TRACED = (str(Path(conversations.__file__).parent), str(Path(__file__).with_name("desk.py")))
IN_THE_WRITER = ("journal/journal.py",)
"""The journal's own thread is not killed line by line: a transaction is either committed or not, which SQLite sees to."""


class Killed(BaseException):
    """The process is gone."""


class Killer:
    """Raises at the n-th line, which also ends tracing; `on_death` then stops what still runs."""

    def __init__(self, at_line: int | None) -> None:
        self.at_line = at_line
        self.lines = 0
        self.on_death: Callable[[], object] = lambda: None

    @property
    def dead(self) -> bool:
        return self.at_line is not None and self.lines >= self.at_line

    def __enter__(self) -> "Killer":
        sys.settrace(self._trace)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        name = frame.f_code.co_filename
        if name.startswith(TRACED) and not name.endswith(IN_THE_WRITER):
            return self._line
        return None

    def _line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self.lines += 1
            if self.dead:
                self.on_death()
                raise Killed(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        return self._line


@scenario("Ask twice")
async def ask_twice(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.acknowledgement(within=Duration.parse("1 hour"))
    await customer.reply(within=Duration.parse("1 day"))
    await customer.answer("And when does it come?")
    await customer.reply(within=Duration.parse("1 day"))
    await customer.answer("Thank you.", closing=True)


@scenario("Ask, and have somebody else ask too")
async def ask_together(customer: Customer) -> None:
    other = {"opening": "Where is my letter?", "patience": "1 day"}
    companion = await customer.begin("other", "acknowledged", other, by=Approach(persona=Persona(name="Ben Aldous")))
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.reply(within=Duration.parse("1 day"))
    await customer.finished(companion)


def friendly(town: Town, mail: EmailMessage) -> None:
    town.acknowledge(mail)
    town.reply(mail, f"Hello Anna, answer number {len(town.delivered)}.")


def silent(town: Town, mail: EmailMessage) -> None:
    """Takes everything in and says nothing, so that an interrupted send cannot be proved."""


async def killed_at(town: Town, line: int | None, owner: str, story: Scenario = ask_twice) -> int:
    """One life that ends at this line; how many lines it lived."""
    killer = Killer(line)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the dead do not report
    try:
        async with life(town, story, owner) as here:
            write = here.journal.write

            async def write_if_alive(operation: Any) -> Any:
                if killer.dead:
                    raise Killed("the dead write nothing")
                return await write(operation)

            here.journal.write = write_if_alive  # type: ignore[method-assign]
            with killer:
                living = asyncio.create_task(live(here))
                killer.on_death = lambda: loop.call_soon(living.cancel)
                await asyncio.wait([living])
            living.cancelled() or living.exception()
    except Killed:
        pass
    return killer.lines


async def live(here: Life) -> None:
    """Go on with everything until it has ended."""
    for conversation_id in await here.journal.read(lifecycle.listed):
        await here.play(conversation_id)


def check(conversation: Conversation, town: Town) -> None:
    """What must hold whatever happened."""
    ids = Counter(mail["Message-ID"] for mail in town.delivered)
    assert all(times == 1 for times in ids.values()), f"sent twice: {ids}"
    assert conversation.verdict is not None
    sent = {message.message_id for message in conversation.messages if not message.inbound}
    if conversation.verdict is Verdict.FAULTED:
        assert (conversation.reason or "").startswith("send uncertain"), conversation.reason
    else:
        assert sent == set(ids), "what the journal says was sent is what the desk got"
    assert len(town.delivered) <= 3
    received = Counter(message.message_id for message in conversation.messages if message.inbound)
    assert set(received.values()) <= {1}, "stored twice"
    assert len(received) == len(town.mailbox), "a mail was lost"


async def run_with_kills(folder: Path, kills: list[int], answer: Any) -> tuple[Conversation, Town]:
    (conversation,), town = await family_with_kills(folder, kills, answer, ask_twice)
    return conversation, town


async def family_with_kills(
    folder: Path, kills: list[int], answer: Any, story: Scenario
) -> tuple[list[Conversation], Town]:
    """The conversation, and its companions."""
    town = Town(folder, answer=answer)
    async with life(town, story) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
    for number, line in enumerate(kills):
        await killed_at(town, line, f"test:{number}", story)
        town.clock.turn(61)  # its lease runs out
    async with life(town, story, "test:last") as here:
        await live(here)
        await here.poll()
        return [await here.load(conversation_id), *await here.companions(conversation_id)], town


async def test_without_a_kill_the_measured_story_passes(tmp_path: Path) -> None:
    conversation, town = await run_with_kills(tmp_path, [], friendly)
    check(conversation, town)
    assert conversation.verdict is Verdict.PASSED
    assert len(town.delivered) == 3


@pytest.mark.parametrize("answer", [friendly, silent])
async def test_killed_at_every_line_of_the_story(tmp_path: Path, answer: Any) -> None:
    """Each distinct line of the story at its first execution, and a sample of the later ones."""
    whole = Town(tmp_path / "measure", answer=answer)
    async with life(whole, ask_twice) as here:
        await begin(here.journal, definition(), whole.clock.now())
    lines = await killed_at(whole, None, "test:measure")
    assert lines > 300, "the story is traced"
    verdicts: Counter[Verdict | None] = Counter()
    step = max(1, lines // 150)
    for line in range(1, lines, step):
        conversation, town = await run_with_kills(tmp_path / str(line), [line], answer)
        check(conversation, town)
        verdicts[conversation.verdict] += 1
    if answer is friendly:
        assert verdicts[Verdict.PASSED] > verdicts.total() * 0.9, "an answer proves that an interrupted send went out"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kills=st.lists(st.integers(1, 2500), max_size=6), answer=st.sampled_from([friendly, silent]))
async def test_killed_again_and_again(tmp_path_factory: pytest.TempPathFactory, kills: list[int], answer: Any) -> None:
    conversation, town = await run_with_kills(tmp_path_factory.mktemp("kills"), kills, answer)
    check(conversation, town)


def check_together(family: list[Conversation], town: Town) -> None:
    """What must hold of a conversation and its companion whatever happened."""
    assert len(family) <= 2, "begun twice"
    assert {conversation.verdict for conversation in family} <= {Verdict.PASSED, Verdict.FAILED, Verdict.FAULTED}
    for conversation in family:
        if conversation.verdict is Verdict.FAULTED:
            assert (conversation.reason or "").startswith("send uncertain"), conversation.reason
        else:
            assert len(family) == 2, "its companion was lost"
    sent = Counter(str(mail["From"]) for mail in town.delivered)
    assert all(times == 1 for times in sent.values()), f"sent twice: {sent}"
    received = Counter(
        message.message_id for conversation in family for message in conversation.messages if message.inbound
    )
    assert set(received.values()) <= {1}, "stored twice"
    assert len(received) == len(town.mailbox), "a mail was lost"


@pytest.mark.parametrize("answer", [friendly, silent])
async def test_killed_at_every_line_a_companion_is_begun_once_and_waited_for(tmp_path: Path, answer: Any) -> None:
    whole = Town(tmp_path / "measure", answer=answer)
    async with life(whole, ask_together) as here:
        await begin(here.journal, definition(), whole.clock.now())
    lines = await killed_at(whole, None, "test:measure", ask_together)
    assert len(whole.delivered) == 2
    verdicts: Counter[Verdict | None] = Counter()
    for line in range(1, lines, max(1, lines // 60)):
        family, town = await family_with_kills(tmp_path / str(line), [line], answer, ask_together)
        check_together(family, town)
        verdicts[family[0].verdict] += 1
    if answer is friendly:
        assert verdicts[Verdict.PASSED] > verdicts.total() * 0.9, "an answer proves that an interrupted send went out"
