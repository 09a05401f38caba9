"""What is probed, by the config."""

from pathlib import Path
from typing import Any

from mysterybot.config import load
from mysterybot.reaching import Target, targets
from probes.reach import mx
from tests.mysterybot.bots import PROMPT, bot_config


def probed(folder: Path, **reach: Any) -> list[Target]:
    path = bot_config(folder, {"order": PROMPT}, reach=reach)
    return targets(load(path, {"ANNA_PASSWORD": "secret"}))


def of_desks(found: list[Target]) -> list[tuple[str, str]]:
    return [(target.labels["channel"], target.labels["probe"]) for target in found if target.labels["desk"]]


def test_the_mail_servers_of_a_desk_are_probed_only_where_that_is_wanted(tmp_path: Path) -> None:
    assert of_desks(probed(tmp_path, mail=True)) == [("support", "mx"), ("abuse", "mx")]
    assert of_desks(probed(tmp_path)) == []
    assert {target.labels["probe"] for target in probed(tmp_path)} == {"smtp", "imap"}


def test_a_server_is_asked_for_the_address_only_where_that_is_wanted(tmp_path: Path) -> None:
    def sender(found: list[Target]) -> str | None:
        route = found[0].probe.keywords["route"]  # type: ignore[attr-defined]
        assert isinstance(route, mx.Route)
        return route.sender

    assert sender(probed(tmp_path, mail=True)) is None
    assert sender(probed(tmp_path, mail=True, rcpt=True)) == "anna@inbox.example"


async def test_a_desk_in_a_reserved_domain_is_down_and_nobody_was_asked(tmp_path: Path) -> None:
    reached = await probed(tmp_path, mail=True)[0].probe()
    assert (reached.up, dict(reached.phases)) == (False, {})
    assert "acme.example is reserved" in str(reached.reason)
