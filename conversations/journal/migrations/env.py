"""Alembic's entry: runs the migrations on the connection that it is handed."""

from alembic import context

from conversations.journal.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=False,  # the caller's transaction holds the whole upgrade
)
context.run_migrations()
