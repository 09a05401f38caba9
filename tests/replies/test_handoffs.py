"""Passed around: other people, other departments, back again, the same question twice."""

import pytest

from replies.departments import Department, department
from replies.handoffs import asked_twice, changes, circle, handed_on
from replies.kind import Kind
from replies.message import Message
from replies.turns import Turn


def by(*agents: str | None) -> list[Turn]:
    return [Turn(Kind.HUMAN, "", agent=agent) for agent in agents]


@pytest.mark.parametrize(
    ("agents", "count"),
    [
        ([], 0),
        (["Mia"], 1),
        (["Mia", "Mia Wong", None, "Mia"], 1),
        (["Mia", "Tom"], 2),
        ([None, "Mia", None, "Tom", "Mia"], 3),
        (["Mia Wong", "Mia Keller"], 2),
    ],
)
def test_a_handoff_is_a_change_of_person(agents: list[str | None], count: int) -> None:
    assert len(changes(agents)) == count


def test_somebody_else_answers_than_the_last_time() -> None:
    found = handed_on("Tom Berg", Department(), by("Mia", None))
    assert found is not None
    assert (found.rule, found.evidence, found.value) == ("handoff.agent", "Mia → Tom Berg", ["Mia", "Tom Berg"])
    assert handed_on("Mia Wong", Department(), by("Tom", "Mia")) is None
    assert handed_on(None, Department(), by("Mia")) is None
    assert handed_on("Mia", Department(), []) is None


def test_another_department_answers_and_a_shared_address_is_no_department_of_its_own() -> None:
    billing = Turn(Kind.HUMAN, "", department=Department(signature="billing", sender="support"))
    found = handed_on("Tom", Department(signature="technical", sender="support"), [billing])
    assert found is not None
    assert (found.rule, found.evidence) == ("handoff.department", "billing → technical")
    assert handed_on(None, Department(sender="support"), [billing]) is None
    assert handed_on(None, Department(sender="sales"), [billing]) is not None


@pytest.mark.parametrize(
    ("sender", "name", "text", "signature", "address"),
    [
        ("billing@acme.example", "Acme", "It is paid.\n\nMia", None, "billing"),
        ("mia@acme.example", "Acme Sales", "Hello.", None, "sales"),
        ("help@acme.example", "Mia Wong", "It is paid.\n\nMia Wong\nBilling Department", "billing", None),
        ("help@acme.example", "", "Gruss\nMia Wong\nAcme AG | Buchhaltung", "billing", None),
        ("help@acme.example", "", "Cordialement,\nLéa\nService facturation", "billing", None),
        ("help@acme.example", "", "Mia\n2nd Level Support", "technical", None),
        ("support@acme.example", "", "Our billing team will look at the invoice and write to you by tomorrow evening at "
         "the latest, so please wait for them.", None, "support"),
        ("mia@billingham.example", "Mia", "Hello.\nMia", None, None),
    ],
)  # fmt: skip
def test_a_department_is_named_by_signature_or_sender(
    sender: str, name: str, text: str, signature: str | None, address: str | None
) -> None:
    assert department(Message(sender=sender, sender_name=name), text) == Department(signature, address)


def test_a_circle_comes_back_to_the_same_person() -> None:
    assert circle("Ann", by("Mia", "Tom")) is None
    assert circle("Mia", by("Mia", None)) is None
    found = circle("Mia", by("Ann", "Mia Wong", "Tom", None))
    assert found is not None
    assert (found.check, found.result, found.value) == ("loop", "problem", ["Mia Wong", "Tom", "Mia"])
    assert found.evidence == "Mia Wong → Tom → Mia"


OURS = Turn(Kind.SENT, "It is RX482173.", answers=True)


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        ("Could you send us your order number?", "Please provide the order number.", ["order_number"]),
        ("Which browser do you use for this?", "Hi Ann,\n\nwhich browser do you use for this?", None),
        ("Bitte teilen Sie uns Ihre Bestellnummer mit.", "Wie lautet Ihre Bestellnummer?", ["order_number"]),
    ],
)
def test_the_same_thing_is_asked_twice(first: str, second: str, again: list[str] | None) -> None:
    earlier = [Turn(Kind.SENT, "Help!"), Turn(Kind.HUMAN, first), OURS]
    found = asked_twice(second, earlier)
    assert found is not None
    assert (found.check, found.rule) == ("loop", "loop.asked_twice")
    assert found.value == (again or ["which browser do you use for this?"])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Could you send us your order number?", "Could you tell us your phone number?"),
        ("Is there anything else we can help you with?", "Is there anything else we can help you with?"),
        ("Could you send us your order number?", "Thank you for the order number."),
    ],
)
def test_another_question_and_a_courtesy_are_no_circle(first: str, second: str) -> None:
    assert asked_twice(second, [Turn(Kind.HUMAN, first), OURS]) is None


def test_a_reminder_before_the_customer_has_answered_is_no_circle() -> None:
    asked = "Could you send us your order number?"
    assert asked_twice(asked, [Turn(Kind.SENT, "Help!"), Turn(Kind.HUMAN, asked)]) is None
