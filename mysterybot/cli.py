"""The command line. Every command is a thin entry; the work is in mysterybot.commands, imported when it is asked for."""

import sys
from pathlib import Path

import click

from mysterybot import __version__
from mysterybot.options import CONFIG, JSON, VERBOSE, WEB_CONFIG, Ordered, config_given


@click.group(cls=Ordered, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mysterybot")
def main() -> None:
    """A mystery customer that never sleeps.

    mysterybot contacts a support desk the way a customer does, waits for the human answer, reads it, replies, and times
    everything. Start with `mysterybot demo`, then `mysterybot init`.
    """


@main.command()
@click.option("--once", is_flag=True, help="Play every visit to its end, once, and exit.")
@JSON
@click.option(
    "--listen", metavar="HOST:PORT", default="127.0.0.1:9877", show_default=True, help="Metrics and pages; port 0: any."
)
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write a report into this folder at the end."
)
@VERBOSE
def demo(once: bool, as_json: bool, listen: str, report: Path | None, verbose: bool) -> None:
    """Watch it at work on an embedded company; no account needed."""
    from mysterybot.commands import demo as command

    sys.exit(command.demo(once=once, as_json=as_json, listen=listen, report=report, verbose=verbose))


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("mysterybot.yaml"))
def init(file: Path) -> None:
    """Write a commented config to start from."""
    from mysterybot.commands import init as command

    sys.exit(command.init(file))


@main.command()
@CONFIG
@click.option("--connect", is_flag=True, help="Also log in to every mailbox and look at every form; contacts no desk.")
@click.option(
    "--open", "open_", is_flag=True, help="Also play all open conversations dry against the scenarios as they are now."
)
@WEB_CONFIG
@JSON
def check(config: Path, connect: bool, open_: bool, web_config: Path | None, as_json: bool) -> None:
    """Check the config."""
    from mysterybot.commands import check as command

    sys.exit(command.check(config, connect=connect, open_=open_, web_config=web_config, as_json=as_json))


@main.command()
@click.argument("mailbox")
@CONFIG
@click.option("--browser", is_flag=True, help="Use a browser on this machine, even where the provider has codes.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="any",
    help="Port of 127.0.0.1 to which the browser comes back.",
)
def login(mailbox: str, config: Path, browser: bool, port: int) -> None:
    """Let the bot into a mailbox by OAuth2.

    Shows a code or an address for you to log in with, and stores the refresh token in the file that the config names.
    """
    from mysterybot.commands import login as command

    sys.exit(command.login(mailbox, config, browser=browser, port=port))


@main.command()
@CONFIG
@WEB_CONFIG
@click.option("--web.enable-lifecycle", "lifecycle", is_flag=True, help="Let POST /-/reload read the config anew.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of the log's lines."
)
@VERBOSE
def run(config: Path, web_config: Path | None, lifecycle: bool, log_format: str, verbose: bool) -> None:
    """Run as a service until stopped.

    SIGTERM and SIGINT stop it, a second one at once; open conversations go on at the next start. SIGHUP reads the config
    anew. SIGUSR1 stops all new contact, and allows it again.
    """
    from mysterybot.commands import run as command

    sys.exit(command.run(config, log_format=log_format, verbose=verbose, web_config=web_config, lifecycle=lifecycle))


@main.command()
@click.argument("visit")
@CONFIG
@JSON
@click.option(
    "--continue", "conversation", metavar="ID", help="Go on with an open conversation instead of starting one."
)
@VERBOSE
def once(visit: str, config: Path, as_json: bool, conversation: str | None, verbose: bool) -> None:
    """Play one visit now and watch it step by step.

    Exits with 0 when it passed, 1 when it failed (theirs), 2 when it faulted (ours, or unknown).
    """
    from mysterybot.commands import once as command

    sys.exit(command.once(visit, config, as_json=as_json, conversation=conversation, verbose=verbose))


@main.command()
@CONFIG
@JSON
def visits(config: Path, as_json: bool) -> None:
    """List the visits: when they are due, how they fared."""
    from mysterybot.commands import visits as command

    sys.exit(command.visits(config, as_json=as_json))


@main.group(invoke_without_command=True)
@CONFIG
@JSON
@click.option("--visit", help="Only of this visit.")
@click.option("--open", "open_only", is_flag=True, help="Only open ones.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many.")
@click.pass_context
def conversations(
    ctx: click.Context, config: Path, as_json: bool, visit: str | None, open_only: bool, limit: int
) -> None:
    """List conversations, newest first, or show one."""
    ctx.obj = (config, as_json)
    if ctx.invoked_subcommand is None:
        from mysterybot.commands import conversations as command

        sys.exit(command.listing(config, as_json=as_json, visit=visit, open_only=open_only, limit=limit))


