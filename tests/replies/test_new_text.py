"""The new part of a reply: quotations, frames, histories, our own words and signatures are cut."""

from pathlib import Path

import pytest

from replies.new_text import new_text, repeats_ours

REPLY = "Dear Ann,\n\nit left our warehouse yesterday.\n\nKind regards,\nRobin"
OURS = "Hello,\n\nI ordered a kettle on Monday, order EX-20417. Where is it?\n\nKind regards\nAnn"


@pytest.mark.parametrize(
    "history",
    [
        "On Wed, Nov 18, 2026 at 10:02 AM Ann Gray <ann@inbox.example> wrote:\n> Where is it?",
        "On Wed, Nov 18, 2026 at 10:02 AM Ann Gray <\nann@inbox.example> wrote:\n\n> Where is it?",
        "Am 18.11.2026 um 10:02 schrieb Ann Gray:\n> Wo ist er?",
        "Le mer. 18 nov. 2026 à 10:02, Ann Gray <ann@inbox.example> a écrit :\n> Où est-elle ?",
        "El mié, 18 nov 2026 a las 10:02, Ann Gray (<ann@inbox.example>) escribió:\n> ¿Dónde está?",
        "Il giorno mer 18 nov 2026 alle ore 10:02 Ann Gray <ann@inbox.example> ha scritto:\n> Dov'è?",
        "Op wo 18 nov 2026 om 10:02 schreef Ann Gray <ann@inbox.example>:\n> Waar is hij?",
        "Em qua., 18 de nov. de 2026 às 10:02, Ann Gray <ann@inbox.example> escreveu:\n> Onde está?",
        "śr., 18 lis 2026 o 10:02 Ann Gray <ann@inbox.example> napisał(a):\n> Gdzie jest?",
        "Den ons 18 nov. 2026 kl 10:02 skrev Ann Gray <ann@inbox.example>:\n> Var är den?",
        "ke 18. marrask. 2026 klo 10.02 Ann Gray (ann@inbox.example) kirjoitti:\n> Missä se on?",
        "st 18. 11. 2026 v 10:02 odesílatel Ann Gray <ann@inbox.example> napsal:\n> Kde je?",
        "Ann Gray <ann@inbox.example> ezt írta (időpont: 2026. nov. 18., Sze, 10:02):\n> Hol van?",
        "ср, 18 нояб. 2026 г. в 10:02, Ann Gray <ann@inbox.example>:\n> Где он?",
        "18 Kas 2026 Çar 10:02 tarihinde Ann Gray <ann@inbox.example> şunu yazdı:\n> Nerede?",
        "2026年11月18日(水) 10:02 Ann Gray <ann@inbox.example>:\n> どこですか",
        "-----Original Message-----\nFrom: Ann Gray\nSent: Wednesday\nTo: Support\nSubject: Where?\n\nWhere is it?",
        "-----Ursprüngliche Nachricht-----\nVon: Ann Gray\n\nWo ist er?",
        (
            "________________________________\nFrom: Ann Gray <ann@inbox.example>\nSent: 18 November 2026 "
            "10:02\nTo: Support\n\nWhere?"
        ),
        (
            "Von: Ann Gray <ann@inbox.example>\nGesendet: Mittwoch, 18. November 2026 10:02\nAn: Support\n"
            "Betreff: Wo?\n\nWo ist er?"
        ),
        (
            "De : Ann Gray <ann@inbox.example>\nEnvoyé : mercredi 18 novembre 2026 10:02\nÀ : Support\n"
            "Objet : Où ?\n\nOù est-elle ?"
        ),
        "---------- Forwarded message ---------\nFrom: Ann Gray\nDate: Wed, 18 Nov 2026\nSubject: Where?\n\nWhere?",
        "-- \nRobin Baker\nExample Ltd\n+44 20 7946 0000",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "##- Please type your reply above this line -##\n\nAnn Gray, Nov 18, 2026, 10:02 CET\n\nWhere is it?",
        "This email is a service from Example Ltd. Delivered by Zendesk",
    ],
)
def test_history_and_signatures_are_cut_in_every_language(history: str) -> None:
    assert new_text(f"{REPLY}\n\n{history}\n") == REPLY


def test_answers_between_quoted_lines_are_kept() -> None:
    text = (
        "On 18.11.2026 10:02, Ann Gray wrote:\n> Where is it?\n\nIn Leipzig.\n\n> Do you ship to "
        "Austria?\n\nYes, we do.\n"
    )
    assert new_text(text) == "In Leipzig.\n\nYes, we do."


