import random

import pytest

from mysterybot.demo.agents import KNOWLEDGE, Agent, Case, Manner, topics_in


def case(text: str, *, answered: frozenset[str] = frozenset(), order: str | None = None) -> Case:
    return Case("Anna Keller", text, (), answered, order)


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("When will my order be ready?", "order status"),
        ("How much is the Business plan a month?", "price"),
        ("Until what time can I reach you by phone on Fridays?", "opening hours"),
        ("How long do you keep backups?", "backup"),
        ("Can I pay by invoice?", "invoice"),
        ("Where do your servers stand?", "data centre"),
        ("Can you move my site?", "moving a site"),
    ],
)
def test_the_staff_recognises_what_is_asked(question: str, topic: str) -> None:
    assert [found.name for found in topics_in(question)] == [topic]


def test_topics_come_in_the_order_of_the_text() -> None:
    names = [topic.name for topic in topics_in("Where are your servers, do you make backups, and how much is it?")]
    assert names == ["data centre", "backup", "price"]


def test_a_question_that_nobody_knows_is_passed_on_and_no_question_is_not_answered() -> None:
    agent = Agent("Mira Vogt", Manner.PROMPT, (0, 0))
    passed_on = agent.answer(case("What is the colour of your logo?"))
    assert passed_on is not None
    assert "asked a colleague" in passed_on.text
    assert agent.answer(case("Thank you, bye.")) is None


@pytest.mark.parametrize("manner", [Manner.PROMPT, Manner.SLOW, Manner.FORGETFUL, Manner.NO_REPLY, Manner.HASTY])
def test_answers_greet_by_name_hold_the_facts_and_are_signed(manner: Manner) -> None:
    answer = Agent("Mira Vogt", manner, (0, 0), "http://acme.example/contact").answer(
        case("When will my order be ready?", order="AH-20417")
    )
    assert answer is not None
    assert answer.text.startswith("Hello Anna,")
    assert "AH-20417" in answer.text
    assert answer.text.endswith("Kind regards\nMira Vogt\nAcme Hosting")


def test_a_prompt_agent_says_sorry_to_who_is_upset_and_another_does_not() -> None:
    complaint = case("I am really upset. Do you have a backup?")
    sorry = {manner: Agent("Mira Vogt", manner, (0, 0)).answer(complaint) for manner in (Manner.PROMPT, Manner.SLOW)}
    assert [manner for manner, said in sorry.items() if said is not None and "very sorry" in said.text] == [
        Manner.PROMPT
    ]


def test_a_forgetful_agent_wants_to_be_told_the_order_number_and_then_answers() -> None:
    agent = Agent("Jonas Feld", Manner.FORGETFUL, (0, 0))
    asked = agent.answer(case("When will my order be ready?"))
    assert asked is not None
    assert "tell me your order number?" in asked.text
    assert asked.topics == ()
    told = agent.answer(Case("Anna Keller", "order: AH-20417", KNOWLEDGE[:1], frozenset(), "AH-20417"))
    assert told is not None
    assert "Your order AH-20417" in told.text


def test_a_thinking_time_is_between_its_bounds() -> None:
    agent = Agent("Mira Vogt", Manner.SLOW, (9.0, 12.0))
    rng = random.Random(3)
    assert all(9.0 <= agent.thinking_time(rng) <= 12.0 for _ in range(100))


def test_every_answer_can_be_written_with_and_without_an_order_number() -> None:
    assert all("{" not in topic.answer.format(order="AH-1") for topic in KNOWLEDGE)
