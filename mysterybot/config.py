"""The config file: one YAML file, read once, checked as a whole."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationError, model_validator
from pydantic.json_schema import GenerateJsonSchema

from conversations.control import Mailbox
from conversations.durations import Duration, Interval
from conversations.second_opinions import Judge
from conversations.visit import Desk, Limits, Name, Visit
from exporters.notices.settings import Place
from mysterybot.complaints import ConfigError, ConfigErrors, Loc, at, complaints
from mysterybot.configfile import read
from mysterybot.crosschecks import Parts, ScenarioSource, cross_check
from mysterybot.yamlfile import Node
from probes.form.settings import BrowserSettings
from probes.mail.refresh_token import absent
from probes.reach.settings import Page, Port, host_and_port
from probes.secret import Secret
from probes.settings import Settings, SettingsFile, SettingsPath, Shape, Surroundings

Part = TypeVar("Part", bound=BaseModel)

__all__ = ["Bot", "Config", "ConfigError", "ConfigErrors", "Reach", "ScenarioSource", "load", "schema"]

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"


def _listen(text: str) -> str:
    host_and_port(text)
    return text


Location = Annotated[str, Shape(r"[A-Za-z0-9_ .-]{1,63}", "letters, digits, spaces, and any of _ . -")]


class Bot(Settings):
    """The bot itself."""

    data: Annotated[
        SettingsPath, Field(description="Folder of the journal and the evidence", validate_default=True)
    ] = Path("data")
    listen: Annotated[
        str, AfterValidator(_listen), Field(description="Host and port of metrics and pages; port 0: any free one")
    ] = "127.0.0.1:9877"
    web_config: Annotated[
        SettingsFile | None,
        Field(description="TLS and login of metrics and pages: a file in the form of Prometheus's --web.config.file"),
    ] = None
    location: Annotated[Location, Field(description="Where this bot stands; a label of all metrics")] = "default"
    database: Annotated[
        Secret | None, Field(description="URL of the journal's database; default: SQLite, journal.sqlite in data")
    ] = None

    @property
    def host(self) -> str:
        """The host of `listen`, without the brackets of an IPv6 address."""
        return host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port of `listen`."""
        return host_and_port(self.listen)[1]


class Reach(Settings):
    """Quick checks that a channel can be reached at all."""

    every: Annotated[Interval, Field(description="Time from one check to the next")] = Duration(seconds=60)
    timeout: Annotated[Interval, Field(description="How long a check may take; shorter than every")] = Duration(
        seconds=10
    )
    retries: Annotated[
        int, Field(ge=0, le=5, description="How often a check that failed is repeated at once, before it is down")
    ] = 1
    form_every: Annotated[
        Interval, Field(description="Time from one look at a form in a real browser to the next; nothing is sent")
    ] = Duration(seconds=900)
    urls: Annotated[dict[Name, Page], Field(description="Other pages that should answer, by a name of your choice")] = (
        Field(default_factory=dict)
    )
    tcp: Annotated[dict[Name, Port], Field(description="Other ports that should be open, by a name of your choice")] = (
        Field(default_factory=dict)
    )
    mail: Annotated[
        bool, Field(description="Whether the mail servers of the desks' addresses are looked up (MX) and greeted too")
    ] = False
    rcpt: Annotated[
        bool, Field(description="Whether these are asked if they take mail for the address; nothing is mailed")
    ] = False

    @model_validator(mode="after")
    def _ends_before_the_next(self) -> Self:
        if (self.timeout.seconds or 0) >= (self.every.seconds or 0):
            raise ValueError("timeout should be shorter than every")
        return self


