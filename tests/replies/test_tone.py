"""Observable elements of tone."""

import pytest

from replies.tone import greeting, rude, tone

REPLY = """Hi Ann,

thank you for your patience, and sorry for the wait. The kettle left our warehouse yesterday and comes on Friday.

Kind regards,
Mia"""
BARE = "The kettle left our warehouse yesterday and will be with you on Friday morning."


def heard(text: str, name: str | None = "Ann Gray", upset: bool = True) -> dict[str, str]:
    return {found.check: found.result for found in tone(text, name, upset)}


def test_all_elements_of_a_good_reply_are_heard() -> None:
    assert set(heard(REPLY).values()) == {"ok"}
    assert list(heard(REPLY)) == ["greeting", "thanks", "apology", "closing", "rude"]


def test_what_is_missing_is_said() -> None:
    assert heard(BARE) == {
        **dict.fromkeys(("greeting", "thanks", "apology", "closing"), "problem"),
        "rude": "ok",
    }


@pytest.mark.parametrize(
    "ending",
    [
        "Best,\nMia",
        "Best Mia",
        "Gruß\nMia",
        "Schöne Grüße\nMia",
        "Merci,\nMia",
        "Obrigada,\nMia",
        "Groet, Mia",
        "Mvh Mia",
    ],
)
def test_a_short_closing_is_one_too(ending: str) -> None:
    assert heard(f"{BARE}\n\n{ending}")["closing"] == "ok"


@pytest.mark.parametrize(
    ("opening", "name", "rule"),
    [
        (
            "Dzień dobry Pani Noro, paczka wyjechała dziś rano i dotrze do Pani w piątek.",
            "Nora Feld",
            "greeting.by_name",
        ),
        ("您好，Feld女士：您的包裹昨天已经寄出，预计星期五送达。", "Nora Feld", "greeting.by_name"),
        (
            "Здравствуйте, Нора! Посылка отправлена вчера и придёт в пятницу утром.",
            "Nora Feld",
            "greeting.other_script",
        ),
        (
            "Hello there, nor is it late: the parcel left yesterday and comes on Friday.",
            "Nora Feld",
            "greeting.without_name",
        ),
    ],
)
def test_a_name_is_known_by_another_ending_and_not_asked_for_in_another_script(
    opening: str, name: str, rule: str
) -> None:
    assert next(iter(tone(opening, name))).rule == rule


def test_an_apology_is_looked_for_only_where_the_customer_is_upset() -> None:
    assert "apology" not in heard(BARE, upset=False)


@pytest.mark.parametrize(
    "text",
    [
        "Dobar dan, čajnik je jučer napustio naše skladište i stiže vam u petak ujutro.",  # no words known here
        "Friday.",  # too short to tell the language
        "",
    ],
)
def test_of_an_unknown_language_nothing_is_missed(text: str) -> None:
    assert {check: result for check, result in heard(text).items() if check != "greeting"} == dict.fromkeys(
        ("thanks", "apology", "closing", "rude"), "unknown"
    )


@pytest.mark.parametrize(
    ("text", "apologises"),
    [
        ("Es tut mir sehr leid, dass der Kessel noch nicht bei Ihnen angekommen ist.", "ok"),
        ("Je suis désolée pour ce contretemps, votre colis arrive vendredi matin.", "ok"),
        ("Lamentamos mucho las molestias, su pedido llegará el viernes por la mañana.", "ok"),
        ("Ci scusiamo per il disagio, il pacco arriverà venerdì mattina.", "ok"),
        ("There is no need to apologise, your parcel comes on Friday morning.", "problem"),
        ("Unfortunately the parcel comes on Friday, so please wait until then.", "problem"),
    ],
)
def test_an_apology_is_known_by_its_words(text: str, apologises: str) -> None:
    assert heard(text)["apology"] == apologises


@pytest.mark.parametrize(
    ("line", "name", "rule"),
    [
        ("Dear Ms Gray,", "Ann Gray", "greeting.by_name"),
        ("Hallo Ann!", "Ann Gray", "greeting.by_name"),
        ("Ann, that was my mistake.", "Ann Gray", "greeting.by_name"),
        ("Hola Jose:", "José Núñez", "greeting.by_name"),
        ("田中様", "田中 花子", "greeting.by_name"),
        ("Dear customer,", "Ann Gray", "greeting.without_name"),
        ("Guten Tag,", "Ann Gray", "greeting.without_name"),
        ("Hi Anna,", "Ann Gray", "greeting.without_name"),
        ("The kettle comes on Friday.", "Ann Gray", "greeting.none"),
        ("Hello,", None, "greeting.no_name_known"),
        ("Hello,", "ann@inbox.example", "greeting.no_name_known"),
    ],
)
def test_a_greeting_is_by_the_customers_own_name(line: str, name: str | None, rule: str) -> None:
    found = greeting(f"{line}\n\nMore.", name)
    assert found.rule == rule
    assert found.evidence == line


@pytest.mark.parametrize(
    "text",
    [
        "That is not our problem.",
        "Calm down, it is just a kettle.",
        "Können Sie nicht lesen? Es steht auf der Seite.",
        "Ce n'est pas notre problème.",
        "No es nuestro problema.",
        "You must be really stupid to boil it dry.",
    ],
)
def test_rude_words_are_found_and_quoted(text: str) -> None:
    found = rude(f"Hello Ann,\n\n{text}\n\nMia")
    assert found.result == "problem"
    assert found.evidence in text


@pytest.mark.parametrize(
    "text",
    [
        "That was a stupid mistake of mine.",
        "The problem is not our warehouse but the carrier.",
        "Take care that the kettle does not fall on a hard floor.",
        "You are right, and the manual is wrong.",
        "Das Problem liegt bei uns.",
    ],
)
def test_friendly_words_are_not_rude(text: str) -> None:
    assert rude(text).result == "ok"
