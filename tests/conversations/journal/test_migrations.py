"""The migrations make exactly the tables that the program knows, and touch nothing that they do not know."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from conversations.journal import Journal, JournalError, aggregates, control, schema, visits
from conversations.journal.upgrade import MIGRATIONS, upgrade
from tests.conversations.journal.aggregated import everything
from tests.conversations.journal.conftest import Database


async def test_the_migrations_make_exactly_the_tables_of_the_schema(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, schema.metadata))

    async with database.journal() as journal:
        assert await journal.read(differences) == []


async def test_opening_again_changes_nothing(database: Database) -> None:
    async def version() -> object:
        async with database.journal() as journal:
            return await journal.read(
                lambda c: c.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
            )

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    assert await version() == [head]
    assert await version() == [head]


async def test_a_journal_of_a_newer_version_is_refused_at_every_opening(database: Database) -> None:
    async with database.journal() as journal:
        await journal.write(lambda c: aggregates.add(c, "counted", {}))
        await journal.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
        await journal.write(lambda c: c.exec_driver_sql("CREATE TABLE of_the_future (x TEXT)"))
    for _ in range(2):
        refused = database.journal()
        with pytest.raises(JournalError, match=r"newer mysterybot \(tables of version 9999\): upgrade"):
            await refused.open()
        await refused.aclose()


async def test_nothing_of_a_newer_journal_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal.at(path) as journal:
        await journal.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    before = path.read_bytes()
    refused = Journal.at(path)
    with pytest.raises(JournalError, match="newer"):
        await refused.open()
    await refused.aclose()
    assert path.read_bytes() == before


async def test_a_journal_of_the_first_version_is_brought_to_this_one_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    engine = sa.create_engine(f"sqlite:///{path}")
    upgrade(engine, "0001")
    with engine.begin() as connection:
        counted = ("mailbox_unmatched_total", '{"mailbox":"anna"}', 1.0)
        connection.exec_driver_sql("INSERT INTO aggregate (metric, labels, value) VALUES (?, ?, ?)", counted)
        connection.exec_driver_sql("INSERT INTO visit_state (visit, consecutive_failures) VALUES ('refund', 3)")
    engine.dispose()
    async with Journal.at(path) as journal:
        assert await journal.read(lambda c: control.lost_at(c, "anna")) is None
        held = await journal.read(everything)
        states = await journal.read(visits.states)
    assert held == {"mailbox_unmatched_total": [({"mailbox": "anna"}, 1.0)]}
    assert (states["refund"]["consecutive_failures"], states["refund"]["consecutive_faults"]) == (3, 0)
