"""Files of evidence: only those that the journal names, and only from within the evidence folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import schema

PICTURES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that proves what happened. `path` is relative to the evidence folder."""

    number: int
    conversation: str
    kind: str
    path: str

    @property
    def picture(self) -> bool:
        """Is it shown on the page, not only offered?"""
        return self.kind == "screenshot" and Path(self.path).suffix.lower() in PICTURES

    @property
    def address(self) -> str:
        """Where the server has it."""
        return f"/conversations/{self.conversation}/evidence/{self.number}"

    def within(self, folder: Path) -> Path | None:
        """The file itself; None when it is gone, or a link or a path leads out of the folder."""
        path, root = (folder / self.path).resolve(), folder.resolve()
        return path if path.is_relative_to(root) and path.is_file() else None

    def headers(self) -> dict[str, str]:
        """A picture is shown; everything else (a mail may hold anything) is only ever saved to a file."""
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
        if self.picture:
            return headers | {"Content-Type": PICTURES[Path(self.path).suffix.lower()]}
        name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in Path(self.path).name)
        return headers | {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }


def of(connection: Connection, conversation: str) -> list[Evidence]:
    """The evidence of a conversation, oldest first."""
    table = schema.evidence
    query = sa.select(table.c.id, table.c.kind, table.c.path).where(table.c.conversation == conversation)
    rows = connection.execute(query.order_by(table.c.id).limit(MOST))
    return [Evidence(row.id, conversation, row.kind, row.path) for row in rows]
