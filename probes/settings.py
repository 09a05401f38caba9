"""How settings are read: strictly, once, and without ever telling what was written.

Settings are pydantic models. What they need from outside (the environment, the folder that relative paths start from)
is handed to them as pydantic's validation context, never read by them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema


class Settings(BaseModel):
    """Settings of one thing: unknown keys are errors, values do not change, errors never show the input."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_max_length=64 * 1024)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The validation context: what settings may ask of the world around them."""

    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    base: Path = Path()
    secrets_needed: bool = True
    """Whether a secret that cannot be had is a mistake: not for who only looks, and contacts nobody."""


def surroundings(info: ValidationInfo) -> Surroundings:
    """The surroundings handed to this validation; empty ones when none were."""
    return info.context if isinstance(info.context, Surroundings) else Surroundings()


@dataclass(frozen=True, slots=True)
class Shape:
    """Annotates a text with the pattern that all of it matches, and with what a person calls that."""

    pattern: str
    meaning: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text, re.ASCII) is None:
            raise ValueError(f"should be {self.meaning}")
        return text


def _from_base(path: Path, info: ValidationInfo) -> Path:
    return surroundings(info).base / path.expanduser()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


SettingsPath = Annotated[Path, AfterValidator(_from_base)]
"""A path; a relative one starts at the folder of the config file."""

SettingsFile = Annotated[SettingsPath, AfterValidator(_existing)]
"""A `SettingsPath` to a file that exists."""
