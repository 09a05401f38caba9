"""`mysterybot read`: mails in files, alone and put together into conversations."""

import json
import random
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from mysterybot.commands import read as command
from mysterybot.commands.read import read
from tests.conversations.test_looking_back import CANNED, INVOICE, OWN, QUESTION


def mail(
    folder: Path, name: str, text: str, subject: str, *, answers: str = "", sender: str = "", minute: int = 0
) -> Path:
    letter = EmailMessage()
    letter["From"] = sender or "Acme Support <support@acme.example>"
    letter["To"] = "Anna Keller <anna@inbox.example>"
    letter["Subject"] = subject
    letter["Message-ID"] = f"<{name}@x.example>"
    letter["Date"] = f"Mon, 2 Mar 2026 09:{minute:02}:00 +0000"
    if answers:
        letter["In-Reply-To"] = letter["References"] = f"<{answers}@x.example>"
    letter.set_content(text)
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.eml"
    path.write_bytes(letter.as_bytes())
    return path


def told(
    capsys: pytest.CaptureFixture[str], *paths: Path, sent: tuple[Path, ...] = (), questions: tuple[str, ...] = ()
) -> dict[str, dict[str, Any]]:
    """file → check → (result, rule)."""
    assert read(paths, sent, as_json=True, authserv_id=None, facts=(), questions=questions) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {
        Path(line.get("file", paths[0])).stem: {
            each["check"]: (each["result"], each["rule"]) for each in line["findings"]
        }
        for line in lines
    }


def test_mails_of_one_thread_are_read_one_after_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = tmp_path / "ours"
    first = mail(ours, "1", QUESTION, "Kettle")
    second = mail(ours, "3", "It is RX482173.", "Re: [#123] Kettle", answers="2", minute=2)
    box = tmp_path / "box"
    ask = "Hi Anna,\n\ncould you send us your order number?\n\nKind regards,\n"
    mail(box, "4", ask + "Tom Berg", "Re: [#124] Kettle", answers="3", minute=3)
    mail(box, "2", ask + "Mia Wong", "Re: [#123] Kettle", answers="1", minute=1)
    mail(box, "5", "Hi Anna,\n\nit comes on Friday.\n\nKind regards,\nMia Wong", "Re: Kettle", answers="3", minute=4)
    found = told(capsys, box, sent=(first, second))
    assert "threading" not in found["2"]
    assert "handoff" not in found["2"]
    assert found["4"]["threading"] == ("problem", "threading.other_ticket")
    assert found["4"]["handoff"] == ("problem", "handoff.agent")
    assert found["4"]["loop"] == ("problem", "loop.asked_twice")
    assert found["5"]["loop"] == ("problem", "loop.agents")
    assert found["5"]["threading"] == ("ok", "threading.references")
    alone = told(capsys, box / "4.eml", sent=(first, second))
    assert "handoff" not in alone["4"]


def test_replies_to_different_questions_are_compared_with_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, box = tmp_path / "ours", tmp_path / "box"
    sent = (mail(ours, "a", QUESTION, "Kettle"), mail(ours, "b", INVOICE, "Invoice"), mail(ours, "c", INVOICE, "Again"))
    mail(box, "to-a", CANNED, "Re: Kettle", answers="a")
    mail(box, "to-b", CANNED.replace("partner", "bank"), "Re: Invoice", answers="b")
    mail(box, "to-c", OWN, "Re: Again", answers="c")
    mail(box, "stranger", CANNED, "Re: Printer", sender="Mia <mia@other.example>")
    found = told(capsys, box, sent=sent)
    assert [found[name]["canned"] for name in ("to-a", "to-b", "to-c")] == [
        ("problem", "canned.shingles"),
        ("problem", "canned.shingles"),
        ("ok", "canned.shingles"),
    ]
    assert "canned" not in found["stranger"]  # the only mail of its desk


def test_without_the_question_the_subject_stands_for_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mail(tmp_path / "box", "one", CANNED, "Re: [#12] My kettle is late")
    mail(tmp_path / "box", "two", CANNED, "AW: [#13] My kettle is late")
    mail(tmp_path / "box", "three", OWN, "Re: Invoice for March")
    found = told(capsys, tmp_path / "box")
    assert found["one"]["canned"][0] == found["two"]["canned"][0] == found["three"]["canned"][0] == "ok"
    mail(tmp_path / "box", "three", CANNED, "Re: Invoice for March")
    assert {each["canned"][0] for each in told(capsys, tmp_path / "box").values()} == {"problem"}


def test_one_answer_is_read_with_the_question_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = mail(tmp_path, "one", OWN, "Re: Invoice")
    (found,) = told(capsys, path, questions=(INVOICE,)).values()
    assert found["off_topic"] == ("ok", "off_topic.shared_words")
    assert not {"canned", "threading", "loop"} & set(found)


@pytest.mark.parametrize("broken", ["new_text", "classify", "agent", "promise", "tickets"])
def test_nothing_that_breaks_inside_makes_it_raise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def raises(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(command, broken, raises)
    mail(tmp_path / "box", "one", OWN, "Re: Invoice")
    mail(tmp_path / "box", "two", CANNED, "Re: Kettle")
    assert len(told(capsys, tmp_path / "box")) == 2


def test_any_bytes_in_a_folder_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(5)
    for number in range(20):
        (tmp_path / f"{number}.eml").write_bytes(rng.randbytes(rng.randrange(2_000)))
    mail(tmp_path, "same-id", OWN, "Re: Invoice", answers="same-id")  # answers itself
    assert len(told(capsys, tmp_path)) == 21
