"""What a message says about who wrote it, gathered once for the rules of `replies.kind` and `replies.absence`.

Signs of a person are looked for in what is left of the text when all that programs say is taken away.
"""

import re
from collections.abc import Callable, Sequence

from replies import phrases, programs
from replies.agents import named
from replies.message import Message
from replies.origin import origin
from replies.phrases import plain, table
from replies.sentences import sentences
from replies.wrappers import framed

MAX_JUDGED = 4_000

FEWEST_FIELDS = 2
"""Lines of a form that make a record."""

_RECEIVED_SUBJECT = table("subject_acknowledgement")
_FORMULA, _HABIT = table("first_person_formula"), table("habit")
_REPLY_SUBJECT = re.compile(r"^(?:re|aw|sv|antw|rép|rif|vs|odp|ynt|fwd?|wg|tr|rv|i|enc|doorst|vb|pd)(?:\[\d\])? ?:")
_QUESTION_MARKS = ("?", "？", ";", "؟")
_DOT_OF_DATE = re.compile(r"(?<=\d)\.(?=\s|\d|$)")
_QUOTED = re.compile(
    r'"[^"\n]{15,200}"|“[^”\n]{15,200}”|„[^“”"\n]{15,200}[“”"]|«[^»\n]{15,200}»|»[^«\n]{15,200}«|「[^」\n]{8,200}」'
)
_FIELD = re.compile(r"\s{0,4}[*•-]?\s?[^\W\d_][^:.!?]{0,30}:(?:\s|$)")


class Evidence:
    """The evidence in one message, whose new part is `new_text`; `ours` are texts of ours that may come back."""

    def __init__(self, message: Message, new_text: str, ours: Sequence[str]) -> None:
        self.message = message
        self.ours = ours
        self.new = new_text[:MAX_JUDGED]
        self.text = _plain(self.new)
        self.subject = plain(message.subject)
        self.replied = bool(_REPLY_SUBJECT.match(self.subject))  # such a subject is ours, coming back
        self.origin = origin(message)
        self.framed = framed(message.text[:MAX_JUDGED].split("\n")) is not None
        self.said = [_plain(sentence) for sentence in sentences(_QUOTED.sub(" ", _without_record(self.new)))]
        self.receipt = self.first(programs.receipt)
        self.titled = self._title()
        self.habitual = bool(_HABIT.search(self.text))
        self.rest = [sentence for sentence in self.said if not self._expected(sentence)]
        self.words = sum(map(programs.words, self.rest))
        self.first_person = any(phrases.PERSON.search(sentence) for sentence in self.rest)
        self.specific = any(map(_is_specific, self.rest))

    def _title(self) -> str:
        """The words of a subject of theirs that confirm a receipt, or ""."""
        if self.replied:
            return ""
        found = _RECEIVED_SUBJECT.search(self.subject)
        return found[0] if found else programs.receipt(self.subject) or programs.courtesy(self.subject)

    def _expected(self, sentence: str) -> bool:
        """Whether a program would say it, also one that speaks as "I": then it tells what it does with every message."""
        if programs.expected(sentence):
            return True
        if not self.habitual or _is_specific(sentence) or not _FORMULA.search(sentence):
            return False
        return not phrases.PERSON.search(_FORMULA.sub(" ", sentence))

    def first(self, speaks: Callable[[str], str]) -> str:
        """The words by which the first sentence speaks, or ""."""
        return next((found for sentence in self.said if (found := speaks(sentence))), "")

    def signs_of_a_person(self) -> int:
        """Points for words that no program says, for what was done, asked or priced, and for a sender with a name."""
        formal = self.habitual and self.receipt and not self.specific  # whoever speaks as "I" tells what always holds
        score = (self.words > 12) + (self.words > 40) + 3 * (self.first_person and not formal) + self.signed()
        score += 2 * any(phrases.DID.search(sentence) for sentence in self.rest)
        score += 2 * any(sentence.endswith(_QUESTION_MARKS) and programs.words(sentence) > 4 for sentence in self.rest)
        score += 2 * (self.words > 12 and self.signed_for_team())
        score += any(programs.MONEY.search(sentence) for sentence in self.rest)
        return score + self.origin.person * ((self.words > 4) + (self.message.sender_name != ""))

    def speaks(self) -> bool:
        """Whether a person speaks in all that is said, and nothing is what programs say."""
        formal = [sentence for sentence in self.said if sentence not in self.rest and programs.words(sentence) > 4]
        return not formal and self.words > 12 and (self.first_person or self.specific or self.signed())

    def signed_for_team(self) -> bool:
        """Does a person's whole name stand below the text, where a team is the sender?"""
        if self.origin.person:
            return False
        found = named(self.message, self.new)
        return found is not None and found.rule == "signature" and " " in found.name

    def signed(self) -> bool:
        """Does the sender's name, as a person has one, or the first half of it stand below the text?"""
        name = self.message.sender_name.casefold()
        last = [line.strip().casefold() for line in self.new.split("\n") if line.strip()][-4:]
        return (
            self.origin.person
            and not self.origin.role
            and " " in name
            and bool(last)
            and (name in last or name.partition(" ")[0] == last[-1])
        )


def _is_specific(sentence: str) -> bool:
    """Whether it says what was done, asks, or names a price."""
    asks = sentence.endswith(_QUESTION_MARKS) and programs.words(sentence) > 4
    return bool(asks or phrases.DID.search(sentence) or programs.MONEY.search(sentence))


def _plain(text: str) -> str:
    """The form that phrases match, without quoted words and the dots of dates, at which a sentence would seem to end."""
    return _DOT_OF_DATE.sub("", plain(_QUOTED.sub(" ", text)))


def _without_record(text: str) -> str:
    """Without lines of a form such as "Name: Ann", where there are several: nobody says these."""
    lines = text.split("\n")
    fields = [bool(_FIELD.match(line)) for line in lines]
    if sum(fields) < FEWEST_FIELDS:
        return text
    return "\n".join("" if field else line for line, field in zip(lines, fields, strict=True))
