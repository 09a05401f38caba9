"""Sentences as desks write them, in many languages: what each says, and what those that look alike do not say.

A line of `wordings/promised.txt`, `asked.txt` and `noticed.txt` is one sentence with what it says before it; one of
`numbered.txt` is a subject and a text.
"""

from importlib.resources import files

import pytest

from replies.message import Message
from replies.notices import handoff, notices
from replies.promise import promise
from replies.repeated import asked_for
from replies.tickets import tickets
from tests.replies.evaluation import code


def _wordings(name: str) -> list[tuple[str, ...]]:
    lines = files("tests.replies").joinpath(f"wordings/{name}.txt").read_text("utf-8").splitlines()
    return [tuple(part.strip() for part in line.split(" | ")) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("language", "wanted", "sentence"), _wordings("promised"))
def test_a_sentence_promises_what_it_promises(language: str, wanted: str, sentence: str) -> None:
    found = promise(sentence)
    assert ("V" if found and found.unit == "vague" else code(found)) == wanted, language


@pytest.mark.parametrize(("wanted", "sentence"), _wordings("asked"))
def test_a_sentence_asks_for_what_it_asks_for(wanted: str, sentence: str) -> None:
    found = set(asked_for(sentence))
    assert found >= (set(wanted.split(",")) - {"-"})
    assert (not found) == (wanted == "-")


@pytest.mark.parametrize(("wanted", "sentence"), _wordings("noticed"))
def test_a_sentence_gives_the_notice_that_it_gives(wanted: str, sentence: str) -> None:
    found = {"autoclose" if each.value == "announced" else each.check for each in notices(Message(), sentence)}
    assert found | ({"handoff"} if handoff(sentence) else set()) == set(wanted.split(",")) - {"-"}


@pytest.mark.parametrize(("wanted", "subject", "text"), _wordings("numbered"))
def test_a_mail_tells_the_number_that_it_tells(wanted: str, subject: str, text: str) -> None:
    found = [each.lstrip("#") for each in tickets(Message(subject=subject, text=text))]
    assert found == ([] if wanted == "-" else [wanted])
