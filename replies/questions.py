"""Which of the customer's questions an answer covers: by expected facts, never by similarity."""

from dataclasses import dataclass

import regex

from replies.finding import Finding, quoted

MAX_TEXT = 16_000
MAX_PATTERNS = 20
SECONDS_A_PATTERN = 0.05


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the scenario, the facts by which its answer is known (any one of them) and how to ask again."""

    ask: str
    expect: tuple[str, ...] = ()
    follow_up: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for an expression that is none."""
        for pattern in self.expect:
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise ValueError(f"should be a regular expression: {error}") from None


def answered(question: Question, text: str) -> Finding:
    """Whether `text` (the new part of a reply) answers: `ok` with the words that do, `problem`, or `unknown`.

    `expect` are regular expressions, matched without regard to case; one is enough. Each may take SECONDS_A_PATTERN:
    they are the users' own and the text is a stranger's. One that runs out of time answers nothing, and if no other
    speaks the result is `unknown`.
    """
    doubtful = ""
    for pattern in question.expect[:MAX_PATTERNS]:
        try:
            match = regex.search(pattern, text[:MAX_TEXT], regex.IGNORECASE, timeout=SECONDS_A_PATTERN)
        except TimeoutError:
            doubtful = "questions.too_slow"
        else:
            if match:
                return Finding("questions_answered", "ok", "questions.expected_fact", quoted(match[0]), question.ask)
    if doubtful or not question.expect:
        return Finding("questions_answered", "unknown", doubtful or "questions.nothing_expected", "", question.ask)
    return Finding("questions_answered", "problem", "questions.no_expected_fact", quoted(text), question.ask)
