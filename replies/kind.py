"""What kind of message it is, by ordered evidence.

Reports and receipts are told by their structure; everything else by what the *new text* says, with the headers as
support (`replies.origin`). Quotations must be gone before (`replies.new_text`), or a quoted acknowledgement would
decide. What is found is gathered in `replies.evidence`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from replies import phrases, programs
from replies.absence import away
from replies.advertising import bulk_evidence
from replies.bounces import bounce
from replies.evidence import Evidence
from replies.finding import quoted
from replies.message import Message
from replies.new_text import repeats_ours
from replies.origin import NULL_SENDER
from replies.phrases import table
from replies.promise import promise

DESK_MARKS = 2
"""What the mark of a helpdesk weighs against signs of a person."""

FEWEST_WORDS = 5
"""Words that no program would say: fewer are no sign of a person."""


class Kind(StrEnum):
    """What a message is; `sent` is one of ours."""

    SENT = "sent"
    HUMAN = "human"
    ACKNOWLEDGEMENT = "acknowledgement"
    OUT_OF_OFFICE = "out_of_office"
    BOUNCE = "bounce"
    BULK = "bulk"
    CHALLENGE = "challenge"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Classified:
    """A kind, the rule that decided and the words that prove it; `permanent` is for bounces only."""

    kind: Kind
    rule: str
    evidence: str
    permanent: bool | None = None


_CLOSED_SUBJECT = table("subject_closed")
_SURVEY_SUBJECT = table("subject_survey")
_PURCHASE, _INVITES = table("purchase"), table("invites")
_REACHABLE = re.compile(r"https?://")
_READ_SUBJECT = re.compile(rf"^(?:{phrases.alternatives('subject_receipt')})(?: ?:|\b.{{0,4}}$)")
_COMPLAINT_SUBJECT = re.compile(r"^(?:fwd?: )?(?:complaint about|(?:email )?(?:feedback|abuse|spam) report)")


def classify(message: Message, new_text: str, ours: Sequence[str] = ()) -> Classified:
    """The kind of `message`, whose new part is `new_text`; `ours` are texts of ours that a desk may mail back.

    Never raises on what `read` gives. For bounces `permanent` is False where the report says delayed or delivered.
    """
    if found := bounce(message):
        return Classified(Kind.BOUNCE, found.rule, quoted(found.evidence), found.permanent)
    if message.report:
        rule = f"other.{message.report.type.replace('-', '_')[:40]}"
        return Classified(Kind.OTHER, rule, quoted(message.header("content-type")))
    return _Reading(Evidence(message, new_text, ours)).verdict()


def _ended_by_nobody(sentence: str) -> str:
    """The words of an end, where no person says "I have closed it"."""
    return "" if phrases.PERSON.search(sentence) else programs.ended(sentence)


class _Reading:
    """The rules, in order, over the evidence in one message."""

    def __init__(self, told: Evidence) -> None:
        self.told = told

    def verdict(self) -> Classified:
        """The first rule that speaks."""
        return (
            self._echo()
            or self._read_receipt()
            or self._framed()
            or self._gate()
            or self._calendar()
            or self._out_of_office()
            or self._challenge()
            or self._notice()
            or self._copy()
            or self._purchase()
            or self._acknowledgement()
            or self._bulk()
            or self._automatic()
            or Classified(Kind.HUMAN, "human", quoted(self.told.new or self.told.message.subject))
        )

    def _echo(self) -> Classified | None:
        if self.told.text:
            return None
        if self.told.ours and repeats_ours(self.told.message.text, self.told.ours):
            return Classified(Kind.OTHER, "other.echo", quoted(self.told.message.text))
        changed = (
            not self.told.replied and self.told.origin.desk and self.told.origin.weak and self.told.message.text.strip()
        )
        if self.told.framed or changed:
            return Classified(Kind.OTHER, "other.empty_notice", quoted(self.told.message.subject))
        return None

    def _read_receipt(self) -> Classified | None:
        if (self.told.origin.strong or self.told.origin.weak) and _READ_SUBJECT.match(self.told.subject):
            return Classified(Kind.OTHER, "other.receipt", quoted(self.told.message.subject))
        return None

    def _framed(self) -> Classified | None:
        """In the frame of a helpdesk stands an agent's text, unless the mail is the answer to one of ours."""
        if not self.told.framed:
            return None
        if self.told.origin.strong:
            return Classified(Kind.OTHER, "other.echo_in_frame", quoted(self.told.origin.strong))
        return Classified(Kind.HUMAN, "human.framed", quoted(self.told.new))

    def _out_of_office(self) -> Classified | None:
        found = away(self.told)
        return Classified(Kind.OUT_OF_OFFICE, f"out_of_office.{found.rule}", quoted(found.evidence)) if found else None

    def _gate(self) -> Classified | None:
        """The filter of a person's mailbox, in whose name it may speak, asks for a proof."""
        guarded = self.told.first(programs.guarded)
        reachable = _REACHABLE.search(self.told.text)
        proves = self.told.first(programs.proves) if guarded or reachable else ""
        marked = self.told.origin.strong or self.told.origin.weak
        asks = proves or (marked and not self.told.receipt and phrases.LINK.search(self.told.text))
        if not (guarded and asks) and not (proves and not self.told.first_person and reachable):
            return None
        if self.told.specific:
            return None
        return Classified(Kind.CHALLENGE, "challenge.gate", quoted(proves or guarded))

    def _calendar(self) -> Classified | None:
        """What a calendar sends: invitations, and what became of them."""
        programmed = self.told.message.calendar or self.told.origin.strong or self.told.origin.weak
        if not programmed or not _INVITES.match(self.told.subject) or self.told.first_person or self.told.specific:
            return None
        return Classified(Kind.OTHER, "other.calendar", quoted(self.told.message.subject))

    def _challenge(self) -> Classified | None:
        found = phrases.CHALLENGE.search(self.told.text)
        subject = None if self.told.replied else phrases.CHALLENGE.search(self.told.subject)
        if not (found or subject) or not phrases.LINK.search(self.told.text):
            return None
        if self.told.first_person and not subject and not self.told.origin.strong:
            return None
        return Classified(Kind.CHALLENGE, "challenge", quoted(found[0] if found else self.told.message.subject))

    def _notice(self) -> Classified | None:
        """Solved, closed, merged, reminder, survey: the desk's program speaks, not a person."""
        changed = phrases.UPDATED.search(self.told.text) or phrases.REMINDER.search(self.told.text)
        reminds = not self.told.replied and bool(phrases.REMINDER.search(self.told.subject))
        silence = self.told.first(programs.silence)
        elsewhere = programs.elsewhere(self.told.text)
        closed = self.told.first(_ended_by_nobody)
        if not closed and not self.told.replied and not self.told.first_person:
            closed = programs.ended(self.told.subject)
        survey = phrases.SURVEY.search(self.told.text)
        subject = _CLOSED_SUBJECT.search(self.told.subject) or _SURVEY_SUBJECT.search(self.told.subject)
        ends = (closed or survey) and (subject or not self.told.receipt)
        score = 2 * bool(changed) + 2 * reminds + 2 * bool(ends) + 2 * bool(ends and subject)
        score += 2 * bool(self.told.origin.strong) + bool(self.told.origin.weak)
        score += 2 * bool(silence) + 3 * bool(elsewhere)
        if (
            not (changed or ends or silence or (elsewhere and not self.told.receipt))
            or score <= self.told.signs_of_a_person()
        ):
            return None
        if closed and ends:
            return Classified(Kind.OTHER, "other.closed", quoted(closed))
        if survey and ends:
            return Classified(Kind.OTHER, "other.survey", quoted(survey[0]))
        return Classified(Kind.OTHER, "other.updated", quoted(changed[0] if changed else silence or elsewhere))

    def _purchase(self) -> Classified | None:
        """A shop confirms what was bought."""
        told = self.told
        found = None if told.replied or told.origin.answers else _PURCHASE.search(told.subject)
        if not found or told.first_person or told.origin.desk or bulk_evidence(told.message, told.text):
            return None
        return Classified(Kind.OTHER, "other.purchase", quoted(told.message.subject))

    def _copy(self) -> Classified | None:
        """What we wrote, sent back, and nothing of theirs beside it."""
        found = phrases.COPY.search(self.told.text) or (
            not self.told.replied and phrases.COPY.search(self.told.subject)
        )
        if not found or self.told.receipt or self.told.first_person or phrases.PROMISE.search(self.told.text):
            return None
        return Classified(Kind.OTHER, "other.copy", quoted(found[0]))

    def _acknowledgement(self) -> Classified | None:
        automatic = self.told.first(programs.automatic)
        silent = self.told.first(programs.no_reply)
        courtesy = phrases.COURTESY.search(self.told.text)
        promised = phrases.PROMISE.search(self.told.text) or promise(self.told.new)
        titled = self.told.titled
        if self.told.message.headers.get("list-id") and not self.told.origin.answers and not self.told.origin.desk:
            titled = silent = ""  # a newsletter may be called anything
        score = 2 * bool(self.told.receipt) + 3 * bool(automatic) + bool(courtesy) + bool(promised) + 2 * bool(titled)
        score += 2 * bool(silent) + bool(self.told.habitual and self.told.receipt)
        found = self.told.receipt or automatic or titled or (courtesy and courtesy[0]) or silent
        if not found or score < 2:
            return None
        score += 3 * bool(self.told.origin.strong) + bool(self.told.origin.weak)
        if score <= self.told.signs_of_a_person():
            return None
        return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.phrase", quoted(found))

    def _bulk(self) -> Classified | None:
        found = bulk_evidence(self.told.message, self.told.text)
        if not found or (
            self.told.origin.desk and (self.told.origin.answers or self.told.replied or found.startswith("precedence"))
        ):
            return None
        if found.startswith("precedence") and (
            self.told.origin.answers or self.told.replied or self.told.origin.strong
        ):
            return None
        return Classified(Kind.BULK, "bulk", quoted(found))

    def _automatic(self) -> Classified | None:
        """Declared automatic, and nothing above recognised it."""
        told = self.told.origin
        acknowledges = self.told.titled or phrases.COURTESY.search(self.told.text)
        if told.strong == NULL_SENDER and not told.answers and not acknowledges:
            return Classified(Kind.BULK, "bulk.null_sender", quoted(told.strong))
        by_name = told.person or self.told.signed_for_team()
        if told.strong and told.desk and by_name and self.told.signs_of_a_person() > DESK_MARKS:
            return None  # some helpdesks declare automatic whatever their people write
        if told.strong and told.answers and self.told.speaks():
            return None  # marked by mistake: nothing in it is what programs say
        if told.strong:
            return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.header", quoted(told.strong))
        # An answer to ours that says something of its own is a person's, whatever its address is called: desks write from
        # billing@ and no-reply@, and some put Precedence: bulk on everything.
        speaks = told.answers and (self.told.words >= FEWEST_WORDS or self.told.signed())
        machine = (told.machine or (told.weak and not told.person)) and not told.desk and not speaks
        if machine or _COMPLAINT_SUBJECT.search(self.told.subject):
            return Classified(Kind.OTHER, "other.automatic", quoted(told.weak or self.told.message.sender))
        return None
