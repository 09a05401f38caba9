"""The ways to tell: what arrives there, and that no secret address comes out again."""

import logging
import socket
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from conversations.journal import messages
from conversations.notice import About, Notice, What
from exporters.notices import apprise, post, words
from exporters.notices.settings import Place
from exporters.notices.told import NotTold
from probes.errors import Unreachable
from probes.secret import Secret
from tests.conversations.desk import MAILBOX
from tests.exporters.notices.newsroom import newsroom, place
from tests.exporters.notices.receiver import Receiver

TOKEN = "hunter2-hunter2"


async def test_slack_gets_a_text_in_which_nobody_can_be_called(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(slack=f"{oncall.url}/services/T0/B0/{TOKEN}", after=1)) as news:
        which = await news.ended("failed", "the page says <!channel> & *more*\nthan one line")
        await news.round()
    (request,) = oncall.requests
    assert request.path == f"/services/T0/B0/{TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "text": "🔴 The Desk: a customer was let down (visit test, channel support)\n"
        "Reason: the page says &lt;!channel&gt; &amp; *more* than one line\n"
        f"Visit: test\nChannel: support\nConversation: {which}\nTime: 2026-03-02T09:01:00Z\nLocation: zurich"
    }


@given(st.text(), st.text())
def test_no_text_whatever_makes_a_mention_or_a_link_in_slack(headline: str, details: str) -> None:
    text = words.slack(headline, details, over=False)["text"]
    assert "<" not in text
    assert ">" not in text


@given(st.sampled_from(What), st.booleans(), st.integers(0, 9), st.sampled_from(["", "because"]), st.floats(0, 4e9))
def test_everything_can_be_said(what: What, over: bool, number: int, reason: str, at: float) -> None:
    about = About("desk", "support", "test", MAILBOX, "first_reply", reason, number)
    new = Notice(what, over, "incident", at, about, "id", at / 2)
    assert "\n" not in words.headline(new, {})
    assert words.document(new, {}, "zurich")["summary"] == words.headline(new, {})


def test_a_reason_is_one_bounded_line_of_a_document(tmp_path: Path) -> None:
    new = Notice(What.FAILED, False, "failed:test", 0.0, About(desk="desk", visit="test", in_a_row=1))
    assert words.document(new, {}, "zurich")["reason"] is None


async def test_a_redirect_is_not_followed(oncall: Receiver) -> None:
    oncall.answers = [302]
    with pytest.raises(NotTold, match=r"^127\.0\.0\.1 answered HTTP 302; redirects are not followed"):
        await post.post(Secret(f"{oncall.url}/{TOKEN}"), {}, "id")
    assert [each.path for each in oncall.requests] == [f"/{TOKEN}"]


async def test_nobody_waits_for_ever(oncall: Receiver) -> None:
    oncall.open.clear()
    with pytest.raises(NotTold, match="did not answer in time"):
        await post.post(Secret(f"{oncall.url}/{TOKEN}"), {}, "id", deadline=0.2)


async def test_an_error_names_the_host_and_not_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = closed_port()
    with pytest.raises(NotTold) as told:
        await post.post(Secret(f"http://127.0.0.1:{port}/{TOKEN}"), {}, "id")
    assert str(told.value) == f"127.0.0.1 port {port} refuses connections"
    with pytest.raises(NotTold) as told:
        await apprise.tell(Secret(f"json://{TOKEN}:{TOKEN}@127.0.0.1:{port}/{TOKEN}"), "title", "text")
    assert str(told.value) == "the service did not take it"
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("status", [200, 302])
async def test_apprise_tells_a_service_that_it_knows_and_follows_no_redirect(oncall: Receiver, status: int) -> None:
    oncall.answers = [status]
    url = Secret(f"{oncall.url.replace('http', 'json')}/{TOKEN}?redirect=yes")
    if status == 200:
        await apprise.tell(url, "A title", "A <text>")
        assert (oncall.requests[0].json["title"], oncall.requests[0].json["message"]) == ("A title", "A <text>")
    else:
        with pytest.raises(NotTold):
            await apprise.tell(url, "A title", "A text")
    assert [each.path for each in oncall.requests] == [f"/{TOKEN}"]


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (f"nosuch://{TOKEN}", "for a service that it knows"),
        (TOKEN, "for a service that it knows"),
        (f"json://oncall.example/{TOKEN}", "over TLS"),
        (f"ntfy://oncall.example/{TOKEN}", "over TLS"),
        ("syslog://", "over TLS"),
        (f"jsons://oncall.example/{TOKEN}?verify=no", "certificates unchecked"),
        (f"file:///etc/{TOKEN}", "for a service that it knows"),
    ],
)
def test_an_url_of_apprise_that_will_not_do_is_refused_without_showing_it(url: str, what: str) -> None:
    with pytest.raises(ValidationError, match=what) as refused:
        Place.model_validate({"apprise": url})
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["tgram://123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/12345", "ntfys://oncall.example/topic"]
)
def test_services_that_speak_tls_are_taken(url: str) -> None:
    assert Place.model_validate({"apprise": url}).apprise == Secret(url)


async def test_a_mail_comes_from_the_bot_and_gives_no_conversation_away(tmp_path: Path) -> None:
    people = place(email="oncall@people.example", mailbox=MAILBOX, after=1)
    async with newsroom(tmp_path, people=people) as news:
        which = await news.ended("failed", "the desk closed RX482173 <unread> für immer")
        await news.round()
        assert await news.counted() == {"sent": 1}
        (mail,) = news.here.town.delivered
    assert str(mail["From"]) == "mysterybot <anna@inbox.example>"
    assert mail["To"] == "oncall@people.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<mysterybot-notice-{mail['X-Mysterybot-Notice']}@inbox.example>"
    text = mail.get_content()
    assert "Reason: the desk closed … <unread> für immer" in text
    assert f"Conversation: {which}" in text


async def test_an_answer_to_it_is_matched_to_no_conversation_whatever_it_quotes(tmp_path: Path) -> None:
    people = place(email="oncall@people.example", mailbox=MAILBOX, on=["overdue"])
    async with newsroom(tmp_path, people=people) as news:
        which = await news.asked()
        news.here.town.clock.turn(7200)
        await news.round()
        asked, mail = news.here.town.delivered
        answer = EmailMessage()
        answer["From"] = "Pat <oncall@people.example>"
        answer["To"] = "anna@inbox.example"
        answer["Subject"] = f"Re: {mail['Subject']}"
        answer["Message-ID"] = "<1@people.example>"
        answer["In-Reply-To"] = mail["Message-ID"]
        reference = (await news.here.load(which)).reference
        answer.set_content(f"I am on it. It is about {reference}, {asked['Message-ID']}.\n")
        news.here.town.receive(answer)
        await news.here.settle()
        assert len(await news.here.journal.read(lambda c: messages.unmatched(c, 10))) == 1
        assert (await news.here.load(which)).waiting_since is not None
        await news.round()
    assert len(news.here.town.delivered) == 2


async def test_a_mail_that_could_not_be_sent_is_the_same_mail_when_it_is(tmp_path: Path) -> None:
    people = place(email="oncall@people.example", mailbox=MAILBOX, after=1)
    async with newsroom(tmp_path, people=people) as news:
        await news.ended("failed")
        news.here.town.trouble = [Unreachable("it rains")]
        await news.round()
        assert news.here.town.delivered == []
        news.here.town.clock.turn(60)
        await news.round()
        (mail,) = news.here.town.delivered
        assert str(mail["Date"]).startswith("Mon, 02 Mar 2026 09:01:00")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
