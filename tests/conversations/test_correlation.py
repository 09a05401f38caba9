"""Which conversation a mail belongs to, with real mails through the intake, into a real journal."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from conversations.customer import Customer
from conversations.definition import Definition
from conversations.durations import Duration
from conversations.intake import Intake
from conversations.journal import messages
from conversations.records import Conversation, StoredMessage, Verdict
from conversations.scenario import scenario
from probes.mail.arrivals import Arrival, Position
from replies.kind import Kind
from tests.conversations.desk import MAILBOX, Life, Town, begin, definition, life
from tests.conversations.journal.aggregated import everything

US = "anna@inbox.example"
DESK = "support@desk.example"


@scenario("Ask and wait for three replies")
async def ask(customer: Customer) -> None:
    await customer.write("Where is my parcel? I have been waiting for it for two weeks.", subject="My parcel")
    for _ in range(3):
        await customer.reply(within=Duration.parse("1 day"))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


@pytest.fixture
async def here(town: Town) -> AsyncIterator[Life]:
    async with life(town, ask) as living:
        yield living


async def asked(here: Life, seed: int = 1, **changes: Any) -> Conversation:
    """A conversation whose first message has gone out; another seed is another visit with another reference."""
    channel = changes.pop("channel", "support")
    what: Definition = definition(channel=channel, visit=f"visit-{seed}", **changes.pop("desk", {}))
    conversation_id = await begin(here.journal, what.model_copy(update=changes), here.town.clock.now(), seed)
    await here.settle()
    return await here.load(conversation_id)


def mail(
    text: str = "It is on its way.", *, subject: str = "Your question", sender: str = DESK, to: str = US, **headers: str
) -> EmailMessage:
    """A mail of the desk that by itself belongs to nothing."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Message-ID"] = headers.pop("Message_ID", f"<{random.getrandbits(64)}@desk.example>")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def raw(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=default.clone(linesep="\r\n"))


async def matched(here: Life, conversation: Conversation, *, by: str) -> StoredMessage:
    """Exactly one message has come in, into this conversation, by this rule."""
    await here.poll()
    [inbound] = [message for message in (await here.load(conversation.id)).messages if message.inbound]
    assert inbound.matched_by == by
    return inbound


async def unmatched(here: Life) -> list[str]:
    await here.poll()
    return [mail["subject"] for mail in await here.journal.read(lambda c: messages.unmatched(c, 100))]


# --- the rules, in their order ----------------------------------------------------------------------------------


async def test_in_reply_to_finds_the_conversation(here: Life) -> None:
    await asked(here, 2)
    one = await asked(here)
    here.town.receive(mail(In_Reply_To=str(one.messages[0].message_id)))
    await matched(here, one, by="in-reply-to")


async def test_references_find_it_when_in_reply_to_is_missing(here: Life) -> None:
    await asked(here, 2)
    one = await asked(here)
    here.town.receive(mail(References=f"<strange@elsewhere.example> {one.messages[0].message_id}"))
    await matched(here, one, by="references")


async def test_in_reply_to_outdoes_references(here: Life) -> None:
    one, two = await asked(here), await asked(here, 2)
    ids = str(one.messages[0].message_id), str(two.messages[0].message_id)
    here.town.receive(mail(In_Reply_To=ids[0], References=f"{ids[1]}"))
    await matched(here, one, by="in-reply-to")


async def test_a_message_id_is_known_from_their_own_earlier_mail(here: Life) -> None:
    one = await asked(here)
    here.town.receive(mail(Message_ID="<first@desk.example>", In_Reply_To=str(one.messages[0].message_id)))
    here.town.receive(mail("And one thing more.", In_Reply_To="<first@desk.example>"))
    await here.poll()
    assert [m.matched_by for m in (await here.load(one.id)).messages if m.inbound] == ["in-reply-to", "in-reply-to"]


