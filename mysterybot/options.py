"""Options that several commands have, and the group that keeps its commands in order."""

from pathlib import Path

import click

CONFIG = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default=Path("mysterybot.yaml"),
    envvar="MYSTERYBOT_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The config file.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
WEB_CONFIG = click.option(
    "--web.config.file",
    "web_config",
    type=click.Path(path_type=Path),
    help="TLS and login of metrics and pages, in Prometheus's form; default: bot.web_config.",
)
VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Log what happens, to standard error.")


class Ordered(click.Group):
    """Lists commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they were added."""
        return list(self.commands)


def config_given(config: Path, outer: Path) -> Path:
    """The config of a command within a group: its own option when that was given, else the group's."""
    source = click.get_current_context().get_parameter_source("config")
    return outer if source is click.core.ParameterSource.DEFAULT else config
