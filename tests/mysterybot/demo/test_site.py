import httpx
import pytest
from bs4 import BeautifulSoup

from tests.mysterybot.demo.acme import body, open_company, received

FORM = {
    "name": "Anna Keller",
    "email": "anna+AB12@inbox.example",
    "order": "",
    "topic": "Technical support",
    "subject": "Backups",
    "message": "How long do you keep backups?",
}


async def test_a_form_opens_a_ticket_that_is_acknowledged_and_answered_by_mail() -> None:
    async with open_company() as company, httpx.AsyncClient(follow_redirects=True) as browser:
        page = await browser.post(company.contact_url, data=FORM)
        assert page.status_code == 200
        assert "Thank you, we have received your message" in page.text
        assert "ACME-1042" in page.text
        acknowledgement, answer = await received(company, 2)
        assert acknowledgement["Delivered-To"] == "anna+ab12@inbox.example"
        assert "[ACME-1042]" in acknowledgement["Subject"]
        assert "30 days" in body(answer)
        assert acknowledgement["Message-ID"] in answer["References"]


async def test_the_home_page_leads_to_a_form_whose_fields_have_labels() -> None:
    async with open_company() as company, httpx.AsyncClient(base_url=company.url) as browser:
        home = BeautifulSoup((await browser.get("/")).text, "html.parser")
        assert [link["href"] for link in home.select("nav a") if link.string == "Contact us"] == ["/contact"]
        page = BeautifulSoup((await browser.get("/contact")).text, "html.parser")
        labels = {label["for"]: label.get_text(" ", strip=True) for label in page.select("form label")}
        assert labels == {
            "name": "Your name",
            "email": "E-mail address",
            "order": "Order number (optional)",
            "topic": "Topic",
            "subject": "Subject",
            "message": "Message",
        }
        assert {field["id"] for field in page.select("form :is(input, select, textarea)")} == set(labels)
        assert [button.get_text() for button in page.select("form button")] == ["Send message"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "", "Please tell us your name."),
        ("email", "not an address", "This is not an e-mail address."),
        ("email", "a@b.example\nBcc: c@d.example", "This is not an e-mail address."),
        ("topic", "Gossip", "Please choose a topic."),
        ("message", "x" * 5001, "Please use no more than 5000 characters."),
    ],
)
async def test_a_form_that_is_not_right_is_shown_again_with_the_reason(field: str, value: str, told: str) -> None:
    async with open_company() as company, httpx.AsyncClient() as browser:
        page = await browser.post(company.contact_url, data=FORM | {field: value, "subject": '"><b>typed'})
        assert page.status_code == 422
        assert told in page.text
        assert "<b>typed" not in page.text
        assert "&gt;&lt;b&gt;typed" in page.text
        assert company.helpdesk.tickets == {}


async def test_what_is_no_form_is_refused() -> None:
    async with open_company() as company, httpx.AsyncClient() as browser:
        refused = [
            await browser.post(company.contact_url, json=FORM),
            await browser.post(company.contact_url, data=FORM | {"message": "x" * 70_000}),
            await browser.post(company.contact_url, data={f"f{number}": "x" for number in range(50)}),
            await browser.post(
                company.contact_url, content=b"\xff", headers={"Content-Type": "application/x-www-form-urlencoded"}
            ),
        ]
        assert [page.status_code for page in refused] == [400] * 4
        reflected = await browser.get(f"{company.contact_url}/received", params={"ticket": "<script>"})
        assert reflected.status_code == 303
