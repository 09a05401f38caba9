"""Bring a journal to this version's tables, with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from conversations.journal.journal import JournalError

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(engine: Engine, to: str = "head") -> None:
    """Apply what is missing up to revision `to`, all in one transaction. A journal of a newer version is refused, untouched."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection, connection.begin():
        current = MigrationContext.configure(connection).get_current_revision()
        if current == scripts.get_current_head():
            return
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise JournalError(
                f"the journal was written by a newer mysterybot (tables of version {current}): upgrade mysterybot"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, to)
