"""All checks on one message."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.complaints import COMPLAINTS
from replies import checks
from replies.checks import CHECKS, NAMES, Check, findings
from replies.finding import Finding
from replies.kind import Kind, classify
from replies.message import read
from replies.new_text import new_text
from replies.reading import Reading
from tests.replies.mails import ACKNOWLEDGEMENTS, mail

GOOD = """Hi Ann,

thank you for your patience. I have checked: the kettle left our warehouse yesterday and comes on Friday.

Kind regards,
Mia"""
ROOT = Path(__file__).parents[2]
QUESTION = "Hello, I ordered a kettle last week and it has not arrived yet. Where is it?"


def judged(text: str, subject: str = "Re: Where is my kettle?", **known: Any) -> dict[str, Finding]:
    message = read(mail(text, subject))
    new = new_text(message.text)
    found = findings(Reading(message, new, classify(message, new), **known))
    assert len(found) == len({each.check for each in found}), "a check speaks once"
    return {each.check: each for each in found}


def test_a_good_reply_of_a_person_has_no_problem() -> None:
    found = judged(GOOD, ours=[QUESTION], upset=False)
    assert {each.result for each in found.values()} == {"ok"}
    assert {"signed", "greeting", "thanks", "closing", "rude", "language"} <= set(found)
    assert found["signed"].value == "Mia"


def test_the_customer_goes_by_the_name_in_to_unless_it_is_known() -> None:
    assert judged(GOOD)["greeting"].result == "ok"
    assert judged(GOOD, customer_name="Bob Brown")["greeting"].result == "problem"


def test_an_answer_in_another_language_is_found() -> None:
    assert (
        judged(GOOD, ours=["Guten Tag, wo bleibt mein Wasserkocher? Er sollte gestern kommen."])["language"].result
        == "problem"
    )
    assert "language" not in judged(GOOD, ours=["?"])


def test_an_upset_customer_waits_for_an_apology() -> None:
    assert judged(GOOD, upset=True)["apology"].result == "problem"


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_program_is_not_asked_for_manners(language: str) -> None:
    subject, text = ACKNOWLEDGEMENTS[language]
    assert not {"signed", "greeting", "thanks", "closing", "language"} & set(judged(text, subject, ours=[QUESTION]))


@pytest.mark.parametrize(
    "text", ["", "\n", "a" * 60_000, "Kind regards, " * 4_000, "A. " * 20_000, "(" * 60_000, "Mia\n" * 15_000]
)
def test_hostile_text_is_judged_without_trouble(text: str) -> None:
    judged(text, ours=[text], customer_name=text, upset=True, facts={"order": text})


def test_the_same_words_to_another_question_are_canned() -> None:
    other = GOOD.replace("Ann", "Bob").replace("Friday", "Monday")
    assert judged(GOOD, other_replies=[other])["canned"].result == "problem"
    assert "canned" not in judged(GOOD)


def test_an_answer_to_another_question_is_probably_off_topic() -> None:
    assert judged(GOOD, ours=[QUESTION])["off_topic"].result == "ok"
    late = "Has my kettle left your warehouse?"
    invoice = "Could you send an invoice with our tax number?"
    assert judged(GOOD, ours=[invoice], other_questions=[late])["off_topic"].result == "problem"
    assert "off_topic" not in judged(GOOD)


def test_a_check_that_fails_inside_says_unknown_and_harms_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(reading: Reading) -> Iterator[Finding]:
        yield Finding("thanks", "ok", "thanks.phrase", "half done")
        raise ValueError(reading.new_text)

    before = judged(GOOD)
    kinds = frozenset({Kind.HUMAN})
    replaced = [Check(each.names, each.kinds, broken) if "thanks" in each.names else each for each in CHECKS]
    monkeypatch.setattr(checks, "CHECKS", (Check(("loop",), kinds, lambda _: 1 // 0), *replaced))  # type: ignore[arg-type, return-value]
    found = judged(GOOD)
    assert {name: (each.result, each.rule) for name, each in found.items() if each.rule.endswith(".error")} == {
        name: ("unknown", f"{name}.error") for name in ("loop", "greeting", "thanks", "apology", "closing", "rude")
    }
    assert found["signed"] == before["signed"]
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert len(caplog.records) == 2
    assert "ZeroDivisionError" in caplog.text
    assert "kettle" not in caplog.text + str(found["thanks"])  # no word of the mail


def test_every_check_is_in_the_registry_and_named_once() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) <= set(COMPLAINTS)
    scenarios = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios").glob("*.py")))
    assert set(re.findall(r'Finding\(\s*"([a-z_]+)"', scenarios)) <= set(NAMES)


def test_the_docs_tell_every_check_and_every_rule_of_a_finding() -> None:
    docs = (ROOT / "docs" / "replies.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([a-z_]+)`[^|]{0,40}\|", docs.partition("\n## Checks\n")[2].partition("\n## ")[0], re.MULTILINE
    )
    assert set(rows) == set(NAMES)
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "replies").glob("*.py")))
    rules = set(re.findall(rf'"((?:{"|".join(NAMES)}|questions)\.[a-z_]+)"', code))
    assert len(rules) > 20
    assert sorted(rule for rule in rules if f"`{rule}`" not in docs) == []
