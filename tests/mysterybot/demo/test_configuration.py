import re
from pathlib import Path

import pytest

from conversations.visit import EmailChannel
from mysterybot.config import Config, load
from mysterybot.demo.agents import Manner, topics_in
from mysterybot.demo.company import Company
from mysterybot.demo.configuration import configuration
from mysterybot.reaching import targets
from probes.form.channel import FormChannel
from tests.mysterybot.bots import idle_browser
from tests.mysterybot.demo.acme import body, open_company, received, write


def loaded(company: Company, folder: Path) -> Config:
    file = folder / "mysterybot.yaml"
    file.write_text(configuration(company, data=folder / "it's mine", listen="127.0.0.1:0", every="20 seconds"))
    return load(file, company.environ)


async def test_the_configuration_loads_and_fits_the_company_that_runs(tmp_path: Path) -> None:
    async with open_company() as company:
        config = loaded(company, tmp_path)
        for name, mailbox in config.mailboxes.items():
            customer = company.customers[name]
            assert (mailbox.address, mailbox.name) == (customer.address, customer.name)
            assert mailbox.login.password is not None
            assert mailbox.login.password.reveal() == customer.password
            assert (mailbox.imap.port, mailbox.smtp.port) == (company.mail.ports.imap, company.mail.ports.smtp)
        channels = config.desks["acme"].channels.values()
        assert {channel.email for channel in channels if isinstance(channel, EmailChannel)} == {
            *company.addresses.values()
        }
        assert [channel.form for channel in channels if isinstance(channel, FormChannel)] == [company.contact_url]


async def test_there_are_no_passwords_in_it() -> None:
    async with open_company() as company:
        text = configuration(company)
        assert not any(customer.password in text for customer in company.customers.values())


async def test_every_agent_is_visited(tmp_path: Path) -> None:
    async with open_company() as company:
        config = loaded(company, tmp_path)
        visited = {visit.channel for visit in config.visits.values()}
        assert visited == {*company.helpdesk.queues, "contact"}
        assert {queue.agent.manner for queue in company.helpdesk.queues.values()} == set(Manner)


@pytest.mark.parametrize("name", ["order_by_email", "contact_form", "late_answer", "no_reply_sales", "two_questions"])
async def test_what_a_visit_asks_gets_the_answers_that_it_expects(name: str, tmp_path: Path) -> None:
    async with open_company() as company:
        config = loaded(company, tmp_path)
        visit = config.visits[name]
        channel = config.desks["acme"].channels[visit.channel]
        address = channel.email if isinstance(channel, EmailChannel) else company.addresses["support"]
        await write(company, address, visit.with_["opening"])
        *_, answer = await received(company, 2)
        replies = body(answer).partition(" wrote:")[0]
        missing = [question for question in visit.with_["questions"] if not is_answered(question, replies)]
        assert len(missing) == (name == "two_questions")
        for question in missing:
            await write(company, address, question["follow_up"], subject=answer["Subject"])
            *_, answer = await received(company, 3)
            assert is_answered(question, body(answer).partition(" wrote:")[0])


async def test_whoever_is_asked_knows_what_the_follow_ups_mean(tmp_path: Path) -> None:
    async with open_company() as company:
        for visit in loaded(company, tmp_path).visits.values():
            for question in visit.with_.get("questions", []):
                assert topics_in(question["ask"]) == topics_in(question.get("follow_up", question["ask"]))
                assert set(topics_in(question["ask"])) <= set(topics_in(visit.with_["opening"]))


def is_answered(question: dict[str, list[str]], text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in question["expect"])


async def test_no_name_server_of_the_world_is_asked_about_the_demo_company(tmp_path: Path) -> None:
    async with open_company() as company:
        config = loaded(company, tmp_path)
        probes = {target.labels["probe"] for target in targets(config, idle_browser())}
    assert probes == {"http", "form", "smtp", "imap"}
