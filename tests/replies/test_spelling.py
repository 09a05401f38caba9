"""Words spelt wrong, found without false alarms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.spelling import spelling

LETTERS = {
    "en": "Thank you for your message about the kettle. Our warehouse has checked the parcel and it leaves tomorrow morning; "
    "you will receive another message with the new delivery date from us.",
    "de": "Vielen Dank für Ihre Nachricht. Unser Lager hat das Paket geprüft, und es geht morgen früh auf die Reise; Sie "
    "erhalten dann eine weitere Nachricht mit dem neuen Liefertermin von uns.",
    "fr": "Merci pour votre message. Notre entrepôt a vérifié le colis et il partira demain matin ; vous recevrez ensuite un "
    "autre message avec la nouvelle date de livraison.",
    "es": "Gracias por su mensaje. Nuestro almacén ha comprobado el paquete y saldrá mañana por la mañana; recibirá después "
    "otro mensaje con la nueva fecha de entrega.",
    "it": "Grazie per il suo messaggio. Il nostro magazzino ha controllato il pacco, che partirà domani mattina; riceverà poi "
    "un altro messaggio con la nuova data di consegna.",
    "pt": "Obrigado pela sua mensagem. O nosso armazém verificou a encomenda, que sairá amanhã de manhã; receberá depois uma "
    "nova mensagem com a data de entrega.",
    "nl": "Bedankt voor uw bericht. Ons magazijn heeft het pakket nagekeken en het vertrekt morgen vroeg; u ontvangt daarna "
    "nog een bericht van ons met de nieuwe datum van levering.",
    "ru": "Спасибо за ваше сообщение. Наш склад проверил посылку, и завтра утром она будет отправлена; после этого вы получите "
    "ещё одно сообщение с новой датой доставки от нас.",
}


@pytest.mark.parametrize("language", LETTERS)
def test_a_letter_without_mistakes_has_none(language: str) -> None:
    assert (spelling(LETTERS[language]).result, spelling(LETTERS[language]).rule) == ("ok", "spelling.none")


@pytest.mark.parametrize(
    ("language", "right", "wrong"),
    [
        ("en", "checked", "chekced"),
        ("en", "receive", "recieve"),
        ("en", "delivery", "delivry"),
        ("en", "another", "anothre"),
        ("de", "neuen", "nuen"),
        ("de", "geprüft", "gerpüft"),
        ("de", "erhalten", "erhaltten"),
        ("fr", "livraison", "livraisson"),
        ("es", "almacén", "almcén"),
        ("it", "magazzino", "magazino"),
        ("pt", "encomenda", "encomeda"),
        ("nl", "ontvangt", "ontvagnt"),
        ("ru", "сообщение", "сообщние"),
    ],
)
def test_a_slip_of_the_finger_is_found_with_what_was_meant(language: str, right: str, wrong: str) -> None:
    text = LETTERS[language].replace(right, wrong, 1)
    found = spelling(text)
    assert (found.result, found.rule, found.value) == ("problem", "spelling.words", {wrong: right})
    assert wrong in found.evidence


def test_a_misspelling_that_people_make_so_often_that_lists_have_it_is_found() -> None:
    assert spelling(LETTERS["de"] + " Das geht leider nihct früher.").value == {"nihct": "nicht"}
    assert spelling(LETTERS["en"] + " We will tell you wich one.").value == {"wich": "which"}


def test_another_ending_makes_no_slip() -> None:
    assert spelling(LETTERS["en"] + " The revoker is there.").result == "ok"
    assert spelling(LETTERS["es"] + " El renderizador ha funcionado.").result == "ok"


@pytest.mark.parametrize(
    "strange",
    [
        "Our colour catalogue and your apologised favour were organised.",  # British
        "See https://desk.example/waranty/adres and write to recieve@desk.example.",
        "The file C:\\tempp\\recieve.txt and `recieve` stay as they are.",
        "Please reinstall the plugin, check the dropdown and send a screenshot of the webhook.",
        "Kittel and Kettel are our Waranty partners.",  # names and beginnings of sentences
        "Say kettel once and kettel twice.",  # whoever writes it twice means it
    ],
)
def test_what_is_no_plain_word_is_left_alone(strange: str) -> None:
    assert spelling(f"{LETTERS['en']} {strange}").result == "ok"


def test_what_the_customer_wrote_is_right() -> None:
    text = f"{LETTERS['en']} The kettel is yours."
    assert spelling(text).value == {"kettel": "kettle"}
    assert spelling(text, ["Where is my Kettel?"]).result == "ok"


def test_english_words_are_no_mistakes_elsewhere() -> None:
    assert spelling(f"{LETTERS['de']} Bitte prüfen Sie das update und den workflow im browser.").result == "ok"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "spelling.language_uncertain"),
        ("Thank you for your message, we will answer tomorrow.", "spelling.too_short"),
        ("Kiitos viestistäsi. Olemme tarkistaneet paketin varastolla ja se lähtee huomenna aamulla matkaan sinulle.",
         "spelling.language_not_known"),
        (f"{LETTERS['en']} The blorbing snarfler vorpled a mimsish quonker of grobbly trinnets and frumious wabesters, so the "
         "tovelike bandersnap gimbled its burbly vorpaline mome.", "spelling.no_prose"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_said_it_is_unknown(text: str, rule: str) -> None:
    assert (spelling(text).result, spelling(text).rule) == ("unknown", rule)


@given(st.text(max_size=3_000))
def test_any_text_at_all_gives_a_finding(text: str) -> None:
    assert spelling(text).check == "spelling"
