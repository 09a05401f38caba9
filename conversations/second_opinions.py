"""Second opinions on what people reply, asked for beside the conversations and never in their way.

A reply is asked about after it was stored, by whoever keeps the journal, once: the row that says so is written before the
question leaves, so that a crash repeats at most that one question. What comes back stands beside the findings, counts for no
verdict, and no personal data of ours leaves the machine.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Annotated, Self

from pydantic import Field, model_validator

from conversations.clock import Clock
from conversations.definition import Definition
from conversations.durations import Duration, Interval
from conversations.journal import Journal, lifecycle, opinions
from conversations.records import Conversation, StoredMessage
from probes.errors import NoOpinion
from probes.judge import Endpoint, Program, ask
from probes.mail.account import Line, SafeUrl
from probes.secret import Secret
from probes.settings import Settings
from replies.opinion import INSTRUCTIONS, SCHEMA, NotAnOpinion, opinion, prompt

log = logging.getLogger(__name__)

AGAIN_AFTER = (60.0, 600.0)
"""Seconds after the first and the second try that failed."""

MARGIN = 30.0
"""Seconds beyond the deadline after which a question counts as cut off."""


class Judge(Settings):
    """Who is asked for a second opinion: exactly one of `url` and `command`."""

    url: Annotated[
        SafeUrl | None, Field(description="A chat-completions endpoint as OpenAI has them, with its whole path")
    ] = None
    model: Annotated[Line | None, Field(description="What the endpoint is to use")] = None
    api_key: Annotated[Secret | None, Field(description="Sent to the endpoint as a bearer token")] = None
    command: Annotated[
        tuple[Line, ...] | None,
        Field(min_length=1, max_length=50, description="A program and its arguments: JSON in, JSON out; no shell"),
    ] = None
    timeout: Annotated[Interval, Field(description="How long it may take to answer")] = Duration(seconds=30)
    per_day: Annotated[int, Field(ge=1, description="Questions in 24 hours, repeated ones among them")] = 100
    max_characters: Annotated[
        int, Field(ge=200, le=50_000, description="Of the customer's question and the reply together")
    ] = 6_000

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("should have either url or command")
        if self.url is not None and self.model is None:
            raise ValueError("url needs a model")
        if self.url is None and (self.model or self.api_key):
            raise ValueError("model and api_key go with url, not with command")
        return self

    @property
    def name(self) -> str:
        """What its opinions are signed with: the model, or the program."""
        return self.model or PurePath((self.command or ("",))[0]).name


class SecondOpinions:
    """Asks one judge about the replies that came to these mailboxes."""

    def __init__(
        self, journal: Journal, clock: Clock, judge: Judge, mailboxes: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self._journal, self._clock, self._judge, self._mailboxes = journal, clock, judge, mailboxes
        self._whom: Endpoint | Program = (
            Endpoint(judge.url, judge.model or "", judge.api_key)
            if judge.url is not None
            else Program(judge.command or (), environ)
        )

    async def tick(self, only: str | None = None) -> None:
        """Ask about every reply that wants it now, one after the other; `only`: of this conversation."""
        while (claimed := await self._claim(only)) is not None:
            await self._consider(claimed)

    async def _claim(self, only: str | None) -> opinions.Claim | None:
        now = self._clock.now()
        until = now + self._judge.timeout.amount + MARGIN
        judge = self._judge
        return await self._journal.write(
            lambda c: opinions.claim(c, self._mailboxes, judge.name, now, until, judge.per_day, only)
        )

    async def _consider(self, claimed: opinions.Claim) -> None:
        whole = await self._journal.read(lambda c: lifecycle.load(c, claimed.conversation))
        message = next((each for each in whole.messages if each.id == claimed.message), None) if whole else None
        if whole is None or message is None:  # one of a flood
            await self._journal.write(lambda c: opinions.decide(c, claimed, "unknown", "it was not looked at"))
            return
        about = prompt(*_texts(whole, message), private(whole, message), self._judge.max_characters)
        shape = {"answer_schema": SCHEMA} if isinstance(self._whom, Program) else {}
        try:
            answer = await ask(
                self._whom,
                INSTRUCTIONS,
                {"question": about.question, "reply": about.reply, **shape},
                self._judge.timeout.amount,
            )
            found = opinion(answer)
        except (NoOpinion, NotAnOpinion) as error:
            why, again_at = str(error), self._clock.now() + AGAIN_AFTER[min(claimed.attempts, len(AGAIN_AFTER)) - 1]
            log.warning("no second opinion on message %d (try %d): %s", claimed.message, claimed.attempts, why)
            await self._journal.write(lambda c: opinions.failed(c, claimed, why, again_at))
        else:
            await self._journal.write(lambda c: opinions.decide(c, claimed, found.verdict, found.why))


def _texts(whole: Conversation, message: StoredMessage) -> tuple[str, str]:
    """What we had written before the reply, and the reply."""
    ours = [each for each in whole.messages if not each.inbound and each.at <= message.at]
    return "\n\n".join(each.text for each in sorted(ours, key=lambda each: each.at)), message.text


def private(whole: Conversation, message: StoredMessage) -> dict[str, str]:
    """What must not leave the machine, beside what is known by its form: value → what stands for it."""
    definition = Definition.model_validate_json(whole.definition)
    facts = {value: name.replace("_", " ") for name, value in definition.facts().items()}
    agent = message.envelope.get("agent")
    return {
        **facts,
        **({agent: "agent"} if agent else {}),
        **({definition.persona.name: "name"} if definition.persona.name else {}),
        whole.reference: "reference",
    }