async def test_the_plus_address_finds_it(here: Life) -> None:
    await asked(here, 2, plus="+")
    one = await asked(here, plus="+")
    assert one.messages[0].sender == f"anna+{one.reference.lower()}@inbox.example"
    here.town.receive(mail(to=one.messages[0].sender))
    await matched(here, one, by="plus-address")


async def test_the_plus_address_is_found_in_delivered_to_as_well(here: Life) -> None:
    one = await asked(here, plus="+")
    here.town.receive(mail(to=US, Delivered_To=one.messages[0].sender))
    await matched(here, one, by="plus-address")


async def test_a_ticket_that_was_learnt_finds_it(here: Life) -> None:
    one = await asked(here)
    here.town.receive(mail(subject="[DESK-4711] My parcel", In_Reply_To=str(one.messages[0].message_id)))
    here.town.receive(mail("From another system.", subject="Update of [DESK-4711]"))
    await here.poll()
    rules = [m.matched_by for m in (await here.load(one.id)).messages if m.inbound]
    assert rules == ["in-reply-to", "ticket"]


async def test_a_ticket_and_a_reference_in_one_subject_that_disagree_decide_nothing(here: Life) -> None:
    one, two = await asked(here), await asked(here, 2)
    here.town.receive(mail("Received.", subject="[DESK-4711] My parcel", In_Reply_To=str(one.messages[0].message_id)))
    here.town.receive(mail("Whose?", subject=f"[DESK-4711] My parcel ({two.reference})"))
    here.town.receive(mail(f"> {two.reference}\n\nYours.", subject=f"[DESK-4711] My parcel {two.reference}"))
    assert await unmatched(here) == [f"[DESK-4711] My parcel ({two.reference})"]
    assert [m.matched_by for m in (await here.load(two.id)).messages if m.inbound] == ["token-in-body"]


async def test_a_desk_is_not_blamed_for_silence_when_mail_of_it_could_not_be_placed(here: Life) -> None:
    one = await asked(here)
    here.town.receive(mail(subject="An answer to nobody knows what"))
    here.town.receive(mail(subject="An offer", sender="sales@other.example"))
    assert len(await unmatched(here)) == 2
    here.town.clock.turn(24 * 3600 + 1)
    ended = await here.play(one.id)
    assert (ended.verdict, ended.reason) == (
        Verdict.FAULTED,
        "no reply within 1 day, but what came from the desk meanwhile fits no conversation (1): "
        "see mysterybot conversations unmatched",
    )


async def test_an_acknowledgement_that_could_not_be_placed_is_no_reply(here: Life) -> None:
    one = await asked(here)
    here.town.acknowledge(here.town.delivered[0])
    here.town.receive(mail("We have received your request.", Auto_Submitted="auto-replied"))
    assert len(await unmatched(here)) == 1
    here.town.clock.turn(24 * 3600 + 1)
    assert (await here.play(one.id)).verdict is Verdict.FAILED


async def test_a_ticket_from_a_foreign_domain_finds_nothing(here: Life) -> None:
    """Numbers are not unique in the world: another company's ticket 4711 is another ticket."""
    one = await asked(here)
    here.town.receive(mail(subject="[DESK-4711] My parcel", In_Reply_To=str(one.messages[0].message_id)))
    here.town.receive(mail("Buy this.", subject="[DESK-4711] An offer", sender="sales@other.example"))
    assert await unmatched(here) == ["[DESK-4711] An offer"]
    assert len((await here.load(one.id)).messages) == 2


async def test_a_ticket_from_a_domain_that_answered_before_finds_it(here: Life) -> None:
    one = await asked(here)
    ours = str(one.messages[0].message_id)
    here.town.receive(mail(subject="[DESK-4711] My parcel", sender="x@helpdesk.example", In_Reply_To=ours))
    here.town.receive(mail("Here it is.", subject="[DESK-4711] My parcel", sender="y@helpdesk.example"))
    await here.poll()
    assert [m.matched_by for m in (await here.load(one.id)).messages if m.inbound] == ["in-reply-to", "ticket"]


