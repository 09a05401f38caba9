"""Is it about the question at all?"""

import pytest

from replies.off_topic import off_topic

KETTLE = "I ordered a blue kettle three weeks ago and it has not arrived. When will the parcel be delivered?"
INVOICE = "Could you send an invoice with our tax number for the accounting department?"
TOASTER = "My toaster burns every slice of bread on one side. Is that covered by the warranty?"

PARCEL = "Hello Ann,\n\nthe parcel with your kettle was delivered to your neighbour yesterday.\n\nKind regards,\nMia"


def test_an_answer_shares_words_of_weight_with_its_question() -> None:
    found = off_topic(PARCEL, KETTLE, [INVOICE, TOASTER])
    assert found.result == "ok"
    assert found.evidence == "delivered kettle parcel; asked for and given: time"


def test_an_answer_to_another_question_is_probably_off_topic() -> None:
    found = off_topic(PARCEL, INVOICE, [TOASTER, KETTLE])
    assert (found.result, found.rule) == ("problem", "off_topic.other_question")
    assert found.evidence.startswith("probably about: I ordered a blue kettle")


def test_the_kind_of_answer_that_was_asked_for_is_in_its_favour() -> None:
    found = off_topic("It comes on Friday before noon, says the carrier.", KETTLE, [INVOICE, TOASTER])
    assert (found.result, found.evidence) == ("ok", "asked for and given: time")


@pytest.mark.parametrize(
    ("question", "good", "evasive"),
    [
        ("How much is the express delivery?", "That would be 9.90 euros.", "We deliver to all of Switzerland."),
        ("Wo finde ich Ihre Filiale in Bern?", "Sie ist am Bahnhofplatz 3.", "Unsere Filialen sind gut besucht."),
        ("Which number can I call?", "You reach us on +41 44 555 01 02.", "Your account has been updated."),
        ("Is it covered by the warranty?", "Yes, for two years.", "Our products are made with care."),
        ("Quand est-ce que le colis arrive ?", "Vendredi matin.", "Nous vous remercions de votre confiance."),
        ("How many cups does it hold?", "Seven.", "It is our best seller."),
    ],
)
def test_an_evasive_answer_is_less_like_one(question: str, good: str, evasive: str) -> None:
    likeness = {answer: off_topic(answer, question, []).value for answer in (good, evasive)}
    assert likeness[good] > likeness[evasive]  # type: ignore[operator]
    assert off_topic(evasive, question, []).result != "problem"  # nothing else was asked, so it cannot be about that


def test_an_answer_in_other_words_is_not_called_off_topic() -> None:
    assert off_topic("We have asked the carrier.", KETTLE, [INVOICE, TOASTER]).result == "unknown"
    assert off_topic(PARCEL, INVOICE, []).result == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        f"We received your question '{KETTLE}' and will look into it.",
        f"We received your question: {KETTLE}",
        f"Your message \u201c{KETTLE}\u201d is with our team.",
        "You asked: when will the parcel be delivered? We are looking into it.",
    ],
)
def test_an_echo_of_the_question_is_no_likeness(text: str) -> None:
    assert off_topic(text, KETTLE, [INVOICE, TOASTER]).result == "unknown"


@pytest.mark.parametrize("text", ["", "OK", "?", "a " * 30_000, "'" * 30_000, '"' * 30_000])
def test_texts_without_words_prove_nothing(text: str) -> None:
    assert off_topic(text, KETTLE, [text]).result == "unknown"
    assert off_topic(KETTLE, text, []).result == "unknown"
