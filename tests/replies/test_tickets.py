"""Ticket numbers as desks write them, and none where there is none."""

import pytest

from replies.message import Message
from replies.tickets import tickets


@pytest.mark.parametrize(
    ("subject", "ticket"),
    [
        ("[desk.example #1] Where is my kettle?", "desk.example #1"),
        ("Re: [help-1] Where is my kettle? (Updated)", "help-1"),
        ("Ticket #123 received", "#123"),
        ("Support Ticket Opened [#482211]", "#482211"),
        ("AW: Frage [Ticket#2026111810000012]", "#2026111810000012"),
        ("Your case INC0012345 has been opened", "INC0012345"),
        ("[SR 10455] Kettle", "SR 10455"),
        ("Re: Kettle (SUP-1293)", "SUP-1293"),
        ("[ACME-1042] Kettle", "ACME-1042"),
        ("[Support - Question #812] Where is my kettle?", "#812"),
        ("Case 01234567: kettle", "#01234567"),
        ("Anfrage 20261118-0042", "20261118-0042"),
        ("Ticket 9921 aperto", "#9921"),
        ("Otrzymaliśmy zgłoszenie #552", "#552"),
        ("[##10045##] : Request received", "#10045"),
        ("[#KLM-204-55120]: Kettle", "KLM-204-55120"),
        ("[#QR-20931] Kettle", "QR-20931"),
        ("[Kettles 0009122]: Crash", "#0009122"),
        ("R-004417 - Request created", "R-004417"),
        ("[HD-2026-00871] Kettle", "HD-2026-00871"),
        ("Re: ACM-120 Kettle leaks", "ACM-120"),
        ("Kettle - T20261125.0012", "T20261125.0012"),
        ("Your reference: 500-1293-88", "500-1293-88"),
        ("Case # 01-443-2219", "01-443-2219"),
        ("Kettle [Ref: A1B2C3D4]", "A1B2C3D4"),
        ("Re: Kettle CAS-01234-X1Y2Z3", "CAS-01234-X1Y2Z3"),
    ],
)
def test_a_ticket_is_read_from_the_subject(subject: str, ticket: str) -> None:
    assert tickets(Message(subject=subject)) == (ticket,)


@pytest.mark.parametrize(
    ("text", "ticket"),
    [
        ("Your ticket number is 20418. Please keep it.", "#20418"),
        ("Your ticket has been assigned an ID of [desk.example #11].", "desk.example #11"),
        ("Your request (20417) has been received and is being reviewed by our support staff.", "#20417"),
        ("Ihre Anfrage wird unter der Nummer 31002 bearbeitet.", "#31002"),
        ("Nous avons bien reçu votre demande (n° 20418).", "#20418"),
        ("la sua richiesta è stata registrata con il numero 9921.", "#9921"),
        ("Recebemos sua solicitação (#20419) e responderemos.", "#20419"),
        ("Ваш запрос зарегистрирован под номером 12345.", "#12345"),
        ("受付番号：12345", "#12345"),
        ("Please quote ticket ID SUP-77 when you call.", "SUP-77"),
        ("Please quote reference WEB-88213 in any reply.", "WEB-88213"),
        ("We've opened case XZ-77 for you.", "XZ-77"),
        ("Incident INC1002 has been raised.", "INC1002"),
        ("Vaše číslo požadavku je 45678.", "#45678"),
        ("Je aanvraag heeft nummer 615044 gekregen.", "#615044"),
        ("La segnalazione è stata presa in carico con il codice CR-7718.", "CR-7718"),
        ("Zgłoszenie #3321 zostało utworzone.", "#3321"),
    ],
)
def test_a_ticket_is_read_from_clear_words_of_the_body(text: str, ticket: str) -> None:
    assert tickets(Message(text=text)) == (ticket,)


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "Re: Order EX-20417",
            "Your order #4711",
            "Invoice #889 from 2026",
            "Autumn sale 2026: 30% off",
            "Bestellung 12345",
        ),
        *(
            "Re: Where is my order 4711?",
            "UTF-8 and Covid-19",
            "Fall 2026 catalogue",
            "Your flight BA1234 on 12 May",
            "Meeting 2026-11-25 14:00",
            "Re: RMA form, article no. 55120",
            "Version 3.4.1 is out",
            "Your parcel 00340434161094042557",
            "Call 044 123 45 67",
            "USB-3 cable",
        ),
    ],
)
def test_orders_years_prices_and_phones_are_no_tickets(subject: str) -> None:
    assert tickets(Message(subject=subject)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Your order number 4711 has shipped in 2026. Call us on 044 123 45 67.",
        "I refunded 120.00 EUR; request it within 30 days.",
        "The kettle, model AB-1234, costs 99.90. Your invoice number is 55120.",
        "We have been in the case business since 1998.",
        "Your PIN is 4471 and your contract number is 55120.",
        "Case closed on 12/11/2026 after 45 minutes.",
        "Your booking reference is QX7Z2P.",
        "Ihre Kundennummer 7711820 hat sich nicht geändert.",
        "Your tickets for row F, seats 11 and 12 are attached.",
    ],
)
def test_a_body_without_a_ticket_gives_none(text: str) -> None:
    assert tickets(Message(text=text)) == ()


def test_what_the_customer_wrote_is_not_the_desks_number() -> None:
    text = "It left yesterday.\n\nOn 18.11.2026 10:02, Ann wrote:\n> my ticket number is 99887\n"
    assert tickets(Message(text=text)) == ()


def test_the_same_ticket_is_equal_in_subject_and_body() -> None:
    message = Message(subject="[Request #20417] Kettle", text="Your request (20417) has been received.")
    assert tickets(message) == ("#20417",)