async def test_the_reference_in_the_subject_finds_it(here: Life) -> None:
    await asked(here, 2)
    one = await asked(here)
    here.town.receive(mail(subject=f"Your parcel ({one.reference})"))
    await matched(here, one, by="token-in-subject")


async def test_the_reference_in_the_text_finds_it_in_any_case(here: Life) -> None:
    await asked(here, 2)
    one = await asked(here)
    here.town.receive(mail(f"About your reference {one.reference.lower()}: it is on its way."))
    await matched(here, one, by="token-in-body")


async def test_the_subject_outdoes_the_text(here: Life) -> None:
    one, two = await asked(here), await asked(here, 2)
    here.town.receive(mail(f"See also {two.reference}.", subject=f"Parcel {one.reference}"))
    await matched(here, one, by="token-in-subject")


async def test_what_only_looks_like_a_reference_finds_nothing(here: Life) -> None:
    one = await asked(here)
    here.town.receive(mail(subject=f"Order X{one.reference}9"))
    assert await unmatched(here) == [f"Order X{one.reference}9"]


async def test_the_words_of_a_form_find_it_when_the_desk_writes_them(here: Life) -> None:
    one = await asked(here, channel="form")
    here.town.receive(
        mail("Hello, it is on its way.\n\n> Where is my parcel? I have been waiting for it for two weeks.")
    )
    await matched(here, one, by="form-marker")


async def test_the_words_of_a_form_from_anybody_else_find_nothing(here: Life) -> None:
    await asked(here, channel="form")
    text = "> Where is my parcel? I have been waiting for it for two weeks."
    here.town.receive(mail(text, subject="Copied", sender="somebody@else.example"))
    assert await unmatched(here) == ["Copied"]


async def test_the_same_words_in_two_open_forms_find_neither(here: Life) -> None:
    one, two = await asked(here, channel="form"), await asked(here, 2, channel="form")
    here.town.receive(mail("> Where is my parcel? I have been waiting for it for two weeks.", subject="Which one?"))
    assert await unmatched(here) == ["Which one?"]
    assert not [m for each in (one, two) for m in (await here.load(each.id)).messages if m.inbound]


async def test_a_form_that_was_answered_is_not_found_by_its_words_again(here: Life) -> None:
    one = await asked(here, channel="form")
    words = "> Where is my parcel? I have been waiting for it for two weeks."
    here.town.receive(mail(f"On its way.\n\n{words}"))
    await here.poll()
    here.town.receive(mail(f"A newsletter.\n\n{words}", subject="Later"))
    assert await unmatched(here) == ["Later"]
    assert len([m for m in (await here.load(one.id)).messages if m.inbound]) == 1


async def test_our_own_mail_that_comes_back_is_known_and_answers_nothing(here: Life) -> None:
    one = await asked(here)
    here.town.receive(here.town.delivered[0])
    inbound = await matched(here, one, by="own-message-id")
    assert inbound.kind is Kind.OTHER
    await here.settle()
    assert (await here.load(one.id)).steps[-1].outcome == {}, "the customer still waits"


@pytest.mark.parametrize("name", ["Message-ID", "X-Google-Original-Message-ID", "X-Microsoft-Original-Message-ID"])
async def test_a_bounce_is_found_by_the_mail_that_it_encloses(here: Life, name: str) -> None:
    one = await asked(here)
    lines = (
        "From: MAILER-DAEMON@mx.example",
        f"To: {US}",
        "Subject: Undelivered Mail Returned to Sender",
        "Message-ID: <bounce@mx.example>",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
        "",
        "--x",
        "",
        "Sorry.",
        "--x",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example",
        "",
        f"Final-Recipient: rfc822; {DESK}",
        "Action: failed",
        "Status: 5.1.1",
        "--x",
        "Content-Type: message/rfc822",
        "",
        f"{name}: {one.messages[0].message_id}",
        "Subject: My parcel",
        "",
        "Where",
        "--x--",
        "",
    )
    here.town.receive_raw("\r\n".join(lines).encode())
    bounce = await matched(here, one, by="references")
    assert bounce.kind is Kind.BOUNCE


