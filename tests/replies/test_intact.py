"""Our own words, come back as they were or damaged."""

import unicodedata
from collections.abc import Callable

import pytest

from replies.intact import intact

OURS = """Hello

my parcel goes to Gänsefüßchenstraße 5 in Zürich, care of Frau Müller.
I keep my fingers crossed 🤞 meanwhile.
"""


def quotes(text: str) -> str:
    return "Dear customer, thank you.\n\n" + "\n".join(f"> {line}" for line in text.splitlines())


def test_words_that_come_back_as_written_are_intact() -> None:
    found = intact([OURS], [quotes(OURS)])
    assert (found.check, found.result, found.value) == ("intact", "ok", 0)
    assert found.evidence == "came back as written: Gänsefüßchenstraße, Zürich, Müller, crossed 🤞 meanwhile"


@pytest.mark.parametrize(
    "unharmed",
    [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace("crossed ", "crossed\n> "),
        lambda text: text.replace("Zürich", "Zurich").replace("Müller", "Mueller"),
    ],
    ids=["decomposed", "hard spaces", "wrapped", "as a person spells"],
)
def test_what_a_mail_program_or_a_person_changes_is_no_damage(unharmed: Callable[[str], str]) -> None:
    assert intact([OURS], [unharmed(quotes(OURS))]).result == "ok"


@pytest.mark.parametrize(
    ("damage", "shown"),
    [
        (lambda text: text.encode().decode("latin-1"), "ZÃ¼rich"),
        (lambda text: text.encode().decode("cp1252", "replace"), "ZÃ¼rich"),
        (lambda text: text.encode("ascii", "replace").decode(), "Z?rich"),
        (lambda text: text.encode("ascii", "ignore").decode(), "Zrich"),
        (lambda text: text.encode("ascii", "xmlcharrefreplace").decode(), "Z&#252;rich"),
        (lambda text: text.encode("latin-1", "ignore").decode("utf-8", "replace"), "Z\ufffdrich"),
        (lambda text: text.replace("ü", "=C3=BC"), "Z=C3=BCrich"),
        (lambda text: text.replace("🤞", "??"), "crossed 🤞 meanwhile came back as crossed ?? meanwhile"),
        (lambda text: text.replace("🤞 ", ""), "crossed 🤞 meanwhile came back as crossed meanwhile"),
    ],
)
def test_words_that_come_back_otherwise_are_shown_beside_what_was_written(
    damage: Callable[[str], str], shown: str
) -> None:
    found = intact([OURS], [damage(quotes(OURS))])
    assert (found.result, found.rule) == ("problem", "intact.damaged")
    assert shown in found.evidence or shown in intact(["nach Zürich,"], [damage(quotes(OURS))]).evidence
    assert len(found.evidence) <= 200


def test_an_undecoded_subject_is_damage() -> None:
    found = intact([OURS], ["Re: =?utf-8?B?WsO8cmljaA==?="])
    assert (found.result, found.rule) == ("problem", "intact.encoded")


@pytest.mark.parametrize(
    "back",
    [
        "",
        "Dear customer, we received it.",
        "Frau Miller from Zurich will call you.",
        "Fingers crossed everything works out, meanwhile have a nice day.",
        "The crossed swords; meanwhile",
    ],
)
def test_other_peoples_words_are_not_taken_for_ours(back: str) -> None:
    assert intact([OURS], [back]).result == "unknown"


def test_without_a_letter_beyond_ascii_nothing_can_be_told() -> None:
    assert intact(["Where is my order?"], ["> Where is my order?"]).result == "unknown"


@pytest.mark.parametrize("piece", ["crossed ", "G", "Gnsefchenstra", "> ", "M\u00fc", "=?utf-8?Q?"])
def test_a_hostile_answer_is_read_in_bounded_time(piece: str) -> None:
    long = intact([OURS * 50], [piece * (1_000_000 // len(piece))])
    assert len(long.evidence) <= 200
