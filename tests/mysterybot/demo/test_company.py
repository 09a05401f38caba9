import asyncio
import logging
import random

import pytest

from mysterybot.demo.company import DOMAIN
from mysterybot.demo.helpdesk import MAX_MESSAGES
from tests.mysterybot.demo.acme import body, open_company, received, write


async def test_a_mail_is_acknowledged_answered_and_its_follow_up_goes_into_the_same_ticket() -> None:
    async with open_company() as company:
        await write(company, f"support@{DOMAIN}", "When will my order AH-20417 be ready?", subject="My order")
        acknowledgement, answer = await received(company, 2)

        assert acknowledgement["Subject"] == "[ACME-1042] We have received your message: My order"
        assert acknowledgement["Auto-Submitted"] == "auto-replied"
        assert acknowledgement["In-Reply-To"] == "<1@inbox.example>"
        assert "within 4 hours" in body(acknowledgement)

        assert answer["Subject"] == "Re: [ACME-1042] My order"
        assert answer["From"].addresses[0].display_name == "Mira Vogt"
        assert answer["In-Reply-To"] == "<1@inbox.example>"
        assert acknowledgement["Message-ID"] in answer["References"]
        assert answer["Auto-Submitted"] is None
        assert "AH-20417 is being set up right now; it will be ready on Thursday" in body(answer)
        assert "> When will my order AH-20417 be ready?" in body(answer)

        await write(
            company,
            f"support@{DOMAIN}",
            "And do you make backups?\n\n> it will be ready on Thursday: how much is it?",
            subject="without any tag",
            message_id="<2@inbox.example>",
            In_Reply_To=answer["Message-ID"],
        )
        *_, second = await received(company, 3)
        assert second["Subject"] == "Re: [ACME-1042] My order"
        assert "30 days" in body(second)
        assert "12.90" not in body(second).partition(" wrote:")[0]
        assert list(company.helpdesk.tickets) == [1042]


async def test_a_tag_in_the_subject_is_enough_to_find_the_ticket() -> None:
    async with open_company() as company:
        await write(company, f"support@{DOMAIN}", "How much is the Business plan?")
        await received(company, 2)
        await write(company, f"support@{DOMAIN}", "Where are your servers?", subject="AW: [ACME-1042] Hello")
        *_, answer = await received(company, 3)
        assert "Zurich" in body(answer)
        assert len(company.helpdesk.tickets) == 1


async def test_a_forgetful_agent_answers_one_question_and_the_other_when_asked_again() -> None:
    async with open_company() as company:
        await write(company, f"billing@{DOMAIN}", "Can I pay by invoice?\nHow much is the Business plan a month?")
        *_, first = await received(company, 2)
        assert "by invoice" in body(first).partition(" wrote:")[0]
        assert "12.90" not in body(first)
        await write(company, f"billing@{DOMAIN}", "And the other question?", subject=f"Re: {first['Subject']}")
        *_, second = await received(company, 3)
        assert "12.90" in body(second)


async def test_a_hasty_agent_closes_with_the_thanks_and_what_comes_then_opens_another_ticket() -> None:
    async with open_company() as company:
        await write(company, f"domains@{DOMAIN}", "Can you move my site?")
        *_, answer = await received(company, 2)
        tagged = str(answer["Subject"])
        assert tagged.startswith("Re: [ACME-1042]")
        await write(company, f"domains@{DOMAIN}", "Thank you.", subject=tagged, message_id="<2@inbox.example>")
        *_, notice = await received(company, 3)
        assert notice["Subject"] == "[ACME-1042] Solved: Hello"
        assert "[ACME-1042] has been solved and is now closed" in body(notice)
        await write(company, f"domains@{DOMAIN}", "How much is it?", subject=tagged, message_id="<3@inbox.example>")
        *_, acknowledgement, second = await received(company, 5)
        assert str(acknowledgement["Subject"]).startswith("[ACME-1043]")
        assert "12.90" in body(second)


async def test_a_no_reply_agent_answers_from_an_address_that_is_not_read() -> None:
    async with open_company() as company:
        await write(company, f"sales@{DOMAIN}", "Until what time can I reach you by phone on Fridays?")
        *_, answer = await received(company, 2)
        assert answer["From"].addresses[0].addr_spec == f"no-reply@{DOMAIN}"
        assert "18:00" in body(answer)
        assert "Please do not reply to this e-mail" in body(answer)
        assert company.contact_url in body(answer)


async def test_a_silent_agent_never_answers_and_a_thank_you_needs_no_answer() -> None:
    async with open_company() as company:
        await write(company, f"abuse@{DOMAIN}", "I get spam from you. What will you do?")
        await write(company, f"support@{DOMAIN}", "Thank you very much, that is all.", message_id="<2@inbox.example>")
        await received(company, 2)
        await everybody_is_done(company.helpdesk)
        assert [mail["Auto-Submitted"] for mail in await received(company, 2)] == ["auto-replied"] * 2


async def test_robots_are_not_answered() -> None:
    async with open_company() as company:
        await write(company, f"support@{DOMAIN}", "I am away. When?", Auto_Submitted="auto-replied")
        await write(company, f"support@{DOMAIN}", "A list. When?", Precedence="bulk")
        company.mail.post.deliver(f"support@{DOMAIN}", "", b"From: MAILER-DAEMON@inbox.example\r\n\r\nUndelivered?\r\n")
        company.mail.post.deliver(
            f"support@{DOMAIN}", f"sales@{DOMAIN}", f"From: sales@{DOMAIN}\r\n\r\nHow much?\r\n".encode()
        )
        company.mail.post.deliver(f"support@{DOMAIN}", "x@y.example", b"From: \xff<>\r\nSubject: =?x?q?=\r\n\r\n\xff?")
        assert company.helpdesk.tickets == {}


async def test_a_customer_who_never_stops_is_not_answered_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    async with open_company() as company:
        for _ in range(MAX_MESSAGES + 5):
            company.mail.post.deliver(
                f"support@{DOMAIN}",
                "anna@inbox.example",
                b"From: anna@inbox.example\r\nSubject: [ACME-1042] x\r\n\r\nHow much?\r\n",
            )
        assert caplog.text.count("is ignored") == 5
        await received(company, MAX_MESSAGES + 1)


async def test_a_customer_who_cannot_be_reached_does_not_stop_the_desk(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with open_company() as company:
        company.mail.post.deliver(
            f"support@{DOMAIN}", "x@far.example", b"From: x@far.example\r\nSubject: x\r\n\r\nHow much?\r\n"
        )
        await write(company, f"support@{DOMAIN}", "How much?")
        mails = await received(company, 2)
        assert all("[ACME-1043]" in mail["Subject"] for mail in mails)


async def everybody_is_done(helpdesk: object) -> None:
    tasks = list(getattr(helpdesk, "_at_work"))  # noqa: B009 - nothing outside this test needs to know
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


async def test_passwords_are_new_at_each_start_and_in_no_repr() -> None:
    async with open_company() as company:
        anna = company.customers["anna"]
        assert company.environ["ANNA_PASSWORD"] == anna.password
        assert anna.password not in repr(anna)


async def test_a_port_that_is_taken_leaves_nothing_open() -> None:
    async with open_company() as company:
        other = type(company)(now=company.mail.post.now, rng=random.Random(1))
        port = int(company.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            await other.start(http_port=port)
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", other.mail.ports.imap)
