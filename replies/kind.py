"""What kind of message it is, by ordered evidence.

Reports and receipts are told by their structure; everything else by what the *new text* says, with the headers as
support (`replies.origin`). Quotations must be gone before (`replies.new_text`), or a quoted acknowledgement would
decide. Signs of a person are looked for in what is left of the text when all that programs say is taken away.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from replies import phrases
from replies.advertising import bulk_evidence
from replies.bounces import bounce
from replies.finding import quoted
from replies.message import Message
from replies.new_text import repeats_ours
from replies.origin import NULL_SENDER, origin
from replies.phrases import plain, table
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
        self.receipt = phrases.RECEIPT.search(self.text)
        rest = [said for sentence in sentences(self.new) if not _expected(said := plain(sentence))]
        self.words = sum(_words(sentence) for sentence in rest)
        self.first_person = any(phrases.PERSON.search(sentence) for sentence in rest)

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
        score = (self.words > 12) + (self.words > 25) + (self.words > 60) + 3 * self.first_person
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
        strong, weak, vacation = self.origin.strong, self.origin.weak, self.origin.vacation
        subject = None if self.replied else _ABSENT_OR_AUTOMATIC.search(self.subject)
        found = phrases.OUT_OF_OFFICE.search(self.text)
        if found and (strong or subject or vacation or (found.start() < 250 and weak and not self.origin.desk)):
            if self.receipt and self.origin.desk and not _ABSENT.search(found[0]):
                return None
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.phrase", quoted(found[0]))
        # Desks acknowledge with the vacation responder of their mail server, too.
        if vacation and not self.receipt and not _RECEIVED_SUBJECT.search(self.subject):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.header", quoted(self.message.subject))
        if found and found.start() < 200 and self.words <= 30 and not _is_over(self.text, found.start()):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.text", quoted(found[0]))
        absent = (strong or weak) and not self.origin.desk and _ABSENT.search(self.subject)
        if absent and _ABSENT_OR_AUTOMATIC.search(self.subject) and not self.receipt:
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.subject", quoted(self.message.subject))
        return None

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
        closed = phrases.CLOSED.search(self.text)
        found = closed or phrases.SURVEY.search(self.text)
        subject = _CLOSED_SUBJECT.search(self.subject) or _SURVEY_SUBJECT.search(self.subject)
        if not found or (self.receipt and not subject):
            return None
        score = 2 + bool(subject) + 2 * bool(self.origin.strong) + bool(self.origin.weak)
        if score <= self._signs_of_a_person():
            return None
        return Classified(Kind.OTHER, "other.closed" if closed else "other.survey", quoted(found[0]))

    def _acknowledgement(self) -> Classified | None:
        automatic = phrases.AUTOMATIC.search(self.text)
        courtesy = phrases.COURTESY.search(self.text)
        promise = phrases.PROMISE.search(self.text)
        subject = None if self.replied else _RECEIVED_SUBJECT.search(self.subject)
        score = 2 * bool(self.receipt) + 3 * bool(automatic) + bool(courtesy) + bool(promise) + 2 * bool(subject)
        found = self.receipt or automatic or subject or courtesy
        if not found or score < 2:
            return None
        score += 3 * bool(self.origin.strong) + bool(self.origin.weak)
        if score <= self._signs_of_a_person():
            return None
        return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.phrase", quoted(found[0]))

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


_SAID_BY_PROGRAMS = (phrases.AUTOMATIC, phrases.OUT_OF_OFFICE, phrases.SURVEY, phrases.UPDATED)
_SAID_BY_BOTH = (
    *(phrases.RECEIPT, phrases.BOILERPLATE, phrases.CLOSED, phrases.CHALLENGE),
    *(phrases.PROMISE, phrases.COURTESY),
)
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def _expected(sentence: str) -> bool:
    """Whether a program would say it: nothing that speaks for a person."""
    words = _words(sentence)
    if words <= 3 or phrases.GREETING.match(sentence) or (words <= 8 and phrases.CLOSING.search(sentence)):
        return True
    if any(known.search(sentence) for known in _SAID_BY_PROGRAMS):
        return True
    return any(known.search(sentence) for known in _SAID_BY_BOTH) and not phrases.PERSON.search(sentence)


def _words(sentence: str) -> int:
    """Words, also where a script writes them without spaces between."""
    return len(_WORD.findall(sentence)) + len(_UNSPACED.findall(sentence)) // 3


def _is_over(text: str, position: int) -> bool:
    """Whether the absence is past: "sorry, I was out of the office last week"."""
    return bool(_WAS.search(text[max(0, position - 40) : position + 6]))
