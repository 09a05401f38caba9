"""Promises of an answer: what is one, how long it is, and what only looks like one."""

import pytest

from replies.promise import promise

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("text", "seconds", "unit"),
    [
        ("Hi Ann. Thanks for your message. A colleague will answer within 12 hours.", 12 * HOUR, "hours"),
        ("Please allow up to 3 working days for us to respond.", 3 * DAY, "business_days"),
        ("Someone from our team will be in touch in the next two business days.", 2 * DAY, "business_days"),
        ("Our average response time is 4 hours.", 4 * HOUR, "hours"),
        ("You can expect a reply within one week.", 7 * DAY, "days"),
        ("We'll get back to you as soon as possible, usually within 24 hours.", 24 * HOUR, "hours"),
        ("We answer all tickets within 8 business hours.", 8 * HOUR, "business_hours"),
        ("We will reply within 30 minutes.", 1_800, "hours"),
        ("You will have our answer in half an hour.", 1_800, "hours"),
        ("A technician rings you back within the hour.", HOUR, "hours"),
        ("Every letter is answered within a day.", DAY, "days"),
        ("If you write before noon, we respond inside two working hours.", 2 * HOUR, "business_hours"),
        ("Your request will be reviewed by our team in a couple of days.", 2 * DAY, "days"),
        ("We are open 24 hours a day and reply within fifteen minutes.", 900, "hours"),
        ("Antworten auf E-Mails geben wir binnen eines Arbeitstages.", DAY, "business_days"),
        ("Es dauert bis zu 72 Stunden, bis wir Ihnen antworten.", 72 * HOUR, "hours"),
        ("Comptez deux jours ouvrés pour une réponse.", 2 * DAY, "business_days"),
        ("Tardamos unas 3 horas en contestar.", 3 * HOUR, "hours"),
        ("Il tempo medio di risposta è di due ore.", 2 * HOUR, "hours"),
        ("Onze reactietijd is drie werkdagen.", 3 * DAY, "business_days"),
        ("Na odpowiedź trzeba poczekać do 3 dni roboczych.", 3 * DAY, "business_days"),
        ("Среднее время ответа - два часа.", 2 * HOUR, "hours"),
        ("영업일 기준 2일 이내에 답변드리겠습니다.", 2 * DAY, "business_days"),
        ("Ihre Anfrage wird innerhalb von zwei Werktagen beantwortet.", 2 * DAY, "business_days"),
        ("Sie erhalten binnen 48 Stunden eine Antwort von uns.", 48 * HOUR, "hours"),
        ("Unsere Kollegen melden sich in der Regel nach 1-2 Arbeitstagen bei Ihnen.", 2 * DAY, "business_days"),
        ("Un conseiller vous recontactera sous deux jours ouvrés.", 2 * DAY, "business_days"),
        ("Vous recevrez une réponse dans un délai de 72 heures.", 72 * HOUR, "hours"),
        ("Recibirá una respuesta en un plazo de 2 días laborables.", 2 * DAY, "business_days"),
        ("Ti ricontatteremo entro 2 giorni lavorativi.", 2 * DAY, "business_days"),
        ("Retornaremos em até 2 dias úteis.", 2 * DAY, "business_days"),
        ("U ontvangt binnen 2 werkdagen een reactie van ons.", 2 * DAY, "business_days"),
        ("Vi svarar normalt inom två arbetsdagar.", 2 * DAY, "business_days"),
        ("Vi vender tilbage inden for 24 timer.", 24 * HOUR, "hours"),
        ("Vi svarer innen 2 virkedager.", 2 * DAY, "business_days"),
        ("Vastaamme kahden arkipäivän kuluessa.", 2 * DAY, "business_days"),
        ("Odpowiemy w ciągu 2 dni roboczych.", 2 * DAY, "business_days"),
        ("Odpovíme do 24 hodin.", 24 * HOUR, "hours"),
        ("Odpovieme do 2 pracovných dní.", 2 * DAY, "business_days"),
        ("24 órán belül válaszolunk.", 24 * HOUR, "hours"),
        ("Vă vom răspunde în 24 de ore.", 24 * HOUR, "hours"),
        ("Size 24 saat içinde dönüş yapacağız.", 24 * HOUR, "hours"),
        ("Мы ответим в течение 2 рабочих дней.", 2 * DAY, "business_days"),
        ("Θα σας απαντήσουμε εντός 24 ωρών.", 24 * HOUR, "hours"),
        ("担当者より2営業日以内にご連絡いたします。", 2 * DAY, "business_days"),
        ("我们将在24小时内回复您。", 24 * HOUR, "hours"),
        ("24시간 이내에 답변드리겠습니다.", 24 * HOUR, "hours"),
    ],
)
def test_a_promise_is_read_with_its_length_and_its_unit(text: str, seconds: float, unit: str) -> None:
    found = promise(text)
    assert found is not None
    assert (found.seconds, found.unit) == (seconds, unit)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("I will call you back tomorrow.", "tomorrow"),
        ("We'll let you know by Monday.", "monday"),
        ("You will hear from me by end of day.", "eod"),
        ("Ich melde mich bis Freitag bei Ihnen.", "friday"),
        ("Sie hören spätestens morgen von mir.", "tomorrow"),
        ("Unser Techniker ruft Sie noch heute zurück.", "eod"),
        ("Je vous tiens au courant demain.", "tomorrow"),
        ("U krijgt uiterlijk maandag bericht van ons.", "monday"),
        ("Vi återkommer senast på fredag.", "friday"),
        ("We'll get back to you before the end of the week.", "eow"),
    ],
)
def test_a_promise_may_name_a_day(text: str, when: str) -> None:
    found = promise(text)
    assert found is not None
    assert (found.unit, found.when, found.seconds) == ("date", when, None)