def test_our_own_text_is_cut_where_it_comes_back_without_any_mark() -> None:
    assert new_text(f"{REPLY}\n\nYour request:\n\n{OURS}", [OURS]).startswith(REPLY)
    assert "EX-20417" not in new_text(f"{REPLY}\n\nYour request:\n\n{OURS}", [OURS])
    wrapped = OURS.replace("EX-20417. ", "EX-20417.\n")
    assert new_text(f"{REPLY}\n\n{'━' * 40}\n\n{wrapped}", [OURS]) == REPLY
    assert new_text(OURS, [OURS]) == ""
    assert repeats_ours(OURS, [OURS])
    assert not repeats_ours(REPLY, [OURS])


def test_a_sentence_of_ours_that_an_agent_repeats_does_not_cut_the_answer() -> None:
    text = (
        "You asked:\nI ordered a kettle on Monday, order EX-20417. Where is it?\nIt is in Leipzig.\nIt "
        "comes on Friday.\nRobin"
    )
    assert "It comes on Friday." in new_text(text, [OURS])


def test_a_history_of_comments_under_bylines_is_cut_to_the_first() -> None:
    text = (
        "##- Please type your reply above this line -##\n\nRobin (Example Support), Nov 18, 2026, 11:05 CET\n\n"
        f"{REPLY}\n\nAnn Gray, Nov 18, 2026, 10:02 CET\n\nWhere is it?\n"
    )
    assert new_text(text) == REPLY


def test_the_change_list_of_redmine_is_no_text() -> None:
    text = (
        "Issue #812 has been updated by Robin Baker.\n\nStatus changed from New to Open\nAssignee set to Robin\n\n"
        f"{REPLY}\n\n----------------------------------------\n"
        "Support #812: Where is my kettle?\nhttps://desk.example/issues/812\n"
    )
    assert new_text(text) == REPLY


@pytest.mark.parametrize(
    ("opens", "ends"),
    [
        (
            "The following comment was added to ticket [help-1]:",
            "If you need to provide us with further information, please reply to this",
        ),
        (
            "The following resolution was added to ticket [help-1]:",
            "Can you please confirm that this resolution addresses your needs so",
        ),
        (
            "Folgender Kommentar wurde zum Ticket [hilfe-1] hinzugefügt:",
            "Wenn Sie uns weitere Informationen mitteilen möchten, antworten",
        ),
        (
            "Für das Ticket [hilfe-1] wurde folgende Lösung vorgeschlagen:",
            "Wir möchten Sie bitten zu bestätigen, dass diese Lösung",
        ),
    ],
)
def test_the_frame_of_django_helpdesk_holds_the_agents_comment(opens: str, ends: str) -> None:
    assert (
        new_text(f"Hello,\n\nYou recently logged a ticket.\n\n{opens}\n\n{REPLY}\n\n\n{ends}\n\nRegards,\n\nHelp")
        == REPLY
    )


def test_escaped_html_is_undone() -> None:
    assert new_text("It&#39;s here &amp; safe.\n\nOn 1.1.2026 10:00, Ann wrote:\n&gt; Where?") == "It's here & safe."
    assert new_text("Dear Ann,&lt;br&gt;&lt;p&gt;it left.&lt;/p&gt;") == "Dear Ann,\n\nit left."


@pytest.mark.parametrize(
    "text",
    [
        "On the other hand, 12 of them are here.\n\nOn average it takes a day.",
        "From: our side all is fine.\n\nTo: be honest, it takes a day.",
        (
            "Here are the points:\n\n---\n\nFirst, it was late. We are sorry for that and refund the "
            "postage.\n\nSecond, it was wet. That is not good."
        ),
        "Sent from my desk, which is easier than my phone.\n\nIt left yesterday.",
        "Prices:\n-- small: 9.90\n-- large: 19.90",
    ],
)
def test_text_that_only_looks_like_history_is_kept(text: str) -> None:
    assert new_text(text) == text


def test_a_warning_of_a_mail_gateway_is_no_text() -> None:
    assert (
        new_text(f"CAUTION: This email originated from outside of the organisation. Do not click links.\n\n{REPLY}")
        == REPLY
    )


