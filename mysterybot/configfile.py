"""Reads a YAML file that should be a mapping; what is wrong is told with its place."""

from pathlib import Path

from mysterybot.complaints import ConfigError, ConfigErrors
from mysterybot.yamlfile import MAX_CHARACTERS, Node, YamlError, compose


def read(path: Path, *, empty: str, shape: str) -> tuple[Node, list[ConfigError]]:
    """The file's root, a mapping for sure, and mistakes of YAML that do not stop us. Raises ConfigErrors for those that do.

    `empty` and `shape` tell what should be there, of a file that is empty or no mapping.
    """

    def refused(message: str) -> ConfigErrors:
        return ConfigErrors(path, [ConfigError(0, 0, "", message)])

    try:
        with path.open("rb") as file:
            content = file.read(4 * MAX_CHARACTERS + 1)
        if len(content) > 4 * MAX_CHARACTERS:
            raise refused(f"is longer than {MAX_CHARACTERS} characters")
        root, mistakes = compose(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(f"is not UTF-8 text (line {line})") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise refused(f"cannot be read: {why}") from None
    except YamlError as error:
        raise ConfigErrors(path, [ConfigError(*error.mark, "", error.message)]) from None
    if root is None:
        raise refused(f"is empty; {empty}")
    if not isinstance(root.value, dict):
        raise refused(f"should be {shape}")
    return root, [ConfigError(*mistake.mark, "", mistake.message) for mistake in mistakes]
