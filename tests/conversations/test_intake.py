"""What is noted about a mail that came in, beside whose it is: when it came, who vouches for it, how much of a flood is read."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from conversations import intake
from conversations.customer import Customer
from conversations.description import describe
from conversations.durations import Duration
from conversations.intake import Intake
from conversations.journal import lifecycle, messages
from conversations.records import Conversation
from conversations.scenario import Scenario, scenario
from probes.mail.arrivals import Arrival, Position
from replies.kind import Kind
from tests.conversations.desk import MAILBOX, Life, Town, begin, definition, life
from tests.conversations.journal.aggregated import everything

PATIENCE = Duration.parse("1 hour")


@scenario("Never stops answering")
async def chatter(customer: Customer) -> None:
    await customer.write("Is anybody there?")
    while True:
        await customer.reply(within=PATIENCE)
        await customer.answer("Is that all?")


@scenario("Wait for one answer of a person")
async def one_question(customer: Customer) -> None:
    await customer.write("Is anybody there?")
    await customer.reply(within=PATIENCE)


async def playing(here: Life, story: Callable[[Life, str], Any], **changes: Any) -> Conversation:
    conversation_id = await begin(here.journal, definition(**changes), here.town.clock.now())
    await here.settle()
    await story(here, conversation_id)
    return await here.load(conversation_id)


async def taken_in(
    here: Life,
    *,
    lag: float,
    skew: float | None = None,
    stamp: float = 0.0,
    headers: dict[str, str] | None = None,
    **of: Any,
) -> dict[str, Any]:
    """The JSON of a conversation whose answer was stamped `stamp` seconds from now and seen `lag` seconds from now."""
    zero = datetime.fromtimestamp(here.town.clock.now(), UTC)

    async def story(here: Life, conversation_id: str) -> None:
        here.town.reply(here.town.delivered[-1], "Yes, I am here.", **(headers or {}))
        raw = here.town.mailbox[-1].raw
        at = (zero + timedelta(seconds=stamp), zero + timedelta(seconds=lag))
        intake = Intake(
            here.journal, MAILBOX, "anna@inbox.example", here.town.clock, here.town.folder / "evidence",
            lambda _: None, lambda: skew, **of,
        )  # fmt: skip
        await intake.keep("INBOX", [Arrival("INBOX", 7, 1, raw, len(raw), *at)], Position(7, 2))

    return describe(await playing(here, story))


def told(seconds: float, here: Life) -> str:
    at = datetime.fromtimestamp(here.town.clock.now() + seconds, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- when it came -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skew", "stamp", "lag", "earliest", "latest", "lay"),
    [
        # The stamp has whole seconds; detection is the tighter end of them.
        (None, 0, 0.4, 0, 0.4, 0.0),
        (None, 0, 30.0, 0, 1.0, 29.0),
        # A skew is taken off both ends.
        (3600.0, -3600, 50.0, 0, 1.0, 49.0),
        # One that is too small to correct widens the range where the server's clock is ahead for sure.
        (-0.75, 1, 30.0, 0.25, 2.0, 28.0),
        (1.5, 0, 30.0, 0, 1.0, 29.0),
        # A stamp in our future: it cannot have come after it was seen.
        (None, 120, 10.0, 10, 10.0, 0.0),
    ],
)
async def test_a_message_tells_the_range_of_its_delivery_and_apart_from_it_how_long_it_lay(
    tmp_path: Path, skew: float | None, stamp: float, lag: float, earliest: float, latest: float, lay: float
) -> None:
    async with life(Town(tmp_path), one_question) as here:
        sent, came = (await taken_in(here, skew=skew, stamp=stamp, lag=lag))["messages"]
        assert came["at_range"] == [told(earliest, here), told(latest, here)]
        assert (came["at"], came["detected_at"]) == (told(latest, here), told(lag, here))
        assert came["detection_lag_seconds"] == lay
        assert (sent["at_range"], sent["detected_at"], sent["detection_lag_seconds"]) == (None, None, None)


async def test_the_detection_lag_is_counted_for_every_mail_once_whoever_it_belongs_to(tmp_path: Path) -> None:
    async with life(Town(tmp_path), one_question) as here:
        await taken_in(here, lag=4.0)
        stray = EmailMessage()
        stray["From"], stray["Subject"] = "news@shop.example", "Offers"
        stray.set_content("Everything must go.")
        here.town.mailbox.clear()
        here.town.receive(stray)
        raw, now = here.town.mailbox[0].raw, datetime.fromtimestamp(here.town.clock.now(), UTC)
        for uid in (8, 9):  # the same mail twice
            seen = Arrival("INBOX", 7, uid, raw, len(raw), now, now)
            await here.intake.keep("INBOX", [seen], Position(7, uid + 1))
        counted = await here.journal.read(everything)
    assert {labels["le"]: n for labels, n in counted["detection_lag_seconds_bucket"]} == {"5.0": 1, "0.1": 1}
    assert counted["detection_lag_seconds_sum"] == [({"mailbox": MAILBOX}, 3.0)]


# --- who vouches for it -----------------------------------------------------------------------------------------

FAILS = {"Authentication-Results": "mx.inbox.example; spf=pass; dkim=none; dmarc=fail"}
AUTOMATIC = {"Auto-Submitted": "auto-replied", "Subject": "We have received your request"}


@pytest.mark.parametrize(
    ("authserv_id", "headers", "found"),
    [
        ("mx.inbox.example", FAILS, [("problem", "spf=pass, dkim=none, dmarc=fail")]),
        ("inbox.example", FAILS, [("problem", "spf=pass, dkim=none, dmarc=fail")]),
        ("mx.other.example", FAILS, [("unknown", "")]),  # anybody can write such a field
        ("mx.inbox.example", {}, [("unknown", "")]),
        (None, FAILS, []),
        ("mx.inbox.example", {**FAILS, **AUTOMATIC}, []),
    ],
)
async def test_a_persons_reply_is_judged_by_the_provider_that_the_mailbox_trusts_and_nobody_else(
    tmp_path: Path, authserv_id: str | None, headers: dict[str, str], found: list[tuple[str, str]]
) -> None:
    async with life(Town(tmp_path), one_question) as here:
        said = await taken_in(here, lag=1.0, authserv_id=authserv_id, headers=headers)
    judged = [each for each in said["findings"] if each["check"] == "authentication"]
    assert [(each["result"], each["evidence"]) for each in judged] == found


# --- robots -----------------------------------------------------------------------------------------------------


async def ended(
    tmp_path: Path, what: Scenario, answer: Callable[[Town, EmailMessage], None]
) -> tuple[Town, Conversation]:
    town = Town(tmp_path, answer=answer)
    async with life(town, what) as here:
        return town, await here.play(await begin(here.journal, definition(), town.clock.now()))


async def test_a_robot_that_answers_each_message_within_a_second_ends_with_our_last_turn(tmp_path: Path) -> None:
    def robot(town: Town, mail: EmailMessage) -> None:
        town.clock.turn(1)
        for number in range(200):
            town.reply(mail, f"Thank you for your message, number {number}. Please tell us more.")

    town, conversation = await ended(tmp_path, chatter, robot)
    turns = definition().limits.turns
    assert (conversation.verdict, len(town.delivered)) == ("faulted", turns)
    assert "limits.turns" in (conversation.reason or "")
    assert len(town.mailbox) == 200 * turns
    assert len(conversation.messages) <= turns + turns * lifecycle.MOST_OF_A_KIND


async def test_a_robot_that_says_it_is_one_is_never_answered(tmp_path: Path) -> None:
    def robot(town: Town, mail: EmailMessage) -> None:
        for number in range(200):
            town.reply(mail, f"Automatic answer {number}", **{"Auto-Submitted": "auto-replied"})

    town, conversation = await ended(tmp_path, chatter, robot)
    assert (conversation.verdict, conversation.reason) == ("failed", "no reply within 1 hour")
    assert len(town.delivered) == 1


async def test_a_person_is_heard_behind_a_flood_of_robots_and_what_was_left_out_is_told(tmp_path: Path) -> None:
    def noise(town: Town, mail: EmailMessage) -> None:
        for number in range(lifecycle.MOST_OF_A_KIND + 30):
            town.reply(mail, f"Automatic answer {number}", **{"Auto-Submitted": "auto-replied"})
        town.reply(mail, "Yes, I am here.\n\nRobin")

    _, conversation = await ended(tmp_path, one_question, noise)
    assert (conversation.verdict, conversation.left_out) == ("passed", 30)
    assert conversation.reason == "30 more mails of a flood were not looked at"
    assert conversation.messages[-1].kind is Kind.HUMAN
    assert describe(conversation)["messages_left_out"] == 30
    folders = [found for found in conversation.findings if found.check == "spam_folder"]
    assert len(folders) == lifecycle.MOST_OF_A_KIND + 1, "findings are bounded with what is looked at"


async def test_a_flood_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversations.examination.MOST_RAW", 20)

    def noise(town: Town, mail: EmailMessage) -> None:
        for number in range(30):
            town.reply(mail, f"Automatic answer {number}", **{"Auto-Submitted": "auto-replied"})

    _, conversation = await ended(tmp_path, one_question, noise)
    assert sum(message.inbound for message in conversation.messages) == 30
    assert len(list((tmp_path / "evidence" / conversation.id).glob("*.eml"))) == 20


async def test_a_flood_of_strangers_is_kept_without_filling_the_disk_and_a_reply_among_it_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("conversations.examination.MOST_UNMATCHED_RAW", 20)

    def noise(town: Town, mail: EmailMessage) -> None:
        for number in range(30):
            town.receive_raw(f"From: x@stranger.example\r\nSubject: {number}\r\n\r\nBuy this.\r\n".encode())
        town.reply(mail, "Yes, I am here.\n\nRobin")
        failed = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n"
        town.receive_raw(f"{failed}Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n--x--".encode())

    town = Town(tmp_path, answer=noise)
    async with life(town, one_question) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
        strangers = await here.journal.read(lambda c: messages.unmatched(c, 100))
    assert conversation.verdict == "passed"
    assert Counter(each["kind"] for each in strangers) == {Kind.OTHER: 30, Kind.BOUNCE: 1}
    assert strangers[-1]["text"].strip() == "Buy this."
    assert len(list((tmp_path / "evidence" / f"unmatched-{MAILBOX}").glob("*.eml"))) == 20
    assert len([line for line in caplog.messages if "matches no conversation" in line]) == intake.MOST_LINES
    assert f"mailbox {MAILBOX}: 28 more mails match none" in caplog.messages


async def test_an_absence_is_noted_once_in_seven_days_for_each_sender(tmp_path: Path) -> None:
    async with life(Town(tmp_path), one_question) as here:
        conversation_id = await begin(here.journal, definition(), here.town.clock.now())
        await here.settle()
        noted = []
        for sender, wait in (("a", 0), ("a", 86_400), ("b", 0), ("a", 3 * 86_400), ("a", 8 * 86_400)):
            here.town.clock.turn(wait)
            here.town.reply(
                here.town.delivered[0],
                "I am out of the office.",
                From=f"{sender}@desk.example",
                Subject="Automatic reply",
            )
            await here.poll()
            noted.append(len((await here.load(conversation_id)).findings))
        kinds = {message.kind for message in (await here.load(conversation_id)).messages if message.inbound}
    assert kinds == {Kind.OUT_OF_OFFICE}
    assert noted == [1, 1, 2, 2, 3]
    assert messages.OUT_OF_OFFICE_ONCE_IN == 7 * 86_400
