"""The configuration with which the bot watches the demo company: `demo.yaml` with addresses and ports filled in."""

from importlib.resources import files
from pathlib import Path
from string import Template

from mysterybot.demo.company import Company


def configuration(
    company: Company,
    *,
    data: Path = Path("./data"),
    listen: str = "127.0.0.1:9877",
    every: str = "30 seconds",
    silence: str = "12 seconds",
) -> str:
    """The text of a configuration file for a company that has been started.

    `silence`: how long a customer waits for the agent who never answers.

    It holds no passwords: they are read from the variables in `company.environ`.
    """
    values = {
        "data": _quoted(str(data)),
        "listen": listen,
        "every": every,
        "silence": silence,
        "host": company.mail.host,
        "imap_port": company.mail.ports.imap,
        "smtp_port": company.mail.ports.smtp,
        "contact_url": company.contact_url,
    }
    for key, customer in company.customers.items():
        values |= {f"{key}_address": customer.address, f"{key}_name": customer.name}
    return Template(files("mysterybot.demo").joinpath("demo.yaml").read_text("utf-8")).substitute(values)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
