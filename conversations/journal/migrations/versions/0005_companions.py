"""Conversations that another conversation began."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add who began them."""
    op.add_column("conversation", sa.Column("parent", sa.Text(), nullable=True))
    op.create_index("ix_conversation_parent", "conversation", ["parent"])
