"""Asking again for what was told."""

import pytest

from replies.repeated import already_told, asked_for

FACTS = {"order_number": "EX-20417", "postcode": "12345", "email": "ann@inbox.example", "colour": "blue"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("May I have your postcode to check?", ["postcode"]),
        ("Could you send us your order number again?", ["order_number"]),
        ("We still need your order ID and your ZIP code.", ["order_number", "postcode"]),
        ("Bitte nennen Sie uns Ihre Bestellnummer und Ihre Postleitzahl.", ["order_number", "postcode"]),
        ("Pouvez-vous nous communiquer votre numéro de commande ?", ["order_number"]),
        ("¿Podría indicarnos su número de pedido?", ["order_number"]),
        ("Potrebbe inviarci il numero d'ordine?", ["order_number"]),
        ("Poderia nos informar o número do pedido?", ["order_number"]),
        ("Kunt u uw bestelnummer doorgeven?", ["order_number"]),
        ("Prosimy o podanie numeru zamówienia.", ["order_number"]),
        ("Укажите, пожалуйста, номер заказа.", ["order_number"]),
        ("ご注文番号を教えてください。", ["order_number"]),
        ("Which colour was it?", ["colour"]),
    ],
)
def test_a_fact_that_was_told_is_asked_for_again(text: str, names: list[str]) -> None:
    found = already_told(f"Hello Ann,\n\nsorry for that. {text}\n\nRobin", FACTS)
    assert (found.result, sorted(map(str, found.value if isinstance(found.value, list) else []))) == (
        ("problem"),
        names,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for sending your order number, I found it.",
        "Your order number is EX-20417 and it ships tomorrow.",
        "Please quote your order number in all future correspondence.",
        "We will never ask you for your email address.",
        "Please reply to this email if you need anything else.",
        "What is the serial number of the kettle?",
        "A confirmation was sent to your email address.",
        "Vielen Dank, dass Sie uns Ihre Bestellnummer genannt haben.",
    ],
)
def test_mentioning_a_fact_or_asking_for_another_is_fair(text: str) -> None:
    assert already_told(text, FACTS).result == "ok"


def test_without_facts_nothing_can_be_said() -> None:
    assert already_told("What is your order number?", {}).result == "unknown"


def test_everything_that_is_asked_for_is_named_when_no_facts_are_given() -> None:
    assert set(asked_for("Could you send us the serial number and a photo?")) == {"serial", "photo"}