ATTRIBUTIONS = (Path(__file__).parent / "wordings" / "attribution.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("quotation", ["> Where is it?\n> Ann", "Where is it?\nAnn"], ids=["marked", "bare"])
@pytest.mark.parametrize("line", ATTRIBUTIONS)
def test_what_stands_below_an_attribution_in_any_language_is_history(line: str, quotation: str) -> None:
    assert new_text(f"It left yesterday.\nRobin\n\n{line}\n{quotation}\n") == "It left yesterday.\nRobin"


@pytest.mark.parametrize("line", [line for line in ATTRIBUTIONS if len(line.split()) > 3 and line.isprintable()])
def test_an_attribution_that_was_wrapped_on_the_way_is_one_still(line: str) -> None:
    words = line.split(" ")
    wrapped = " ".join(words[: len(words) // 2]) + "\n" + " ".join(words[len(words) // 2 :])
    assert new_text(f"It left yesterday.\nRobin\n\n{wrapped}\n> Where is it?\n") == "It left yesterday.\nRobin"


def test_a_history_of_comments_below_a_text_is_cut_but_an_appointment_in_it_is_not() -> None:
    assert new_text("It left yesterday.\n\nAnn Gray, Nov 11, 2026, 21:02 GMT+1\n\nWhere is it?") == "It left yesterday."
    appointment = "We could come on\n\nDienstag, 17. November 2026, 10:00 Uhr\n\nif that suits you."
    assert new_text(appointment) == appointment


def test_of_comments_that_are_only_announced_the_newest_is_new() -> None:
    text = (
        "You are registered as a CC on this request (77). Reply to this email to add a comment to the request.\n\n"
        "----------------------------------------------\n\nMia, Nov 12, 2026, 14:20 GMT+1\n\nIt left yesterday.\n\nMia\n\n"
        "----------------------------------------------\n\nAnn Gray, Nov 11, 2026, 21:02 GMT+1\n\nWhere is it?\n"
    )
    assert new_text(text) == "It left yesterday.\n\nMia"


def test_the_line_that_names_who_commented_and_what_stands_below_a_helpdesks_mail_are_cut() -> None:
    text = (
        "Reply above this line.\n\nMia Wong commented:\n\nIt left yesterday.\n\nMia\n\n"
        "View request: https://desk.example/7\nTurn off this request's notifications: https://desk.example/8\n\n"
        "This is shared with Ann.\n\nPowered by Jira Service Management"
    )
    assert new_text(text) == "It left yesterday.\n\nMia"
    record = (
        "It left yesterday.\n\nMia\n\n----------------------------------------------\nTicket ID: #7\nStatus: Answered"
    )
    assert new_text(record) == "It left yesterday.\n\nMia"


@pytest.mark.parametrize(
    "line",
    [
        "Ann Gray schrieb am 17.11.2026 um 20:15:",
        "Ann Gray a écrit le 17/11/2026 à 20:15 :",
        "Ann Gray schreef op 17-11-2026 om 20:15:",
        "Ann Gray ha scritto il 17/11/2026 alle 20:15:",
        "Ann Gray написала 17.11.2026 в 20:15:",
    ],
)
def test_a_name_that_stands_before_its_date_attributes_what_is_quoted_below_it_and_nothing_else(line: str) -> None:
    assert new_text(f"{line}\n> Where is it?\n\nIt left yesterday.\nRobin") == "It left yesterday.\nRobin"
    assert new_text(f"It left yesterday.\n\n{line}\n> Where is it?\n") == "It left yesterday."
    assert new_text(f"{line}\n\nIt left yesterday.").startswith("Ann Gray")


def test_a_byline_on_two_lines_heads_a_comment() -> None:
    history = "Ann Gray\nNov 16, 2026, 22:18 PST\n\nWhere is it?"
    assert new_text(f"It left yesterday.\n\n{history}") == "It left yesterday."
    assert new_text(f"Robin (Desk)\nNov 17, 2026, 9:18 PST\n\nIt left yesterday.\n\n{history}") == "It left yesterday."


def test_a_sentence_with_a_time_of_day_that_stands_alone_is_no_byline() -> None:
    assert new_text("It arrives at 11:37 am.") == "It arrives at 11:37 am."


def test_a_telephone_s_line_may_end_with_a_full_stop() -> None:
    assert new_text("It left yesterday.\n\nVon meinem Samsung Galaxy gesendet.\n\n> Where?") == "It left yesterday."
