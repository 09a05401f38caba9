"""When promises run out in open conversations; the last conversation behind each figure; reach by kind of address."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

DUE = ("acknowledgement_due", "first_reply_due", "next_reply_due", "resolution_due")


def upgrade() -> None:
    """Add the columns. Results of reach probes are made anew: the next round brings them within minutes."""
    for name in DUE:
        op.add_column("conversation", sa.Column(name, sa.Double(), nullable=True))
    op.drop_index("ix_conversation_verdict_visit", "conversation")
    op.create_index(
        "ix_conversation_open",
        "conversation",
        ["visit", "waiting_since", *DUE],
        unique=False,
        sqlite_where=sa.text("verdict IS NULL"),
        postgresql_where=sa.text("verdict IS NULL"),
    )
    op.add_column("aggregate", sa.Column("conversation", sa.Text(), nullable=True))
    op.add_column("aggregate", sa.Column("added", sa.Double(), nullable=True))
    op.add_column("aggregate", sa.Column("added_at", sa.Double(), nullable=True))
    op.drop_table("reach")
    op.create_table(
        "reach",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=True),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("phases", sa.Text(), nullable=False),
        sa.Column("certificate_expires", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_reach")),
    )
