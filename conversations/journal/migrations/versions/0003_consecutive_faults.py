"""Our own faults in a row, apart from the failures of the desk."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add it."""
    op.add_column("visit_state", sa.Column("consecutive_faults", sa.Integer(), server_default="0", nullable=False))
