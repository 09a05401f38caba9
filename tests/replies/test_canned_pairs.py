"""How well canned answers are told from answers of their own, over pairs made from the letters of one invented desk."""

import random
from collections.abc import Iterator

from replies.canned import canned, same_question

LETTERS = [
    "Thank you for contacting us about your order {n}. We have passed it to our warehouse team in {city} and will get back "
    "to you as soon as we know more. Please allow up to three days for an answer.",
    "We are sorry for the inconvenience. Please clear the cache of your browser, restart your device and try to sign in to "
    "your account {n} again. If the trouble persists, do not hesitate to write to us.",
    "Your refund of {n} euros was sent to the bank in {city} on {day}. Depending on your bank it may take up to ten days "
    "until it is shown on your statement. You need not do anything.",
    "The warranty of the model {n} covers faults of material for two years from the day of purchase. Damage by lime, falls "
    "or wrong use is excluded. For a repair please send the device with the receipt to our partner in {city}.",
    "You can change the address of your subscription {n} in the portal under settings, contact. The change takes effect "
    "with the next delivery after {day}. Parcels that are on their way already keep the old address.",
    "Leider ist der Artikel {n} zurzeit nicht an Lager. Wir erwarten die nächste Lieferung aus {city} am {day} und senden "
    "Ihnen das Paket dann ohne weitere Kosten. Falls Sie lieber stornieren möchten, genügt eine kurze Antwort.",
    "Besten Dank für Ihre Anfrage. Wir haben Ihr Anliegen {n} an die zuständige Stelle in {city} weitergeleitet und melden "
    "uns, sobald uns eine Rückmeldung vorliegt. Wir bitten Sie um etwas Geduld und danken für Ihr Verständnis.",
    "Nous avons bien enregistré votre réclamation {n} et l'avons transmise au dépôt de {city}. Vous recevrez une réponse "
    "détaillée avant {day}. Nous vous prions de nous excuser pour la gêne occasionnée par ce retard.",
    "The meeting room {n} in {city} can be booked for groups of up to twelve. Coffee and water are included, lunch is not. "
    "Cancellations are free until two days before; after that we charge one half of the price.",
    "I checked the log of your server {n}: the disk was full since {day}, so the mail queue stopped. I have removed old "
    "backups, started the queue again and set a warning at ninety percent. Nothing was lost, only late.",
]
NAMES = ["Ann", "Bob", "Chloé", "Dirk", "Eva Müller", "Farid", "Mr Jones", "Grace"]
AGENTS = ["Mia", "Tom Berger", "Léa", "The Support Team", "Jonas Weber"]
CITIES = ["Leipzig", "Warsaw", "Lyon", "Bern", "Turin"]
DAYS = ["Monday", "Friday", "3 March", "12.04.2026", "Thursday"]
OPENINGS = ["Hi {name},", "Hello {name},", "Dear {name},", "Guten Tag {name},", "Bonjour {name},"]
CLOSINGS = ["Kind regards,\n{agent}", "Best,\n{agent}", "Freundliche Grüsse\n{agent}", "Cordialement,\n{agent}"]
EXTRA = [
    "I hope that this helps.",
    "Have a good day!",
    "By the way, our shop is closed on Sunday.",
    "Thank you for your patience.",
]
CHANGES = {"please": "kindly", "will": "shall", "three": "two", "wir": "unser Team", "shown": "visible", "nous": "on"}


def letter(text: str, rng: random.Random, *, edited: bool) -> str:
    body = text.format(n=rng.randrange(1000, 99999), city=rng.choice(CITIES), day=rng.choice(DAYS))
    if edited:  # what an agent does to a text block: another word here and there, a sentence of their own
        word = rng.choice(sorted(CHANGES))
        body = f"{body.replace(word, CHANGES[word], 1)} {rng.choice(EXTRA)}"
    opening = rng.choice(OPENINGS).format(name=rng.choice(NAMES))
    return f"{opening}\n\n{body}\n\n{rng.choice(CLOSINGS).format(agent=rng.choice(AGENTS))}"


def pairs(rng: random.Random) -> Iterator[tuple[str, list[str], bool]]:
    """A reply, the replies to other questions, and whether one of those is the same text block."""
    for text in LETTERS * 20:
        others = [letter(other, rng, edited=True) for other in LETTERS if other is not text]
        yield letter(text, rng, edited=rng.random() < 0.7), others, False
        same = letter(text, rng, edited=rng.random() < 0.7)
        yield letter(text, rng, edited=rng.random() < 0.7), [*others[:5], same], True


def test_precision_and_recall_over_pairs_are_as_they_must_be() -> None:
    judged = [(canned(text, others).result, same) for text, others, same in pairs(random.Random(7))]
    right = judged.count(("problem", True))
    assert {result for result, _ in judged} == {"ok", "problem"}
    assert right / (right + judged.count(("problem", False))) >= 0.97
    assert right / sum(same for _, same in judged) >= 0.97


def test_one_question_in_the_words_of_two_customers_is_one_question() -> None:
    asked = "Where is my parcel 4711? It should have come on Monday."
    assert same_question(asked, "Hello, where is my parcel 4712? It should have come on Friday.")
    assert not same_question(asked, "Is my kettle covered by the warranty?")
    assert not same_question("", "")
    assert not same_question("?", asked)
