"""The same words to different questions."""

from replies.canned import canned

LATE = """Hi Ann,

thank you for your message. We have looked into order EX-20417 with our partner in Leipzig and will come back to you \
as soon as we have heard from them. Your kettle is important to us.

Kind regards,
Mia"""
REFUND = (
    LATE.replace("Ann", "Bob").replace("EX-20417", "EX-99310").replace("Leipzig", "Warsaw").replace("Mia", "Tom Berger")
)
OWN = """Hi Ann,

I called the carrier: the refund for the broken lid went to your card on Monday, 9.90 euros, and takes three days.

Kind regards,
Mia"""


def test_the_same_words_with_other_names_and_numbers_are_canned() -> None:
    found = canned(LATE, [OWN, REFUND])
    assert (found.result, found.value) == ("problem", 1.0)
    assert "EX-99310" in found.evidence


def test_an_answer_of_its_own_is_not_canned_though_greeting_and_closing_are_the_same() -> None:
    found = canned(OWN, [LATE, REFUND])
    assert (found.result, found.value) == ("ok", 0.0)


def test_a_few_changed_words_do_not_hide_it() -> None:
    assert canned(LATE, [REFUND.replace("looked into", "checked")]).result == "problem"


def test_an_opening_in_common_is_not_enough() -> None:
    assert canned(LATE, [f"Thank you for your message. {OWN.partition('I called')[2]}"]).result == "ok"


def test_thanks_at_the_top_are_no_closing_of_a_short_letter() -> None:
    said = "Your order 4711 is being set up right now and will be ready today."
    short = f"Hello Anna,\n\nthank you for your message.\n{said}\n\nMira"
    assert canned(short, [OWN]).result == "ok"
    assert canned(short, [short.replace("4711", "4712").replace("Anna", "Ben")]).result == "problem"


def test_a_formula_and_a_first_reply_prove_nothing() -> None:
    assert canned("You are welcome!", ["You are welcome!"]).result == "unknown"
    assert canned(LATE, []).result == "unknown"


def test_german_nouns_are_not_taken_for_names() -> None:
    one = "Ihr Kessel hat das Lager in Leipzig gestern verlassen und kommt mit dem Paketdienst am Freitag bei Ihnen an."
    two = "Ihr Deckel hat die Prüfung in Dresden gestern bestanden und kommt mit der Rechnung am Montag bei Ihnen an."
    assert canned(one, [two]).result == "ok"
