"""What a scenario is, and where it is found.

A scenario is an ordinary coroutine function. Its first parameter is the customer; the rest are its settings, which a visit
fills in under `with:`. They are checked against the function's own signature, so a scenario needs no schema of its own:

    @scenario("Ask whether we are open")
    async def are_you_open(customer: Customer, question: str, patience: Duration = Duration.parse("1 day")) -> None: ...

A single parameter whose type is a pydantic model takes the whole of `with:`.
"""

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from conversations.hours import BusinessHours
from conversations.visit import Persona

Play = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands around a visit's settings in the config, for those that must fit to it."""

    channels: Collection[str]  # of the desk, by name
    mailboxes: Collection[str]  # by name
    persona: Persona
    hours: BusinessHours | None

    def check(self, what: str, name: str, known: Collection[str]) -> None:
        """Raise ValueError when there is no `what` of this name, naming a near one or those that there are."""
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise ValueError(
                f"no such {what}; " + (f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}")
            )


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with the model of its settings."""

    title: str
    play: Play
    settings: type[BaseModel]
    whole: bool  # the function takes the model itself, not its fields

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.play.__name__

    def parameters(self, given: Mapping[str, Any], stage: Stage | None = None) -> BaseModel:
        """Check what stands under `with:`. Raises pydantic's ValidationError.

        `stage`: of the visit, when the config is read; the settings' own validators find it as `info.context`.
        """
        return self.settings.model_validate(given, context=stage)

    async def __call__(self, customer: Any, parameters: BaseModel) -> None:
        """Play it."""
        if self.whole:
            await self.play(customer, parameters)
        else:
            await self.play(customer, **{name: getattr(parameters, name) for name in type(parameters).model_fields})


def scenario(title: str) -> Callable[[Play], Scenario]:
    """Make a scenario of a coroutine function."""

    def decorate(play: Play) -> Scenario:
        if not inspect.iscoroutinefunction(play):
            raise TypeError(f"the scenario {play.__name__} must be an async function")
        settings, whole = _settings(play)
        return Scenario(title, play, settings, whole)

    return decorate


def load_scenario(reference: str, base: Path, built_in: Mapping[str, str]) -> Scenario:
    """Find a scenario: the name of a built-in one, or `path/to/file.py:function`, relative to `base`.

    Raises LookupError when there is none of that name, ValueError when the file cannot be used; both say what would be right.
    """
    if reference in built_in:
        module, _, function = built_in[reference].partition(":")
        return _pick(importlib.import_module(module), function, reference)
    path_text, colon, function = reference.rpartition(":")
    if not colon or not path_text.endswith(".py"):
        names = ", ".join(sorted(built_in))
        raise LookupError(
            f"there is no scenario {reference!r}; built in are {names}; your own is path/to/file.py:function"
        )
    return _pick(_module(base / path_text), function, reference)


def _pick(module: ModuleType, function: str, reference: str) -> Scenario:
    found = getattr(module, function, None)
    if isinstance(found, Scenario):
        return found
    if found is not None:
        raise ValueError(f'{reference}: {function} is not a scenario; put @scenario("…") above it')
    names = ", ".join(sorted(value.name for value in vars(module).values() if isinstance(value, Scenario))) or "none"
    raise LookupError(f"{reference}: there is no {function} in that file; its scenarios: {names}")


def _module(path: Path) -> ModuleType:
    path = path.resolve()
    name = f"mysterybot_user_scenarios.{path.stem}_{abs(hash(path))}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise LookupError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception | SystemExit):
            raise
        line = _line_in(error, path)
        raise ValueError(f"{path}{line}: {type(error).__name__}: {error}") from error
    return module


def _line_in(error: BaseException, path: Path) -> str:
    """`:12` when the error can be traced to a line of this file."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    line, trace = "", error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line


def where_raised(error: BaseException, play: Play) -> str:
    """`file.py:12` of the scenario's own code that raised; empty when it was not there."""
    path = Path(inspect.unwrap(play).__code__.co_filename)
    line = _line_in(error, path)
    return f"{path.name}{line}" if line else ""


def _settings(play: Play) -> tuple[type[BaseModel], bool]:
    hints = get_type_hints(play)
    parameters = list(inspect.signature(play).parameters.values())[1:]
    if len(parameters) == 1:
        hint = hints.get(parameters[0].name)
        if inspect.isclass(hint) and issubclass(hint, BaseModel):
            return hint, True
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise TypeError(
                f"the scenario {play.__name__} must name its settings, *args and **kwargs cannot be checked"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), default)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)
    return create_model(f"{play.__name__}_settings", __config__=config, **fields), False
