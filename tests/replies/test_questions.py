"""Which questions an answer covers."""

import pytest

from replies.questions import Question, answered

WHERE = Question("Where is my kettle?", (r"left .{0,40}warehouse", r"\bin leipzig\b"), "Where is it, please?")


def test_one_expected_fact_is_enough_and_is_quoted() -> None:
    found = answered(WHERE, "Hello, it LEFT our main warehouse yesterday.")
    assert (found.check, found.result, found.evidence) == ("questions_answered", "ok", "LEFT our main warehouse")


def test_an_answer_without_the_fact_does_not_count_however_similar_it_is() -> None:
    assert answered(WHERE, "We received your question: Where is my kettle?").result == "problem"


def test_a_question_without_expected_facts_is_unknown() -> None:
    assert answered(Question("Why?"), "Because.").result == "unknown"


def test_a_pattern_that_runs_out_of_time_makes_the_answer_unknown_not_slow() -> None:
    found = answered(Question("?", (r"(x+x+)+[yz]",)), "x" * 5_000)
    assert (found.result, found.rule) == ("unknown", "questions.too_slow")


def test_a_pattern_that_does_not_compile_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="should be a regular expression: missing \\)"):
        Question("?", ("x", "("))
