"""In which language is it?"""

import pytest

from replies import language as module
from replies.language import language, language_of
from tests.replies.mails import HUMANS

LETTERS = {
    "en": "Your kettle left our warehouse yesterday and should be with you on Friday.",
    "de": "Ihr Wasserkocher hat gestern unser Lager verlassen und kommt am Freitag an.",
    "fr": "Votre bouilloire a quitté notre entrepôt hier et arrivera vendredi matin.",
    "es": "Su hervidor salió ayer de nuestro almacén y llegará el viernes por la mañana.",
    "it": "Il suo bollitore ha lasciato ieri il nostro magazzino e arriverà venerdì mattina.",
    "pt": "A sua chaleira saiu ontem do nosso armazém e chegará na sexta-feira de manhã.",
    "nl": "Uw waterkoker heeft gisteren ons magazijn verlaten en komt vrijdagochtend aan.",
    "sv": "Din vattenkokare lämnade vårt lager i går och kommer fram på fredag morgon.",
    "pl": "Państwa czajnik opuścił wczoraj nasz magazyn i dotrze w piątek rano.",
    "fi": "Vedenkeittimesi lähti eilen varastostamme ja saapuu perjantaiaamuna.",
    "ru": "Ваш чайник вчера покинул наш склад и прибудет в пятницу утром.",
    "ja": "お客様のケトルは昨日倉庫を出発し、金曜日の午前中に到着する予定です。",
}


@pytest.mark.parametrize("code", LETTERS)
def test_a_language_is_known_by_a_sentence(code: str) -> None:
    assert language_of(LETTERS[code]) == code


@pytest.mark.parametrize("title", [title for title in HUMANS if title[:2] in LETTERS and "short" not in title])
def test_a_reply_of_a_desk_is_in_its_language(title: str) -> None:
    assert language(HUMANS[title][1], title[:2]).result == "ok"


@pytest.mark.parametrize(
    "text", ["", "Friday.", "OK, danke!", "EX-20417 12345 https://desk.example/en/orders/where-is-it"]
)
def test_a_short_text_is_in_no_certain_language(text: str) -> None:
    assert language(text, "en").result == "unknown"


def test_another_language_is_a_problem_and_is_named() -> None:
    found = language(LETTERS["de"], "en-GB")
    assert (found.result, found.value) == ("problem", "de")
    assert found.evidence.startswith("Ihr Wasserkocher")


def test_languages_that_look_alike_prove_nothing() -> None:
    assert language("Hej Ann, jeg har spurgt vores lager, og kedlen kommer på fredag.", "nb").result == "ok"


def test_shouting_and_links_do_not_change_the_language() -> None:
    assert language_of(LETTERS["de"].upper() + " https://www.example.com/this/is/an/english/page/about/kettles") == "de"


def test_without_the_detector_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_detector", lambda: None)
    assert language(LETTERS["de"], "en").result == "unknown"


class Torn:
    """A detector that cannot make up its mind."""

    def __init__(self, **scores: float) -> None:
        self.scores = scores

    def detect(self, text: str, model: str, k: int) -> list[dict[str, object]]:
        return [{"lang": name, "score": score} for name, score in self.scores.items()]


@pytest.mark.parametrize(
    ("scores", "expected", "result"),
    [
        ({"da": 0.45, "no": 0.42}, "nb", "ok"),  # together they are certain
        ({"da": 0.45, "no": 0.42}, "de", "unknown"),  # neither is certain enough to be a wrong one
        ({"pt": 0.6, "es": 0.35}, "es", "unknown"),  # the right one is not ruled out
        ({"pt": 0.6, "es": 0.05}, "es", "problem"),
        ({"sv": 0.4, "nl": 0.3}, "sv", "unknown"),
    ],
)
def test_a_doubtful_language_is_no_wrong_one(
    monkeypatch: pytest.MonkeyPatch, scores: dict[str, float], expected: str, result: str
) -> None:
    monkeypatch.setattr(module, "_detector", lambda: Torn(**scores))
    assert language("A sentence that is long enough to be judged.", expected).result == result
