"""How a conversation can end before its scenario does, and whose fault that is.

    ConversationError
    ├── Failed                  theirs
    │   ├── NoReply             nobody answered in time
    │   ├── Undelivered         our mail came back, or the address or page refused it
    │   └── Unanswered          answers came, but not to what was asked
    └── Faulted                 ours, or unknown
        ├── SendUncertain       a send was interrupted, and nothing proves that it went out or that it did not
        ├── CouldNotSend        our mailbox, provider or browser let us down; nothing was sent
        ├── Unheard             our mailbox could not be read when the time ran out
        ├── NotBegun            limits or a pause forbade a companion
        ├── ScenarioChanged     the code changed under an open conversation
        ├── ScenarioBroken      the scenario raised, or did what a scenario must not do
        └── TooManyMessages     the scenario wrote more often than `limits.turns` allows

    Parked                      not an error: the conversation waits, and costs nothing until it is woken

A scenario may catch any ConversationError; `Failed` and `Faulted` that it raises or lets through decide the verdict.
"""

from typing import ClassVar


class ConversationError(Exception):
    """Ends a conversation unless the scenario catches it. `str()` is the reason, one line for a person."""


class Failed(ConversationError):
    """The desk did not do what a customer may expect."""


class NoReply(Failed):
    """Nobody answered within the customer's patience."""


class Undelivered(Failed):
    """The desk could not be contacted: a bounce, a refused address, a page that does not work."""


class Unanswered(Failed):
    """The desk answered, but not every question."""


class Faulted(ConversationError):
    """Our side failed, or whose fault it is cannot be known."""


class SendUncertain(Faulted):
    """Nobody knows whether it went out."""


class CouldNotSend(Faulted):
    """Nothing was sent, and that is our fault."""


class Unheard(Faulted):
    """Our mailbox could not be read when the time ran out, so nobody knows whether an answer came."""


class NotBegun(Faulted):
    """A companion was not begun: limits or a pause forbid more contact."""


class ScenarioChanged(Faulted):
    """The code that is there now is not the code that the conversation began with."""


class ScenarioBroken(Faulted):
    """The scenario itself is at fault."""


class TooManyMessages(Faulted):
    """A hard cap stopped the scenario."""


class Parked(BaseException):
    """The conversation waits. A BaseException, so that a scenario's `except Exception` does not swallow it."""


class Recorded:
    """Errors that a step may end with: by name in the journal, and raised again at every replay."""

    kinds: ClassVar[dict[str, type[ConversationError]]] = {
        kind.__name__: kind
        for kind in (
            *(NoReply, Undelivered, Unanswered, Failed),
            *(SendUncertain, CouldNotSend, Unheard, NotBegun, ScenarioBroken, TooManyMessages, Faulted),
        )
    }

    @classmethod
    def to_json(cls, error: ConversationError) -> dict[str, str]:
        """The outcome of a step that ended so."""
        return {"error": type(error).__name__, "reason": str(error)}

    @classmethod
    def from_json(cls, outcome: dict[str, str]) -> ConversationError:
        """The error that such an outcome stands for."""
        return cls.kinds.get(outcome["error"], Faulted)(outcome["reason"])
