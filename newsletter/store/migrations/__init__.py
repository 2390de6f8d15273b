"""The schema and its versions (Alembic, run by the program itself; nobody types `alembic`)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.store.database import Database

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every revision in order, so that looking needs no Alembic. A test compares them with what lies in `versions/`."""

UPGRADE_LOCK = 0x6E6C_7570
"""Key of PostgreSQL's advisory lock: of two processes that start at once, one upgrades and the other waits."""


def revision_of(database: Database) -> str:
    """The revision of the schema in `database`, "" when there is none yet. Takes no lock."""
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def pending_revisions(database: Database) -> tuple[str, ...]:
    """The revisions that `upgrade` would apply, oldest first."""
    present = revision_of(database)
    return REVISIONS[REVISIONS.index(present) + 1 :] if present in REVISIONS else REVISIONS


def upgrade(database: Database) -> None:
    """Make the schema, or bring it up to date; does nothing when it is. Atomic on both databases.

    Raises StoreError when the schema was made by a newer version of the program, or can't be changed.
    """
    if revision_of(database) == REVISIONS[-1]:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["quiet"] = True
    try:
        with database.transaction() as connection:
            if database.is_postgresql:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            "the database was made by a newer version of newsletter",
            where=database.place,
            remedy="Update the program, or open another database.",
        ) from error
    except DBAPIError as error:
        raise StoreError(f"the schema could not be brought up to date: {error.orig}", where=database.place) from error