@conversations.command()
@click.argument("conversation")
@CONFIG
@JSON
@click.pass_obj
def show(outer: tuple[Path, bool], conversation: str, config: Path, as_json: bool) -> None:
    """Show one conversation: its steps, messages, times and findings. A unique beginning of the id is enough."""
    from mysterybot.commands import conversations as command

    sys.exit(command.show(conversation, config_given(config, outer[0]), as_json=as_json or outer[1]))


@conversations.command()
@CONFIG
@JSON
@click.pass_obj
def unmatched(outer: tuple[Path, bool], config: Path, as_json: bool) -> None:
    """List mail that belongs to no conversation."""
    from mysterybot.commands import conversations as command

    sys.exit(command.unmatched(config_given(config, outer[0]), as_json=as_json or outer[1]))


@main.command()
@CONFIG
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
@click.option("--from", "start", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC).")
@click.option("--to", "end", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC), included.")
def report(config: Path, out: Path, start: object, end: object) -> None:
    """Write a mystery shopper's report as a folder of pages."""
    from mysterybot.commands import report as command

    sys.exit(command.report(config, out, start, end))


@main.group()
def export() -> None:
    """Write alert rules and dashboards."""


@export.command()
@CONFIG
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: print.")
@click.option(
    "--runbooks",
    metavar="PLACE",
    default="docs/runbooks",
    show_default=True,
    help="Folder or address of the runbooks, for the alerts' links.",
)
def alerts(config: Path, out: Path | None, runbooks: str) -> None:
    """Write the alert rules for this config.

    They are a file for Prometheus's rule_files.
    """
    from mysterybot.commands import export as command

    sys.exit(command.alerts(config, out, runbooks))


@export.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
def dashboards(out: Path) -> None:
    """Write the dashboards.

    They are JSON for Grafana's import, or for a folder that it provisions.
    """
    from mysterybot.commands import export as command

    sys.exit(command.dashboards(out))


@main.command()
@CONFIG
def pause(config: Path) -> None:
    """Contact nobody new; open conversations go on to their end."""
    from mysterybot.commands import switch

    sys.exit(switch.switch(config, pause=True))


@main.command()
@CONFIG
def resume(config: Path) -> None:
    """Start new conversations again."""
    from mysterybot.commands import switch

    sys.exit(switch.switch(config, pause=False))


@main.command()
@click.argument("desk")
@CONFIG
@click.option("--for", "length", metavar="DURATION", help="Begin, for so long from now: 2h.")
@click.option("--reason", metavar="TEXT", default="", help="What is going on; shown on the pages.")
@click.option("--end", is_flag=True, help="End what was begun so.")
def maintenance(desk: str, config: Path, length: str | None, reason: str, end: bool) -> None:
    """Leave a desk alone for a while, or tell whether it is.

    Nobody new is contacted there; open conversations go on, and so do reach probes. Alert rules are silent by the metric
    mysterybot_desk_maintenance.
    """
    from mysterybot.commands import maintenance as command

    if end and length is not None:
        raise click.UsageError("--for begins and --end ends: give one of them")
    sys.exit(command.maintenance(config, desk, length=length, reason=reason, end=end))


@main.command()
@click.argument("place", required=False)
@CONFIG
@click.option("--test", is_flag=True, help="Send a test notice now, to PLACE or to all places.")
@JSON
def notify(place: str | None, config: Path, test: bool, as_json: bool) -> None:
    """List the places that notices go to, or try them.

    The list tells what was sent to each, what waits and what failed. With --test, exits with 0 when every place took the test
    notice.
    """
    from mysterybot.commands import notify as command

    sys.exit(command.notify(config, place, test=test, as_json=as_json))


@main.command()
@CONFIG
def doctor(config: Path) -> None:
    """Say what this machine lacks.

    Looks at the browser, the config and the mailboxes.
    """
    from mysterybot.commands import doctor as command

    sys.exit(command.doctor(config))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--sent",
    "sent",
    multiple=True,
    type=click.Path(exists=True, path_type=Path, dir_okay=False),
    help="A mail of ours that it answers.",
)
@click.option("--question", "questions", multiple=True, metavar="TEXT", help="What we had asked, instead of --sent.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What we had told already.")
@click.option("--authserv-id", metavar="ID", help="Whose Authentication-Results to trust (RFC 8601); nobody's without.")
@JSON
def read(
    files: tuple[Path, ...],
    sent: tuple[Path, ...],
    questions: tuple[str, ...],
    facts: tuple[str, ...],
    authserv_id: str | None,
    as_json: bool,
) -> None:
    """Read raw messages as the bot would.

    FILES are .eml files, or folders of them.
    """
    from mysterybot.commands import read as command

    sys.exit(command.read(files, sent, as_json=as_json, authserv_id=authserv_id, facts=facts, questions=questions))


@main.command()
def schema() -> None:
    """Print the JSON Schema of the config file, for editors."""
    from mysterybot.commands import schema as command

    sys.exit(command.schema())
