"""Mails in files, put together again into conversations by their ids, for `mysterybot read`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from replies.agents import agent
from replies.canned import MAX_TEXT, same_question
from replies.departments import Department, department
from replies.guard import guarded
from replies.kind import Classified, Kind
from replies.message import Message
from replies.threading import numbers
from replies.turns import Turn

MOST_OTHERS = 20

_BEFORE_SUBJECT = re.compile(
    r"^(?:(?:re|aw|fwd?|wg|sv|antw|rép|rif|odp)\s?(?:\[\d+\])?\s?:\s*|\[[^\]]{1,60}\]\s*)+", re.I
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is kept of a mail while others are read."""

    file: object
    ids: frozenset[str]  # its own, and those that it names
    at: datetime
    turn: Turn
    domain: str  # of the sender
    subject: str


def sent(file: object, message: Message) -> Letter:
    """One of ours."""
    turn = Turn(Kind.SENT, message.text[:MAX_TEXT], message.message_id, answers=bool(message.references))
    return _letter(file, message, turn)


def received(file: object, message: Message, text: str, kind: Classified) -> Letter:
    """One of theirs."""
    turn = Turn(kind.kind, text[:MAX_TEXT], message.message_id)
    turn = replace(turn, tickets=guarded("the ticket", lambda: numbers(message, kind.kind), lambda _: ()))
    if kind.kind is Kind.HUMAN:
        who = guarded("the agent", lambda: agent(message, text), lambda _: None)
        whom = guarded("the department", lambda: department(message, text), lambda _: Department())
        turn = replace(turn, agent=who, department=whom)
    return _letter(file, message, turn)


def _letter(file: object, message: Message, turn: Turn) -> Letter:
    named = (message.message_id, *message.in_reply_to, *message.references, *message.returned_ids)
    at = message.date or datetime.min.replace(tzinfo=UTC)
    domain = message.sender.rpartition("@")[2]
    return Letter(
        file, frozenset(filter(None, named)), at, turn, domain, _BEFORE_SUBJECT.sub("", message.subject[:300])
    )


class Threads:
    """Which letters belong together: those that share an id, or are tied by others that do."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self._root: dict[str, str] = {}
        for letter in letters:
            ids = iter(letter.ids)
            first = next(ids, None)
            for other in ids:
                self._root[self._of(other)] = self._of(str(first))
        self._by_file = {letter.file: letter for letter in letters}
        self._threads: dict[object, list[Letter]] = {}
        for letter in sorted(letters, key=lambda letter: letter.at):
            self._threads.setdefault(self._thread(letter), []).append(letter)
        self._people: dict[str, list[Letter]] = {}
        for letter in letters:
            if letter.turn.kind is Kind.HUMAN:
                self._people.setdefault(letter.domain, []).append(letter)

    def before(self, file: object) -> list[Turn]:
        """What went before this mail in its conversation, by the dates in the mails."""
        whole = self._whole(file)
        return [letter.turn for letter in whole[: [letter.file for letter in whole].index(file)]]

    def ours(self, file: object) -> list[str]:
        """What we wrote in its conversation."""
        return [letter.turn.text for letter in self._whole(file) if letter.turn.ours]

    def elsewhere(self, file: object) -> Iterator[tuple[str, str]]:
        """(question, reply) of people of the same desk in other conversations about something else.

        Where we have not the question, the subject stands for it.
        """
        own = self._by_file[file]
        asked, count = self._question(own), 0
        for other in self._people.get(own.domain, ()):
            if count < MOST_OTHERS and self._thread(other) != self._thread(own):
                question = self._question(other)
                if asked and question and not same_question(asked, question):
                    count += 1
                    yield question, other.turn.text

    def _question(self, letter: Letter) -> str:
        return next(iter(self.ours(letter.file)), letter.subject)

    def _whole(self, file: object) -> list[Letter]:
        return self._threads[self._thread(self._by_file[file])]

    def _thread(self, letter: Letter) -> object:
        return self._of(min(letter.ids)) if letter.ids else letter.file

    def _of(self, message_id: str) -> str:
        while (above := self._root.get(message_id, message_id)) != message_id:
            self._root[message_id] = self._root.get(above, above)  # halves the way each time
            message_id = above
        return message_id