# --- ambiguity --------------------------------------------------------------------------------------------------


async def test_a_mail_that_answers_two_conversations_stays_unmatched_and_is_counted(here: Life) -> None:
    one, two = await asked(here), await asked(here, 2)
    ids = f"{one.messages[0].message_id} {two.messages[0].message_id}"
    here.town.receive(mail(subject="To both of you", In_Reply_To=ids, References=ids))
    here.town.receive(mail(subject=f"{one.reference} and {two.reference}"))
    assert set(await unmatched(here)) == {"To both of you", f"{one.reference} and {two.reference}"}
    counted = await here.journal.read(everything)
    assert counted["mailbox_unmatched_total"] == [({"mailbox": MAILBOX}, 2.0)]


async def test_a_later_rule_may_decide_what_an_earlier_one_left_open(here: Life) -> None:
    one, two = await asked(here), await asked(here, 2)
    ids = f"{one.messages[0].message_id} {two.messages[0].message_id}"
    here.town.receive(mail(subject=f"Parcel {two.reference}", In_Reply_To=ids))
    await matched(here, two, by="token-in-subject")


async def test_mail_that_belongs_to_nothing_is_kept_with_its_raw_text_and_wakes_nobody(here: Life) -> None:
    one = await asked(here)
    here.town.receive(mail("A newsletter.", subject="News"))
    assert await unmatched(here) == ["News"]
    assert (await here.load(one.id)).rev == one.rev
    kept = list((here.town.folder / "evidence" / f"unmatched-{MAILBOX}").iterdir())
    assert [b"A newsletter." in path.read_bytes() for path in kept] == [True]


# --- what comes at the wrong time, or twice ---------------------------------------------------------------------


async def test_mail_to_a_conversation_that_has_ended_is_kept_and_wakes_nobody(here: Life) -> None:
    one = await asked(here)
    ended = await here.play(one.id)
    assert ended.verdict is Verdict.FAILED
    here.town.receive(mail("Sorry for the delay.", In_Reply_To=str(one.messages[0].message_id)))
    await matched(here, one, by="in-reply-to")
    late = await here.load(one.id)
    assert (late.verdict, late.wake_at, late.reason) == (ended.verdict, None, ended.reason)
    assert await unmatched(here) == []


async def test_twenty_conversations_of_one_mailbox_each_get_their_own_answer_in_any_order(here: Life) -> None:
    all_of_them = [await asked(here, seed) for seed in range(1, 21)]
    ways = ("in_reply_to", "references", "subject", "body")
    shuffled = random.Random(5).sample(list(enumerate(all_of_them)), 20)
    for number, one in shuffled:
        text, headers = f"Answer number {number}.", dict[str, str]()
        match ways[number % 4]:
            case "in_reply_to":
                headers["In_Reply_To"] = str(one.messages[0].message_id)
            case "references":
                headers["References"] = str(one.messages[0].message_id)
            case "subject":
                headers["subject"] = f"AW: My parcel ({one.reference})"
            case _:
                text += f" Your reference: {one.reference}"
        here.town.receive(mail(text, **headers))
    await here.poll()
    for number, one in enumerate(all_of_them):
        texts = [m.text for m in (await here.load(one.id)).messages if m.inbound]
        assert len(texts) == 1
        assert texts[0].startswith(f"Answer number {number}.")


