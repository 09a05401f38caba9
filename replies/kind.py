"""What kind of message it is, by ordered evidence.

Reports and receipts are told by their structure; everything else by what the *new text* says, with the headers as
support (`replies.origin`). Quotations must be gone before (`replies.new_text`), or a quoted acknowledgement would
decide. Signs of a person are looked for in what is left of the text when all that programs say is taken away.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from replies import phrases, programs
from replies.advertising import bulk_evidence
from replies.agents import named
from replies.bounces import bounce
from replies.finding import quoted
from replies.message import Message
from replies.new_text import repeats_ours
from replies.origin import NULL_SENDER, origin
from replies.phrases import plain, table
from replies.promise import promise
from replies.sentences import sentences
from replies.wrappers import framed

MAX_JUDGED = 4_000

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


_ABSENT_OR_AUTOMATIC = table("subject_out_of_office")
_ABSENT = table("subject_absent")
_RECEIVED_SUBJECT = table("subject_acknowledgement")
_CLOSED_SUBJECT = table("subject_closed")
_SURVEY_SUBJECT = table("subject_survey")
_READ_SUBJECT = re.compile(rf"^(?:{phrases.alternatives('subject_receipt')})(?: ?:|\b.{{0,4}}$)")
_COMPLAINT_SUBJECT = re.compile(r"^(?:fwd?: )?(?:complaint about|(?:email )?(?:feedback|abuse|spam) report)")
_REPLY_SUBJECT = re.compile(r"^(?:re|aw|sv|antw|rép|rif|vs|odp|ynt)(?:\[\d\])? ?:")
_QUESTION_MARKS = ("?", "？", ";", "؟")
_MONEY = re.compile(r"(?:[€$£¥₽₺]|\b(?:eur|usd|chf|gbp|kr|zł|kč|ft|lei|руб|грн))\.? ?\d|\d ?(?:[€$£¥₽₺%円元원]|(?:eur|euros?|usd|chf|gbp|kr|zł|kč|ft|lei|руб|грн)\b)")
_WAS = re.compile(r"\b(?:was|were|been|war|étais|estaba|ero|estava|byłe?a?m|был[аи]?)\b[^.!?]{0,30}$")


def classify(message: Message, new_text: str, ours: Sequence[str] = ()) -> Classified:
    """The kind of `message`, whose new part is `new_text`; `ours` are texts of ours that a desk may mail back.

    Never raises on what `read` gives. For bounces `permanent` is False where the report says delayed or delivered.
    """
    if found := bounce(message):
        return Classified(Kind.BOUNCE, found.rule, quoted(found.evidence), found.permanent)
    if message.report:
        rule = f"other.{message.report.type.replace('-', '_')[:40]}"
        return Classified(Kind.OTHER, rule, quoted(message.header("content-type")))
    return _Reading(message, new_text, ours).verdict()


class _Reading:
    """The evidence in one message, gathered once and judged in order."""

    def __init__(self, message: Message, new_text: str, ours: Sequence[str]) -> None:
        self.message = message
        self.ours = ours
        self.new = new_text[:MAX_JUDGED]
        self.text = plain(self.new)
        self.subject = plain(message.subject)
        self.replied = bool(_REPLY_SUBJECT.match(self.subject))  # such a subject is ours, coming back
        self.origin = origin(message)
        self.framed = framed(message.text[:MAX_JUDGED].split("\n")) is not None
        self.said = [plain(sentence) for sentence in sentences(self.new)]
        self.receipt = self._first(programs.receipt)
        self.rest = [sentence for sentence in self.said if not programs.expected(sentence)]
        self.words = sum(map(programs.words, self.rest))
        self.first_person = any(phrases.PERSON.search(sentence) for sentence in self.rest)

    def _first(self, speaks: Callable[[str], str]) -> str:
        """The words by which the first sentence speaks, or ""."""
        return next((found for sentence in self.said if (found := speaks(sentence))), "")

    def verdict(self) -> Classified:
        """The first rule that speaks."""
        return (
            self._echo()
            or self._read_receipt()
            or self._framed()
            or self._out_of_office()
            or self._challenge()
            or self._notice()
            or self._acknowledgement()
            or self._bulk()
            or self._automatic()
            or Classified(Kind.HUMAN, "human", quoted(self.new or self.message.subject))
        )

    def _signs_of_a_person(self) -> int:
        score = (self.words > 12) + (self.words > 40) + 3 * self.first_person
        score += 2 * any(phrases.DID.search(sentence) for sentence in self.rest)
        score += any(sentence.endswith(_QUESTION_MARKS) for sentence in self.rest)
        score += any(_MONEY.search(sentence) for sentence in self.rest)
        return score + self.origin.person * ((self.words > 4) + (self.message.sender_name != ""))

    def _signed(self) -> bool:
        """Does the sender's name, as a person has one, stand below the text?"""
        name = self.message.sender_name.casefold()
        last = [line.strip().casefold() for line in self.new.split("\n") if line.strip()][-4:]
        return " " in name and name in last

    def _echo(self) -> Classified | None:
        if self.text:
            return None
        if self.ours and repeats_ours(self.message.text, self.ours):
            return Classified(Kind.OTHER, "other.echo", quoted(self.message.text))
        if self.framed:
            return Classified(Kind.OTHER, "other.empty_notice", quoted(self.message.subject))
        return None

    def _read_receipt(self) -> Classified | None:
        if self.origin.strong and _READ_SUBJECT.match(self.subject):
            return Classified(Kind.OTHER, "other.receipt", quoted(self.message.subject))
        return None

    def _framed(self) -> Classified | None:
        """In the frame of a helpdesk stands an agent's text, unless the mail is the answer to one of ours."""
        if not self.framed:
            return None
        if self.origin.strong:
            return Classified(Kind.OTHER, "other.echo_in_frame", quoted(self.origin.strong))
        return Classified(Kind.HUMAN, "human.framed", quoted(self.new))

    def _out_of_office(self) -> Classified | None:
        told = self.origin
        subject = None if self.replied else _ABSENT_OR_AUTOMATIC.search(self.subject)
        found = phrases.OUT_OF_OFFICE.search(self.text)
        if self.receipt and not told.person and not (found and _ABSENT.search(found[0]) and not told.desk):
            return None  # a desk that confirms the receipt and tells its hours
        marked = told.strong or subject or told.vacation
        if found and (marked or (found.start() < 250 and told.weak and not told.desk)):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.phrase", quoted(found[0]))
        # Desks acknowledge with the vacation responder of their mail server, too.
        if told.vacation and not self.receipt and not phrases.COURTESY.search(self.text):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.header", quoted(self.message.subject))
        if found and found.start() < 200 and self.words <= 30 and not _is_over(self.text, found.start()):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.text", quoted(found[0]))
        absent = (told.strong or told.weak) and not told.desk and _ABSENT.search(self.subject)
        if absent and _ABSENT_OR_AUTOMATIC.search(self.subject) and not self.receipt:
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.subject", quoted(self.message.subject))
        return self._responder()

    def _responder(self) -> Classified | None:
        """A person's own responder, whose words nobody foresaw: it says when or whom to ask instead."""
        told = self.origin
        if not told.strong or told.desk or self.receipt or not told.person or " " not in self.message.sender_name:
            return None
        found = phrases.URGENT.search(self.text) or phrases.RETURN.search(self.text)
        return Classified(Kind.OUT_OF_OFFICE, "out_of_office.responder", quoted(found[0])) if found else None

    def _challenge(self) -> Classified | None:
        found = phrases.CHALLENGE.search(self.text)
        subject = None if self.replied else phrases.CHALLENGE.search(self.subject)
        if not (found or subject) or not phrases.LINK.search(self.text):
            return None
        if self.first_person and not subject and not self.origin.strong:
            return None
        return Classified(Kind.CHALLENGE, "challenge", quoted(found[0] if found else self.message.subject))

    def _notice(self) -> Classified | None:
        """Solved, closed, merged, reminder, survey: the desk's program speaks, not a person."""
        updated = phrases.UPDATED.search(self.text)
        if updated and self._signs_of_a_person() < 2 + bool(self.origin.weak) + 2 * bool(self.origin.strong):
            return Classified(Kind.OTHER, "other.updated", quoted(updated[0]))
        closed = self._first(programs.ended)
        survey = phrases.SURVEY.search(self.text)
        found = closed or (survey and survey[0])
        subject = _CLOSED_SUBJECT.search(self.subject) or _SURVEY_SUBJECT.search(self.subject)
        if not found or (self.receipt and not subject):
            return None
        score = 2 + bool(subject) + 2 * bool(self.origin.strong) + bool(self.origin.weak)
        if score <= self._signs_of_a_person():
            return None
        return Classified(Kind.OTHER, "other.closed" if closed else "other.survey", quoted(found))

    def _acknowledgement(self) -> Classified | None:
        automatic = self._first(programs.automatic)
        silent = self._first(programs.no_reply)
        courtesy = phrases.COURTESY.search(self.text)
        promised = phrases.PROMISE.search(self.text) or promise(self.new)
        subject = None if self.replied else _RECEIVED_SUBJECT.search(self.subject)
        received = self.receipt or ("" if self.replied else programs.receipt(self.subject))
        score = 2 * bool(received) + 3 * bool(automatic) + bool(courtesy) + bool(promised) + 2 * bool(subject)
        score += 2 * bool(silent)
        found = received or automatic or (subject and subject[0]) or (courtesy and courtesy[0]) or silent
        if not found or score < 2:
            return None
        score += 3 * bool(self.origin.strong) + bool(self.origin.weak)
        if score <= self._signs_of_a_person():
            return None
        return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.phrase", quoted(found))

    def _bulk(self) -> Classified | None:
        found = bulk_evidence(self.message, self.text)
        if not found or self.origin.desk:
            return None
        if found.startswith("precedence") and (self.origin.answers or self.replied or self.origin.strong):
            return None
        return Classified(Kind.BULK, "bulk", quoted(found))

    def _automatic(self) -> Classified | None:
        """Declared automatic, and nothing above recognised it."""
        told = self.origin
        acknowledges = _RECEIVED_SUBJECT.search(self.subject) or phrases.COURTESY.search(self.text)
        if told.strong == NULL_SENDER and not told.answers and not acknowledges:
            return Classified(Kind.BULK, "bulk.null_sender", quoted(told.strong))
        if told.strong:
            return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.header", quoted(told.strong))
        # An answer to ours that says something of its own is a person's, whatever its address is called: desks write from
        # billing@ and no-reply@, and some put Precedence: bulk on everything.
        speaks = told.answers and (self.words >= FEWEST_WORDS or self._signed())
        machine = (told.machine or (told.weak and not told.person)) and not told.desk and not speaks
        if machine or _COMPLAINT_SUBJECT.search(self.subject):
            return Classified(Kind.OTHER, "other.automatic", quoted(told.weak or self.message.sender))
        return None


def _is_over(text: str, position: int) -> bool:
    """Whether the absence is past: "sorry, I was out of the office last week"."""
    return bool(_WAS.search(text[max(0, position - 40) : position + 6]))
