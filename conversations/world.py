"""What conversations need of the world: the seam between the engine and the probes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from probes.contact import PointOfNoReturn
from probes.form.browser import Submitted
from probes.form.channel import FormChannel
from probes.mail.smtp import Accepted


class World(Protocol):
    """Mailboxes by name, and a browser. Everything raises probes.errors.ProbeError."""

    def now(self) -> datetime:
        """The time, UTC."""
        ...

    async def mailbox_ready(self, mailbox: str) -> None:
        """Return once answers to this mailbox would be seen; raise BotError when they would not.

        Nobody is contacted before: an answer that we cannot read is a person's time wasted.
        """
        ...

    async def mailbox_read(self, mailbox: str) -> None:
        """Return once every mail that lay in this mailbox when this was called is in the journal; else raise BotError.

        Nobody is called silent before.
        """
        ...

    async def send_mail(
        self, mailbox: str, mail: bytes, *, sender: str, recipients: Sequence[str], point_of_no_return: PointOfNoReturn
    ) -> Accepted:
        """Hand a mail to the mailbox's provider."""
        ...

    async def submit_form(
        self, channel: FormChannel, values: Mapping[str, str], *, evidence: Path, point_of_no_return: PointOfNoReturn
    ) -> Submitted:
        """Fill in a form and send it."""
        ...

    def evidence_folder(self, conversation_id: str) -> Path:
        """Where files that prove what happened in this conversation are kept."""
        ...
