"""Invented mails. None of them was ever sent; the wordings are those that desks of each country use."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

CUSTOMER = "Ann Gray <ann@inbox.example>"


def mail(
    text: str,
    subject: str = "Re: Where is my kettle?",
    sender: str = "Example Support <support@desk.example>",
    html: str | None = None,
    **headers: str,
) -> bytes:
    """A mail from a desk to Ann; header names are written with underscores."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = CUSTOMER
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime(2026, 11, 18, 10, 0, tzinfo=UTC))
    message["Message-ID"] = "<m1@desk.example>"
    for name, value in {
        "In_Reply_To": "<q1@inbox.example>",
        "Return_Path": "<support@desk.example>",
        **headers,
    }.items():
        if value:
            message[name.replace("_", "-")] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def wordings(kind: str) -> dict[str, tuple[str, str]]:
    """Subject and text of every wording of a kind, by language; they stand in wordings/KIND.txt."""
    found = {}
    for block in (Path(__file__).parent / "wordings" / f"{kind}.txt").read_text("utf-8").split("=== ")[1:]:
        title, _, text = block.partition("\n")
        language, _, subject = title.partition(" | ")
        found[language] = (subject, text.strip())
    return found


ACKNOWLEDGEMENTS = wordings("acknowledgement")
ABSENCES = wordings("out_of_office")
CLOSED = wordings("closed")
HUMANS = wordings("human")

MARKS = {  # what helpdesks put on all mail that they send
    "zendesk": {"Auto_Submitted": "auto-generated", "X_Auto_Response_Suppress": "All", "X_Mailer": "Zendesk Mailer"},
    "rt": {"Precedence": "bulk", "X_RT_Ticket": "desk.example #7", "X_Managed_By": "RT 5.0.3"},
    "redmine": {"Auto_Submitted": "auto-generated", "X_Mailer": "Redmine", "X_Redmine_Site": "Example"},
    "plain": {},
}
RESPONDER = {"Auto_Submitted": "auto-replied", "X_Auto_Response_Suppress": "All", "Return_Path": "<>"}
