"""Control mails: what our own mailboxes send to themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "control_mail",
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("slot", sa.Double(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("delivered_at", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "slot", name=op.f("pk_control_mail")),
        sa.UniqueConstraint("recipient", "message_id", name=op.f("uq_control_mail_recipient_message_id")),
    )
