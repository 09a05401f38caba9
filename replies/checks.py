"""Every check on replies, in the order in which findings are shown, and the guard that runs them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from replies.agents import agent, signed
from replies.authentication import authentication_finding
from replies.canned import canned
from replies.departments import department
from replies.finding import Finding
from replies.guard import guarded
from replies.handoffs import asked_twice, circle, handed_on
from replies.headers import display_name
from replies.kind import Kind
from replies.language import language, language_of
from replies.notices import handoff, notices
from replies.off_topic import off_topic
from replies.promise import promise
from replies.reading import Reading
from replies.repeated import already_told
from replies.spelling import spelling
from replies.threading import threading
from replies.tone import tone

_ANY = frozenset(Kind)
_SPOKEN = frozenset({Kind.HUMAN, Kind.ACKNOWLEDGEMENT})
_NOTICED = frozenset({Kind.HUMAN, Kind.OTHER})
_ANSWERING = frozenset({Kind.HUMAN, Kind.ACKNOWLEDGEMENT, Kind.OTHER, Kind.BOUNCE})
_PERSON = frozenset({Kind.HUMAN})


@dataclass(frozen=True, slots=True)
class Check:
    """A function over a reading, the kinds of mail that it looks at, and the names under which its findings go."""

    names: tuple[str, ...]
    kinds: frozenset[Kind]
    look: Callable[[Reading], Iterable[Finding]]


def findings(reading: Reading) -> list[Finding]:
    """What can be said about a message.

    A check that has nothing to say says nothing. One that fails inside says `unknown`, rule `CHECK.error`, and harms no
    other; the log tells where, without a word of the mail.
    """
    return [found for check in CHECKS if reading.kind.kind in check.kinds for found in _guarded(check, reading)]


def _guarded(check: Check, reading: Reading) -> list[Finding]:
    def failed(kind: str) -> list[Finding]:
        return [Finding(name, "unknown", f"{name}.error", f"the check failed ({kind})") for name in check.names]

    return guarded(f"the check {check.names[0]}", lambda: list(check.look(reading)), failed)


def _spam_folder(reading: Reading) -> Iterator[Finding]:
    """The folder that IMAP found it in, never inferred."""
    if reading.folder == "INBOX":
        yield Finding("spam_folder", "ok", "folder", reading.folder)
    elif reading.folder is not None:
        yield Finding("spam_folder", "problem", "folder", f"it was delivered to the folder {reading.folder}")


def _authentication(reading: Reading) -> Iterator[Finding]:
    if reading.authserv_id is not None:
        yield authentication_finding(reading.message, reading.authserv_id)


def _promise(reading: Reading) -> Iterator[Finding]:
    if found := promise(reading.new_text):
        value = {"seconds": found.seconds, "unit": found.unit}
        yield Finding("promise", "ok", f"promise.{found.unit}", found.evidence, value)


def _notices(reading: Reading) -> Iterable[Finding]:
    return notices(reading.message, reading.new_text)


def _threading(reading: Reading) -> Iterator[Finding]:
    if found := threading(reading.message, reading.kind, reading.before):
        yield found


def _handoff(reading: Reading) -> Iterator[Finding]:
    who = (agent(reading.message, reading.new_text), department(reading.message, reading.new_text))
    if found := handoff(reading.new_text) or handed_on(*who, reading.before):
        yield found


def _loop(reading: Reading) -> Iterator[Finding]:
    if reading.before:
        who = agent(reading.message, reading.new_text)
        if found := circle(who, reading.before) or asked_twice(reading.new_text, reading.before):
            yield found


def _already_told(reading: Reading) -> Iterator[Finding]:
    if reading.facts:
        yield already_told(reading.new_text, reading.facts)


def _signed(reading: Reading) -> Iterator[Finding]:
    yield signed(reading.message, reading.new_text)


def _tone(reading: Reading) -> Iterable[Finding]:
    name = reading.customer_name or display_name(reading.message.header("to")) or None
    return tone(reading.new_text, name, reading.upset)


def _language(reading: Reading) -> Iterator[Finding]:
    if spoken := language_of(reading.asked):
        yield language(reading.new_text, spoken)


def _spelling(reading: Reading) -> Iterator[Finding]:
    message = reading.message
    names = (reading.customer_name or "", message.sender, message.sender_name, message.subject, message.header("to"))
    yield spelling(reading.new_text, (reading.asked, *reading.facts.values(), *names))


def _off_topic(reading: Reading) -> Iterator[Finding]:
    if reading.ours:
        yield off_topic(reading.new_text, reading.asked, reading.other_questions, reading.other_replies)


def _canned(reading: Reading) -> Iterator[Finding]:
    if reading.other_replies:
        yield canned(reading.new_text, reading.other_replies)


CHECKS = (
    Check(("spam_folder",), _ANY, _spam_folder),
    Check(("authentication",), _ANY, _authentication),
    Check(("promise",), _SPOKEN, _promise),
    Check(("no_reply", "login_wall", "form_only", "closed", "survey"), _NOTICED, _notices),
    Check(("threading",), _ANSWERING, _threading),
    Check(("handoff",), _PERSON, _handoff),
    Check(("loop",), _PERSON, _loop),
    Check(("already_told",), _PERSON, _already_told),
    Check(("signed",), _PERSON, _signed),
    Check(("greeting", "thanks", "apology", "closing", "rude"), _PERSON, _tone),
    Check(("language",), _PERSON, _language),
    Check(("spelling",), _PERSON, _spelling),
    Check(("off_topic",), _PERSON, _off_topic),
    Check(("canned",), _PERSON, _canned),
)
"""On every message that came in."""

BY_SCENARIOS = (
    "questions_answered",
    "intact",
    "parity",
    "reopened",
    "context_lost",
    "apologised",
    "expectation",
    "kept_in_hours",
)
"""Made by scenarios while they play, with what only they know (`replies/questions.py`, `replies/intact.py`, `scenarios/`)."""

NAMES = (*(name for check in CHECKS for name in check.names), *BY_SCENARIOS)
"""Every check."""
