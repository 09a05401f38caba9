"""What a judge is asked, and how the answer is read."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.opinion import MAX_WHY, NotAnOpinion, Opinion, opinion, prompt

GOOD = '{"verdict": "problem", "why": "The price is missing."}'


@pytest.mark.parametrize("answer", [GOOD, f"  {GOOD}\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```\n"])
def test_an_opinion_is_an_object_with_two_members_bare_or_fenced(answer: str) -> None:
    assert opinion(answer) == Opinion(verdict="problem", why="The price is missing.")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The reply is fine.",
        f"Sure! {GOOD}",
        f"{GOOD} {GOOD}",
        f"[{GOOD}]",
        '{"verdict": "ok"}',
        '{"verdict": "great", "why": "x"}',
        '{"verdict": true, "why": "x"}',
        '{"verdict": "ok", "why": null}',
        '{"verdict": "ok", "why": ["x"]}',
        '{"verdict": "ok", "why": "x", "score": 5}',
        '{"verdict": "ok", "why": "' + "x" * 2_001 + '"}',
        '{"verdict": "ok", "why": "x"}' + " " * 9_000,
        "[" * 7_000,
        '{"verdict": NaN}',
    ],
)
def test_anything_else_is_none_and_the_error_does_not_quote_it(answer: str) -> None:
    with pytest.raises(NotAnOpinion) as raised:
        opinion(answer)
    assert str(raised.value).startswith("the answer is ")
    assert "great" not in str(raised.value)


def test_the_reason_is_one_short_line_of_printable_text() -> None:
    found = opinion(json.dumps({"verdict": "ok", "why": "a\x1b[31m\n\x00b  \u202ec" + "d" * 1_000}))
    assert found.why.startswith("a [31m b cd")
    assert len(found.why) == MAX_WHY
    assert found.why.isprintable()


@given(st.text(max_size=400))
def test_any_answer_is_an_opinion_or_none(answer: str) -> None:
    with contextlib.suppress(NotAnOpinion):
        assert opinion(answer).verdict in {"ok", "problem", "unknown"}


def test_the_prompt_is_masked_and_short_enough_and_the_reply_has_the_greater_part() -> None:
    short = prompt(
        "Where is EX-20417? Anna", "On its way to anna@inbox.example.", {"EX-20417": "order", "Anna": "name"}, 500
    )
    assert (short.question, short.reply) == ("Where is [order]? [name]", "On its way to [e-mail].")
    long = prompt("q " * 5_000, "r " * 5_000, {}, 900)
    assert (len(long.question), len(long.reply)) == (300, 600)
    assert len(prompt("q", "r " * 5_000, {}, 900).reply) == 899