@pytest.mark.parametrize("at_once", [1, 2, 50])
async def test_mails_that_are_taken_in_together_are_matched_as_if_they_had_come_one_by_one(
    here: Life, at_once: int
) -> None:
    """What one teaches, the next is known by; and where it answers a form, the words of that form find nothing more."""
    one, form = await asked(here), await asked(here, 2, channel="form")
    words = "> Where is my parcel? I have been waiting for it for two weeks."
    came = [
        mail(subject="[DESK-4711] too early"),
        mail(subject="[DESK-4711] My parcel", In_Reply_To=str(one.messages[0].message_id)),
        mail("From another system.", subject="Update of [DESK-4711]"),
        mail(f"On its way.\n\n{words}", subject="Your form", Message_ID="<first@desk.example>"),
        mail(f"A newsletter.\n\n{words}", subject="A newsletter"),
        mail("And that is all.", subject="More", In_Reply_To="<first@desk.example>"),
    ]
    for each in came:
        here.town.receive(each)
    arrivals = here.town.mailbox
    for start in range(0, len(arrivals), at_once):
        batch = arrivals[start : start + at_once]
        await here.intake.keep("INBOX", batch, Position(7, batch[-1].uid + 1))
    assert await here.intake.position("INBOX") == Position(7, len(came) + 1)
    assert await unmatched(here) == ["A newsletter", "[DESK-4711] too early"]
    rules = [[m.matched_by for m in (await here.load(each.id)).messages if m.inbound] for each in (one, form)]
    assert rules == [["in-reply-to", "ticket"], ["form-marker", "in-reply-to"]]


async def test_the_same_mail_in_two_folders_counts_once(here: Life) -> None:
    one = await asked(here)
    answer = mail(In_Reply_To=str(one.messages[0].message_id))
    here.town.receive(answer)
    here.town.receive(answer, "Junk")
    await matched(here, one, by="in-reply-to")


async def test_a_copy_with_other_trace_headers_is_the_same_mail(here: Life) -> None:
    one = await asked(here)
    answer = raw(mail(In_Reply_To=str(one.messages[0].message_id)))
    here.town.receive_raw(b"Received: from a by b\r\n" + answer)
    here.town.receive_raw(b"Received: from c by d\r\nX-Spam: no\r\n" + answer)
    await matched(here, one, by="in-reply-to")


async def test_a_mailbox_that_was_renumbered_doubles_nothing(here: Life) -> None:
    one = await asked(here)
    here.town.receive(mail(In_Reply_To=str(one.messages[0].message_id)))
    here.town.receive(mail("News.", subject="News"))
    await here.poll()
    again = [
        Arrival("INBOX", 99, number, each.raw, each.size, each.internal_date, each.detected_at)
        for number, each in enumerate(here.town.mailbox, 1)
    ]
    await here.intake.keep("INBOX", again, Position(99, 3))
    await matched(here, one, by="in-reply-to")
    assert await unmatched(here) == ["News"]
    assert await here.intake.position("INBOX") == Position(99, 3)


async def test_two_answers_under_one_message_id_are_both_kept(here: Life) -> None:
    one = await asked(here)
    ours = str(one.messages[0].message_id)
    here.town.receive(mail("First answer.", Message_ID="<same@desk.example>", In_Reply_To=ours))
    here.town.receive(mail("Second answer.", Message_ID="<same@desk.example>", In_Reply_To=ours))
    await here.poll()
    texts = [m.text.strip() for m in (await here.load(one.id)).messages if m.inbound]
    assert texts == ["First answer.", "Second answer."]


async def test_a_second_answer_under_a_message_id_that_the_desk_used_before_is_an_answer(here: Life) -> None:
    one = await asked(here)
    ours = str(one.messages[0].message_id)
    here.town.receive(mail("First answer.", Message_ID="<same@desk.example>", In_Reply_To=ours))
    here.town.receive(mail("Second answer.", Message_ID="<same@desk.example>", In_Reply_To=ours))
    await here.poll()
    kinds = [(m.kind, m.matched_by) for m in (await here.load(one.id)).messages if m.inbound]
    assert kinds == [(Kind.HUMAN, "in-reply-to")] * 2


# --- positions and clocks ---------------------------------------------------------------------------------------


async def test_the_position_moves_with_the_mail_and_never_backwards(here: Life) -> None:
    assert await here.intake.position("INBOX") is None
    here.town.receive(mail(subject="One"))
    [one] = here.town.mailbox
    await here.intake.keep("INBOX", [one], Position(7, 2))
    await here.intake.keep("INBOX", [], Position(7, 1))
    assert await here.intake.position("INBOX") == Position(7, 2)
    assert await here.intake.position("Junk") is None


