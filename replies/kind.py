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

FEWEST_FIELDS = 2
"""Lines of a form that make a record."""

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
_DOT_OF_DATE = re.compile(r"(?<=\d)\.(?=\s|\d|$)")
_QUOTED = re.compile(r'"[^"\n]{1,200}"|“[^”\n]{1,200}”|„[^“”"\n]{1,200}[“”"]|«[^»\n]{1,200}»|»[^«\n]{1,200}«|「[^」\n]{1,200}」')
_FIELD = re.compile(r"\s{0,4}[*•-]?\s?[^\W\d_][^:.!?]{0,30}:(?:\s|$)")
_WAS = re.compile(
    r"\b(?:was|were|been|war|waren|gewesen|étais|étions|estaba|estuve|ero|eravamo|estava|estive|was|waren|var|vært|varit"
    r"|været|olin|olimme|byłe?a?m|byliśmy|byl[aio]?|bol[aio]?|voltam|voltunk|am fost|fusesem|ήμουν|bi[ol]a?|бях|бяхме|был[аи]?|був|була)"
    r"\b[^.!?]{0,40}$"
)
_OTHERS = re.compile(r"^(?:is|he|she|ist|est|está|è|är|er|on|jest|je) ")


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
        own = _QUOTED.sub(" ", _without_record(self.new))
        self.text = _without_dots(plain(_QUOTED.sub(" ", self.new)))
        self.subject = plain(message.subject)
        self.replied = bool(_REPLY_SUBJECT.match(self.subject))  # such a subject is ours, coming back
        self.origin = origin(message)
        self.framed = framed(message.text[:MAX_JUDGED].split("\n")) is not None
        self.said = [_without_dots(plain(sentence)) for sentence in sentences(own)]
        self.receipt = self._first(programs.receipt)
        self.titled = self._title()
        self.rest = [sentence for sentence in self.said if not programs.expected(sentence)]
        self.words = sum(map(programs.words, self.rest))
        self.first_person = any(phrases.PERSON.search(sentence) for sentence in self.rest)

    def _title(self) -> str:
        """The words of a subject of theirs that confirm a receipt, or ""."""
        if self.replied:
            return ""
        found = _RECEIVED_SUBJECT.search(self.subject)
        return found[0] if found else programs.receipt(self.subject)

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
            or self._copy()
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
        found = phrases.OUT_OF_OFFICE.search(self.text) or phrases.CLOSED_SHOP.search(self.text)
        if (self.receipt or programs.receipt(self.subject)) and not told.person and not (found and _ABSENT.search(found[0]) and not told.desk):
            return None  # a desk that confirms the receipt and tells its hours
        marked = told.strong or subject or told.vacation
        if found and (marked or (found.start() < 250 and told.weak and not told.desk)):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.phrase", quoted(found[0]))
        # Desks acknowledge with the vacation responder of their mail server, too.
        if told.vacation and not self.receipt and not phrases.COURTESY.search(self.text):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.header", quoted(self.message.subject))
        if found and found.start() < 200 and self.words <= 30 and self._is_away(found):
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.text", quoted(found[0]))
        absent = (told.strong or told.weak) and not told.desk and _ABSENT.search(self.subject)
        if absent and _ABSENT_OR_AUTOMATIC.search(self.subject) and not self.receipt:
            return Classified(Kind.OUT_OF_OFFICE, "out_of_office.subject", quoted(self.message.subject))
        return self._responder()

    def _is_away(self, found: re.Match[str]) -> bool:
        """Whether `found` speaks of the sender, and of now: "I was away", "Tom is away, so I looked" do not."""
        if _WAS.search(self.text[max(0, found.start() - 45) : found.start() + 6]) or _OTHERS.match(found[0]):
            return False
        about = next((sentence for sentence in self.said if found[0] in sentence), "")
        return not phrases.DID.search(about) and not any(phrases.DID.search(sentence) for sentence in self.rest)

    def _responder(self) -> Classified | None:
        """A person's own responder, whose words nobody foresaw: it says when or whom to ask instead."""
        told = self.origin
        if not told.strong or told.desk or self.receipt or not told.person or " " not in self.message.sender_name:
            return None
        if phrases.COURTESY.search(self.text) and (phrases.PROMISE.search(self.text) or promise(self.new)):
            return None  # "thanks for writing, I will be back to you by tomorrow"
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
        score = 2 + 2 * bool(subject) + 2 * bool(self.origin.strong) + bool(self.origin.weak)
        if score <= self._signs_of_a_person():
            return None
        return Classified(Kind.OTHER, "other.closed" if closed else "other.survey", quoted(found))

    def _copy(self) -> Classified | None:
        """What we wrote, sent back, and nothing of theirs beside it."""
        found = phrases.COPY.search(self.text) or (not self.replied and phrases.COPY.search(self.subject))
        if not found or self.receipt or self.first_person or phrases.PROMISE.search(self.text):
            return None
        return Classified(Kind.OTHER, "other.copy", quoted(found[0]))

    def _acknowledgement(self) -> Classified | None:
        automatic = self._first(programs.automatic)
        silent = self._first(programs.no_reply)
        courtesy = phrases.COURTESY.search(self.text)
        promised = phrases.PROMISE.search(self.text) or promise(self.new)
        titled = self.titled
        score = 2 * bool(self.receipt) + 3 * bool(automatic) + bool(courtesy) + bool(promised) + 2 * bool(titled)
        score += 2 * bool(silent)
        found = self.receipt or automatic or titled or (courtesy and courtesy[0]) or silent
        if not found or score < 2:
            return None
        score += 3 * bool(self.origin.strong) + bool(self.origin.weak)
        if score <= self._signs_of_a_person():
            return None
        return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.phrase", quoted(found))

    def _bulk(self) -> Classified | None:
        found = bulk_evidence(self.message, self.text)
        if not found or (self.origin.desk and (self.origin.answers or self.replied or found.startswith("precedence"))):
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
        if told.strong and told.desk and told.person and self._signs_of_a_person() > DESK_MARKS:
            return None  # some helpdesks declare automatic whatever their people write
        if told.strong:
            return Classified(Kind.ACKNOWLEDGEMENT, "acknowledgement.header", quoted(told.strong))
        # An answer to ours that says something of its own is a person's, whatever its address is called: desks write from
        # billing@ and no-reply@, and some put Precedence: bulk on everything.
        speaks = told.answers and (self.words >= FEWEST_WORDS or self._signed())
        machine = (told.machine or (told.weak and not told.person)) and not told.desk and not speaks
        if machine or _COMPLAINT_SUBJECT.search(self.subject):
            return Classified(Kind.OTHER, "other.automatic", quoted(told.weak or self.message.sender))
        return None


def _without_dots(text: str) -> str:
    """Without the dots of dates and ordinals, at which a phrase would take the sentence for ended."""
    return _DOT_OF_DATE.sub("", text)


def _without_record(text: str) -> str:
    """Without lines of a form such as "Name: Ann", where there are several: nobody says these."""
    lines = text.split("\n")
    fields = [bool(_FIELD.match(line)) for line in lines]
    if sum(fields) < FEWEST_FIELDS:
        return text
    return "\n".join("" if field else line for line, field in zip(lines, fields, strict=True))
