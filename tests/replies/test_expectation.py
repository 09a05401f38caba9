"""What acknowledgements tell a customer to expect who writes when nobody is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.expectation import expectation


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("We have received your message and answer within 24 hours.", "promise"),
        ("Wir antworten innerhalb von zwei Werktagen.", "promise"),
        ("Thank you. Our office hours are 8am to 5pm on weekdays.", "hours"),
        ("Our office is currently closed. We will read your message as soon as we can.", "hours"),
        ("You can reach us Monday to Friday, 9:00 - 17:00.", "hours"),
        ("Unsere Öffnungszeiten sind Montag bis Freitag, 9 bis 17 Uhr.", "hours"),
        ("Vous nous joignez du lundi au vendredi de 9h à 17h.", "hours"),
        ("Merci pour votre message. Nos horaires : du lundi au vendredi.", "hours"),
        ("Nuestro horario de atención es de 9 a 18.", "hours"),
        ("Onze openingstijden vindt u op de website.", "hours"),
        ("Thank you for your message. We have received it.", "none"),
        ("We will answer as soon as possible.", "none"),
        ("Your ticket of 9:30 has been opened.", "none"),
        ("", "none"),
    ],
)
def test_a_time_or_the_hours_are_an_expectation_and_soon_is_none(text: str, rule: str) -> None:
    found = expectation(text)
    assert found.rule == f"expectation.{rule}"
    assert found.result == ("problem" if rule == "none" else "ok")


def test_silence_sets_none() -> None:
    assert (expectation(None).result, expectation(None).rule) == ("problem", "expectation.no_acknowledgement")


@given(st.text(max_size=500))
def test_any_text_is_read(text: str) -> None:
    assert expectation(text).check == "expectation"
