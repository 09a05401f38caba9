"""A notice as a mail from one of our mailboxes: from mysterybot, not from the customer, and of no conversation."""

from datetime import UTC, datetime

from conversations.correlation import notice_id
from conversations.notice import Notice
from conversations.reference import without_references
from conversations.world import World
from exporters.notices.told import NotTold
from probes.errors import ProbeError
from probes.mail.letter import Letter, compose

SENDER = "mysterybot"
MARKER = "X-Mysterybot-Notice"


async def tell(world: World, mailbox: str, sender: str, to: str, notice: Notice, headline: str, details: str) -> None:
    """Mail it; NotTold when the mailbox's provider did not take it, or nobody knows. Tried again, it is the same mail.

    References of conversations are left out, and so an answer to it is matched to none (conversations/correlation.py).
    """
    letter = Letter(
        sender_name=SENDER,
        sender=sender,
        to=to,
        subject=without_references(headline),
        text=without_references(f"{headline}\n\n{details}\n"),
        message_id=notice_id(notice.token, sender),
        date=datetime.fromtimestamp(notice.at, UTC),
        headers={MARKER: notice.token, "Auto-Submitted": "auto-generated"},
    )
    try:
        await world.send_mail(
            mailbox, compose(letter), sender=sender, recipients=[to], point_of_no_return=_nothing_to_write
        )
    except ProbeError as error:
        raise NotTold(f"mailbox {mailbox}: {error}") from None


async def _nothing_to_write() -> None:
    """That it is being tried stands in the journal; told twice is better than not at all."""