class Config(Settings):
    """Settings of mysterybot."""

    bot: Bot = Field(default_factory=dict, validate_default=True)  # validated, so that data starts at the file's folder
    mailboxes: Annotated[dict[Name, Mailbox], Field(description="Test accounts of ours")] = Field(default_factory=dict)
    desks: Annotated[dict[Name, Desk], Field(description="Support desks under watch")] = Field(default_factory=dict)
    visits: Annotated[dict[Name, Visit], Field(description="Who asks what, where, how often")] = Field(
        default_factory=dict
    )
    notify: Annotated[
        dict[Name, Place], Field(description="Places that are told what goes wrong, by a name of your choice")
    ] = Field(default_factory=dict)
    reach: Reach = Reach()
    limits: Limits = Limits()
    browser: BrowserSettings = BrowserSettings()
    judge: Annotated[
        Judge | None, Field(description="Who is asked for a second opinion on replies; nobody without")
    ] = None

    _file: Path = PrivateAttr(default=Path())
    _warnings: tuple[ConfigError, ...] = PrivateAttr(default=())

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._file

    @property
    def warnings(self) -> tuple[ConfigError, ...]:
        """What is not wrong, but better done otherwise."""
        return self._warnings

    def timezone(self, visit: Visit) -> str:
        """The time zone of a visit's `at` and `cron`: its own, else its desk's, else UTC."""
        return visit.timezone or self.desks[visit.desk].timezone


def load(
    path: Path, environ: Mapping[str, str], scenarios: ScenarioSource | None = None, *, secrets_needed: bool = True
) -> Config:
    """Read and check a config file. `scenarios` finds the scenarios that visits name; without it they are not checked.

    Without `secrets_needed` those that cannot be had are no mistake: for who contacts nobody.

    Raises ConfigErrors with everything that is wrong. Relative paths in it start at its folder.
    """
    root, errors = read(
        path,
        empty="docs/configuration.md has an example to start from",
        shape="a mapping with mailboxes, desks and visits",
    )
    base = path.absolute().parent
    around = Surroundings(environ, base, secrets_needed)
    try:
        config: Config | None = Config.model_validate(root.plain(), context=around)
    except ValidationError as error:
        config = None
        errors += complaints(error, root, Config)
    parts = _parts(config, root, around)
    errors += cross_check(parts, root, base, scenarios)
    warnings = tuple(at(root, loc, message) for loc, message in _doubtful(config or parts, ()))
    if config is None or errors:
        raise ConfigErrors(path, errors, warnings)
    config._file, config._warnings = path, warnings
    return config


def schema() -> dict[str, Any]:
    """The JSON Schema of the config file, for editors."""
    written = Config.model_json_schema(by_alias=True, schema_generator=_SchemaWithDurations)
    return {"$schema": SCHEMA_URL, **written, "title": "mysterybot.yaml"}


class _SchemaWithDurations(GenerateJsonSchema):
    """Defaults that are durations are shown as they are written."""

    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, Duration) else super().encode_default(dft)


def _parts(config: Config | None, root: Node, around: Surroundings) -> Parts:
    """The parts of the config; of one with mistakes, those parts that are right in themselves."""
    if config is not None:
        return Parts(config.mailboxes, config.desks, config.visits)

    return Parts(
        _right_ones(root, "mailboxes", Mailbox, around),
        _right_ones(root, "desks", Desk, around),
        _right_ones(root, "visits", Visit, around),
    )


def _right_ones(root: Node, section: str, model: type[Part], around: Surroundings) -> dict[str, Part | None]:
    node = root.child(section)
    entries: dict[str, Part | None] = {}
    for name, entry in node.value.items() if node is not None and isinstance(node.value, dict) else ():
        try:
            entries[name] = model.model_validate(entry.plain(), context=around)
        except ValidationError:
            entries[name] = None
    return entries


def _doubtful(value: object, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Secrets that stand in the file in clear, or are still to be got.

    A URL without credentials is none, but under `notify`, where whoever knows it may post.
    """
    if isinstance(value, Secret):
        if absent(value):
            yield loc, f"there is no such file yet; mysterybot login {loc[1]} writes it"
        elif value.literal and (loc[:1] == ("notify",) or not re.fullmatch(r"[a-z0-9+.-]+://[^@?]*", value.reveal())):
            yield loc, "a secret stands here in clear; better {env: NAME} or {file: PATH}"
    elif isinstance(value, Parts):
        for section in ("mailboxes", "desks", "visits"):
            yield from _doubtful(getattr(value, section), (*loc, section))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _doubtful(getattr(value, name), (*loc, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _doubtful(item, (*loc, name))
