"""Nothing that comes in by mail makes reading fail: neither any bytes, nor mails that were mutated."""

import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mysterybot.commands import read as command
from tests.replies.fuzz import everything, mutated, raising, seeds

MAILS = seeds(None)
SEEDS = st.integers(0, 2**32)
pytestmark = pytest.mark.usefixtures("_nothing_is_caught")


@pytest.fixture
def _nothing_is_caught() -> Iterator[None]:
    with raising():
        yield


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=3_000))
def test_any_bytes_at_all_are_read_by_every_check(raw: bytes) -> None:
    everything(raw)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS, st.sampled_from(MAILS), st.sampled_from(MAILS))
def test_mutated_mails_are_read_by_every_check(seed: int, raw: bytes, other: bytes) -> None:
    everything(mutated(raw, other, random.Random(seed)))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(SEEDS, st.sampled_from(MAILS))
def test_what_is_understood_of_any_mail_can_be_written_as_json(seed: int, raw: bytes) -> None:
    around = {"facts": {"order_number": "EX-1"}, "ours": ["Where is it?"]}
    said = command.understood(mutated(raw, raw, random.Random(seed)), around, "mx.example")
    json.dumps(said, ensure_ascii=False).encode("utf-8")


def test_nothing_is_read_that_a_database_or_json_would_refuse() -> None:
    head = b"Subject: =?utf-7?q?a+2AA-b?=\nContent-Type: text/plain; charset=utf-7\n\n"
    for raw in (head + b"Hello +2AA- there\n", b"Subject: a\0b\n\nHel\0lo\n"):
        said = command.understood(raw, {"ours": []}, None)
        assert "\0" not in said["new_text"]
        json.dumps(said, ensure_ascii=False).encode("utf-8")


def test_a_failure_inside_is_told_as_an_unknown_kind_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(command, "classify", broken)
    monkeypatch.setattr(command, "new_text", broken)
    with pytest.MonkeyPatch.context() as quiet:
        quiet.setattr("replies.guard.log.error", lambda *_: None)
        said = command.understood(MAILS[0], {"ours": []}, None)
    assert said["rule"] == "kind.error"
    assert said["new_text"]