async def test_a_mail_is_stored_before_the_position_moves(here: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in between reads it again, and the journal drops what it knows."""
    here.town.receive(mail(subject="One"))

    def crashes(*_: object) -> None:
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as patched:
        patched.setattr(messages, "move_position", crashes)
        with pytest.raises(RuntimeError):
            await here.poll()
    assert await here.intake.position("INBOX") is None
    assert await unmatched(here) == ["One"]


@pytest.mark.parametrize(
    ("skew", "stamped", "detected", "delivered"),
    [
        # The stamp is cut to whole seconds: the mail came within the second after it, or when it was detected.
        (None, 0.0, 0.4, 0.4),
        (None, 0.0, 30.0, 1.0),
        # Our clock is an hour ahead of the server's: its stamp is an hour too early.
        (3600.0, -3600.0, 0.5, 0.5),
        (3600.0, -3600.0, 50.0, 1.0),
        # Our clock is behind: the stamp lies in our future, and the mail cannot have come after it was seen.
        (-120.0, 120.0, 10.0, 1.0),
        (None, 120.0, 10.0, 10.0),
        # Less than two seconds is rounding, not skew.
        (1.5, 0.0, 30.0, 1.0),
    ],
)
async def test_delivery_times_are_corrected_by_the_skew_of_the_servers_clock(
    here: Life, skew: float | None, stamped: float, detected: float, delivered: float
) -> None:
    one = await asked(here)
    zero = datetime.fromtimestamp(here.town.clock.now(), UTC)
    content = raw(mail(In_Reply_To=str(one.messages[0].message_id)))
    intake = Intake(
        here.journal, MAILBOX, US, here.town.clock, here.town.folder / "evidence", lambda _: None, lambda: skew
    )
    at = (zero + timedelta(seconds=stamped), zero + timedelta(seconds=detected))
    await intake.keep("INBOX", [Arrival("INBOX", 7, 1, content, len(content), *at)], Position(7, 2))
    inbound = await matched(here, one, by="in-reply-to")
    assert inbound.at - zero.timestamp() == pytest.approx(delivered)
    assert inbound.detected_at == at[1].timestamp()


# --- what anybody may send --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 200,
        b"Subject: " + b"x" * 100_000 + b"\r\n\r\nhello",
        b"In-Reply-To: " + b"<a@b> " * 5000 + b"\r\nReferences: " + b"<c@d>\r\n " * 5000 + b"\r\n\r\nhello",
        b"Subject: " + b"RX482173 " * 5000 + b"\r\n\r\n" + b"RX482174 " * 5000,
        b"To: " + b"anna+rx482173@inbox.example, " * 3000 + b"\r\n\r\nhello",
    ],
    ids=["empty", "binary", "long subject", "many ids", "many references", "many recipients"],
)
async def test_whatever_comes_is_kept_as_unmatched_and_the_next_mail_is_read(here: Life, content: bytes) -> None:
    one = await asked(here)
    here.town.receive_raw(content)
    here.town.receive(mail(In_Reply_To=str(one.messages[0].message_id)))
    await matched(here, one, by="in-reply-to")
    assert len(await unmatched(here)) == 1


async def test_a_forged_message_id_of_a_conversation_of_another_mailbox_finds_nothing(here: Life) -> None:
    """Clues are told apart by mailbox."""
    one = await asked(here)
    other = Intake(here.journal, "ben", "ben@inbox.example", here.town.clock, here.town.folder / "e", lambda _: None)
    here.town.receive(mail(subject="Hello", In_Reply_To=str(one.messages[0].message_id)))
    arrivals: Sequence[Arrival] = here.town.mailbox
    await other.keep("INBOX", arrivals, Position(7, 2))
    kept = await here.journal.read(lambda c: messages.unmatched(c, 10))
    assert [(each["mailbox"], each["subject"]) for each in kept] == [("ben", "Hello")]
