"""Operations that forget evidence files when they are old."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import schema
from conversations.records import Verdict

conversation, evidence = schema.conversation, schema.evidence


def expired(connection: Connection, passed_before: float, others_before: float, limit: int) -> list[str]:
    """Conversations with evidence that ended before these times."""
    old = sa.or_(
        sa.and_(conversation.c.verdict == Verdict.PASSED, conversation.c.finished_at < passed_before),
        conversation.c.finished_at < others_before,
    )
    has_files = sa.exists().where(evidence.c.conversation == conversation.c.id)
    return list(connection.execute(sa.select(conversation.c.id).where(old, has_files).limit(limit)).scalars())


def forget(connection: Connection, conversation_id: str) -> None:
    """Its evidence files are gone."""
    connection.execute(evidence.delete().where(evidence.c.conversation == conversation_id))
