"""What is visited, by whom, how and when: the settings of desks, visits and limits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, pairwise
from typing import Annotated, Any, Final, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from conversations.durations import CalendarDuration, Duration, Interval, Promised
from conversations.hours import BusinessHours, Timezone
from conversations.maintenance import MOST_WINDOWS, Window
from conversations.wallclock import At, smallest_gap
from probes.form.channel import FormChannel
from probes.mail.account import Address, Line
from probes.settings import Settings, Shape

_SOME_MONDAY: Final = datetime(2024, 1, 1, tzinfo=UTC)  # of a leap year, so that 29 February is near

Name = Annotated[str, Shape(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "a name of letters, digits, - _ and . (63 at most)")]
"""A name that we give in the config: it becomes a label of metrics and a part of paths."""


def _cron(expression: str) -> str:
    try:
        comes = next(CronSim(expression, _SOME_MONDAY), None)
    except CronSimError as error:
        raise ValueError(f"{str(error).lower()}; a cron expression is like 30 9 * * mon-fri") from None
    if comes is None:
        raise ValueError("such a day never comes")
    return expression


class EmailChannel(Settings):
    """Support by e-mail."""

    email: Annotated[Address, Field(description="The address that customers write to")]


def _kind_of_channel(written: object) -> str | None:
    if isinstance(written, EmailChannel | FormChannel):
        return "<email>" if isinstance(written, EmailChannel) else "<form>"
    kinds = [kind for kind in ("email", "form") if isinstance(written, Mapping) and kind in written]
    return f"<{kinds[0]}>" if len(kinds) == 1 else None


# The tags are in brackets since they stand in the location of an error, where `form` would look like the key.
Channel = Annotated[
    Annotated[EmailChannel, Tag("<email>")] | Annotated[FormChannel, Tag("<form>")],
    Discriminator(
        _kind_of_channel,
        custom_error_type="channel",
        custom_error_message="should have either email or form",
    ),
]
"""One way into a desk, told apart by its key: `email` or `form`."""


class Promises(Settings):
    """The times that a desk promises, in calendar or in business time."""

    acknowledgement: Annotated[Promised | None, Field(description="Until the automatic answer")] = None
    first_reply: Annotated[Promised | None, Field(description="Until the first answer of a person")] = None
    next_reply: Annotated[Promised | None, Field(description="From each later message of ours to the answer")] = None
    resolution: Annotated[Promised | None, Field(description="From our first message to the last answer")] = None

    def given(self) -> dict[str, Duration]:
        """The promises that are made, by name."""
        return {name: duration for name, duration in self if duration is not None}


class Desk(Settings):
    """A support desk under watch."""

    name: Annotated[Line, Field(description="Its name, as people say it")]
    hours: Annotated[BusinessHours | None, Field(description="When it is open; always when left out")] = None
    promises: Promises = Promises()
    channels: Annotated[dict[Name, Channel], Field(description="The ways into it, by a name of your choice")]
    domains: Annotated[
        tuple[
            Annotated[
                str,
                StringConstraints(to_lower=True, max_length=253),
                Shape(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", "a mail domain such as acme.example"),
            ],
            ...,
        ],
        Field(description="Mail domains that it answers from"),
    ] = ()
    maintenance: Annotated[
        tuple[Window, ...],
        Field(max_length=MOST_WINDOWS, description="When nobody new is contacted: times that the desk has announced"),
    ] = ()
    disclosure: Annotated[
        Literal["none", "header", "closing"],
        Field(
            description="Whether it is told that this was a test: by a mail header, or by a line in the last message"
        ),
    ] = "none"

    @field_validator("promises")
    @classmethod
    def _business_time_needs_hours(cls, promises: Promises, info: ValidationInfo) -> Promises:
        business = [name for name, duration in promises.given().items() if duration.business]
        if business and info.data.get("hours", ...) is None:
            raise ValueError(f"{', '.join(business)} in business time needs the desk's hours")
        return promises

    @property
    def timezone(self) -> str:
        """Where it is: of what stands in its settings without a time zone of its own."""
        return self.hours.timezone if self.hours else "UTC"

    @property
    def business_hours(self) -> BusinessHours:
        """Its hours; round the clock when none are set."""
        return self.hours or BusinessHours.always()


class Persona(Settings):
    """The customer that we play."""

    name: Annotated[Line | None, Field(description="Default: the name of the mailbox")] = None
    language: Annotated[
        Annotated[str, Shape(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language tag such as en or de-CH")] | None,
        Field(description="Language tag (BCP 47)", examples=["en", "de-CH"]),
    ] = None
    facts: Annotated[
        dict[Annotated[str, Shape(r"[A-Za-z_][A-Za-z0-9_]{0,62}", "the name of a fact: letters, digits and _")], str],
        Field(
            description="What the customer knows, such as an order number; {name} of a fact may stand in form fields"
        ),
    ] = Field(default_factory=dict)
    mood: Annotated[
        Line | None, Field(description="How the customer feels; upset or angry: an apology is looked for")
    ] = None
    tier: Annotated[Line | None, Field(description="The customer's plan or status, such as premium")] = None

    @property
    def upset(self) -> bool:
        """May they expect an apology?"""
        return (self.mood or "").strip().lower() in {"upset", "angry"}


class Limits(Settings):
    """How much is asked of real people and servers at most."""

    desk_per_day: Annotated[int, Field(ge=1, description="Conversations begun with a desk in 24 hours")] = 200
    mailbox_per_day: Annotated[int, Field(ge=1, description="Messages sent from a mailbox in 24 hours")] = 200
    turns: Annotated[int, Field(ge=1, le=100, description="Messages of ours in a conversation")] = 8
    uncertain_grace: Annotated[
        CalendarDuration,
        Field(description="How long after an interrupted send we look out for a proof that it went out"),
    ] = Duration(seconds=120)
    open_per_visit: Annotated[int, Field(ge=1, description="Conversations of a visit with overlap at a time")] = 1


class Visit(Settings):
    """Who asks what, where, and how often: exactly one of `every`, `at` and `cron` says when."""

    model_config = ConfigDict(populate_by_name=True)

    desk: Annotated[str, Field(description="Name of a desk")]
    channel: Annotated[str, Field(description="Name of one of its channels")]
    mailbox: Annotated[str, Field(description="Name of the mailbox that the customer writes from")]
    scenario: Annotated[
        str, Field(min_length=1, description="Name of a built-in scenario, or path/to/file.py:function")
    ]
    every: Annotated[Interval | None, Field(description="Time from one visit to the next")] = None
    at: Annotated[tuple[At, ...] | None, Field(description="Times of day, with or without days of the week")] = None
    cron: Annotated[
        Annotated[str, AfterValidator(_cron)] | None,
        Field(description="A cron expression", examples=["30 9 * * mon-fri"]),
    ] = None
    jitter: Annotated[CalendarDuration, Field(description="At most so much later, at random")] = Duration(seconds=0)
    catch_up: Annotated[
        Literal["skip", "once"], Field(description="What becomes of visits that fell due while the bot was not running")
    ] = "skip"
    overlap: Annotated[bool, Field(description="Whether it may begin while one of its conversations is still open")] = (
        False
    )
    timezone: Annotated[Timezone | None, Field(description="Of at and cron; default: the desk's, else UTC")] = None
    persona: Persona = Persona()
    with_: Annotated[dict[str, Any], Field(alias="with", description="The scenario's own settings")] = Field(
        default_factory=dict
    )

    @field_validator("at")
    @classmethod
    def _some_time(cls, at: tuple[At, ...] | None) -> tuple[At, ...] | None:
        if at is not None and not 1 <= len(at) <= 1000:
            raise ValueError("should have at least one time and at most 1000")
        return at

    @field_validator("jitter")
    @classmethod
    def _jitter_within_interval(cls, jitter: Duration, info: ValidationInfo) -> Duration:
        gap = _smallest_gap(info.data.get("every"), info.data.get("at"), info.data.get("cron"))
        if jitter and gap is not None and (jitter.seconds or 0) >= gap:
            raise ValueError(f"should be shorter than the time between visits, {Duration(seconds=gap)}")
        return jitter

    @model_validator(mode="after")
    def _one_timetable(self) -> Self:
        if sum(when is not None for when in (self.every, self.at, self.cron)) != 1:
            raise ValueError("should have exactly one of every, at and cron")
        return self

    @property
    def interval(self) -> float:
        """Seconds between two visits, by the timetable; the shortest when they differ."""
        return _smallest_gap(self.every, self.at, self.cron) or 0.0


@lru_cache(maxsize=1000)  # every scrape asks for it
def _smallest_gap(every: Duration | None, at: tuple[At, ...] | None, cron: str | None) -> float | None:
    """Seconds; clock changes are left aside. None without a timetable."""
    if every is not None:
        return every.seconds
    if at:
        return smallest_gap(at)
    if cron is not None:
        times = list(islice(CronSim(cron, _SOME_MONDAY), 50))
        return min(((later - sooner).total_seconds() for sooner, later in pairwise(times)), default=None)
    return None
