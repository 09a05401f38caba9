"""Second opinions on replies."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "opinion",
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=True),
        sa.Column("judge", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.id"], name=op.f("fk_opinion_conversation")),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_opinion_message")),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_opinion")),
    )
    op.create_index("ix_opinion_conversation", "opinion", ["conversation"])
    op.create_index("ix_opinion_asked_at", "opinion", ["asked_at"])
