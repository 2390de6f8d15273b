"""What Alembic runs: the migrations, on the connection that `upgrade` hands over."""

from __future__ import annotations

from alembic import context

from newsletter.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can roll CREATE TABLE back too; Alembic assumes that it can't
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
