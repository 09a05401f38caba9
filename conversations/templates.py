"""Placeholders in texts that the config gives: `{name}`, `{reference}`, facts. Replaced, never evaluated."""

import re
from collections.abc import Mapping

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def placeholders(template: str) -> set[str]:
    """The names between single braces."""
    return set(PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put the values in. Raises LookupError naming an unknown placeholder and the known ones. Values are not filled again."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise LookupError(
                f"unknown placeholder {match[0]}; known are {', '.join(f'{{{name}}}' for name in sorted(values))}"
            )
        return values[match[1]]

    return PLACEHOLDER.sub(value, template)