@pytest.mark.parametrize(
    "text",
    [
        "We will get back to you as soon as possible.",
        "We are open 24 hours a day and will reply as soon as possible.",
        "Wir melden uns in Kürze bei Ihnen.",
        "Un conseiller vous répondra dans les meilleurs délais.",
        "Nos pondremos en contacto con usted a la mayor brevedad.",
        "Ti risponderemo il prima possibile.",
        "We nemen zo spoedig mogelijk contact met u op.",
        "Мы ответим вам в ближайшее время.",
    ],
)
def test_a_promise_without_a_time_is_vague(text: str) -> None:
    found = promise(text)
    assert found is not None
    assert (found.unit, found.seconds) == ("vague", None)


@pytest.mark.parametrize(
    "text",
    [
        "If you have not heard from us within 2 days, please call.",
        "If we do not hear from you within 5 days, we will close the ticket.",
        "Please reply within 7 days.",
        "Your kettle will be delivered within 3 working days.",
        "The refund reaches your account within 5 days.",
        "This link is valid for 24 hours.",
        "Bitte senden Sie uns die Rechnung innerhalb von 14 Tagen zu.",
        "Die Lieferung erfolgt innerhalb von 2 Werktagen.",
        "La livraison se fait sous 48 heures.",
        "El reembolso se realizará en 5 días hábiles.",
        "Gelieve binnen 3 dagen te antwoorden.",
        "Your kettle boils in two minutes.",
        "We replied to you two days ago.",
        "Unfortunately nobody answered you within 24 hours.",
        "The bank usually answers within 10 days.",
        "You have 14 days to respond.",
        "We tried to call you twice within the last 24 hours.",
        "We answer 24 hours a day.",
        "Our office is open Monday to Friday.",
        "Wir haben Ihnen innerhalb von 24 Stunden geantwortet.",
        "Sollten Sie binnen 3 Tagen keine Antwort erhalten, rufen Sie uns bitte an.",
        "Nous vous avons répondu il y a deux jours.",
        "Dispone de 15 días para responder a este correo.",
        "Le abbiamo risposto due giorni fa.",
        "Svara oss gärna inom en vecka.",
        "Ответьте, пожалуйста, в течение 3 дней.",
        "",
    ],
)
def test_conditions_duties_of_the_customer_deliveries_and_the_past_are_no_promises(text: str) -> None:
    assert promise(text) is None
