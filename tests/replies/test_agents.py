"""Who answered?"""

import pytest

from replies.agents import agent, signed
from replies.message import Message, read
from replies.new_text import new_text
from tests.replies.mails import mail


def who(text: str, name: str = "Kettle Support", sender: str = "help@kettle.example") -> str | None:
    return agent(Message(sender=sender, sender_name=name, text=text), new_text(text))


BODY = "The kettle left our warehouse yesterday and comes on Friday."


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("Mia Wong via RT", "Mia Wong"),
        ("Mia Wong (Kettle Support)", "Mia Wong"),
        ("Kettle Support (Mia Wong)", "Mia Wong"),
        ("Mia | Kettle", "Mia"),
        ("Mia from Kettle", "Mia"),
        ("Wong, Mia", "Mia Wong"),
        ("Mia van der Berg", "Mia van der Berg"),
        ("Anne-Sophie O'Brien", "Anne-Sophie O'Brien"),
        ("Łukasz Żak", "Łukasz Żak"),
        ("Ольга Петрова", "Ольга Петрова"),
        ("Mia Carey", "Mia Carey"),
        ("Tom Bishop", "Tom Bishop"),
        ("Kettle", None),
        ("Kettle Support", None),
        ("Kundenservice", None),
        ("Équipe Kettle", None),
        ("Kettle GmbH", None),
        ("The Kettle Team", None),
        ("no-reply", None),
        ("", None),
    ],
)
def test_the_sender_is_a_person_or_a_team(shown: str, name: str | None) -> None:
    assert who(BODY, shown) == name


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        ("Kind regards,\nMia", "Mia"),
        ("Kind regards, Mia", "Mia"),
        ("Best wishes\n\nMia Wong\nKettle Support", "Mia Wong"),
        ("Thanks!\nMia from Kettle Support", "Mia"),
        ("Mit freundlichen Grüßen\nMia Wong | Kundenservice", "Mia Wong"),
        ("Cordialement,\nL'équipe Kettle\nCamille", "Camille"),
        ("Un saludo,\nLucía Pérez", "Lucía Pérez"),
        ("С уважением,\nОльга", "Ольга"),
        ("- Mia", "Mia"),
        ("Enjoy the kettle!\nMia, Box Office", "Mia"),
        ("Shall I?\n\nMia\nKettle Support", "Mia"),
        ("Mit freundlichen Grüßen\n\ni. A. Renate Wolff\nKettle, Abrechnung", "Renate Wolff"),
        ("Kettles, spouts and lids, Mia", None),
        ("Statut : En cours", None),
        ("Mia", "Mia"),
        ("-- \nMia Wong\nKettle Support", "Mia Wong"),
        ("Kind regards,\nYour Kettle Support Team", None),
        ("Kind regards,\nThe Team", None),
        ("Viele Grüße\nIhr Kundenservice", None),
        ("Kind regards,\nKettle", None),
        ("Thanks", None),
        ("Kind regards", None),
        ("", None),
    ],
)
def test_a_signature_names_a_person_or_nobody(ending: str, name: str | None) -> None:
    assert who(f"Hi Ann,\n\n{BODY}\n\n{ending}") == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hi Ann, this is Mia from Kettle. The lid is on its way.", "Mia"),
        ("Hello, my name is Mia Wong and I look after your order.", "Mia Wong"),
        ("Guten Tag, mein Name ist Jonas Keller, ich kümmere mich darum.", "Jonas Keller"),
        ("Bonjour, je m'appelle Camille. Votre colis part demain.", "Camille"),
        ("Hello, this is Great news for you.", None),
        ("I am sorry to hear that.", None),
        ("Just reply if anything else comes up. Robin", "Robin"),
    ],
)
def test_who_introduces_himself_is_known(text: str, name: str | None) -> None:
    assert who(text) == name


def test_first_and_full_name_are_one_person_and_the_longer_is_told() -> None:
    assert who(f"{BODY}\n\nMia", "Mia Wong via RT") == "Mia Wong"
    assert who(f"{BODY}\n\nKind regards,\nMia Wong", "Mia") == "Mia Wong"


def test_who_signs_is_believed_before_a_shared_account() -> None:
    assert who(f"{BODY}\n\nKind regards,\nTom", "Blue Steam") == "Tom"


def test_thanking_the_customer_is_no_signature() -> None:
    message = read(mail(f"Hello,\n\n{BODY}\n\nThank you, Ann!"))
    assert agent(message, new_text(message.text)) is None
    namesake = read(mail(f"Hello,\n\n{BODY}\n\nThank you, Ann!", sender="Ann Baker <support@desk.example>"))
    assert agent(namesake, new_text(namesake.text)) == "Ann Baker"


def test_signed_by_a_person_is_a_finding_with_the_name() -> None:
    message = read(mail(f"Hi Ann,\n\n{BODY}\n\nKind regards,\nMia"))
    found = signed(message, new_text(message.text))
    assert (found.result, found.rule, found.value) == ("ok", "signed.signature", "Mia")
    assert found.evidence == "Kind regards, Mia"
    team = read(mail(f"Hi Ann,\n\n{BODY}\n\nKind regards,\nExample Support"))
    found = signed(team, new_text(team.text))
    assert (found.result, found.evidence) == ("problem", "Example Support")
    assert signed(Message(), "").result == "unknown"
