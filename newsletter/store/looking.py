"""Looking at the database without writing: no schema is changed, no file is made, on a read-only disk just as well."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from newsletter.errors import StoreError
from newsletter.store.database import Database, open_database
from newsletter.store.migrations import REVISIONS, revision_of
from newsletter.store.tables import metadata


def open_to_look(url: str) -> Database:
    """The database at `url`, which refuses to be written to; an empty one in memory where there is none yet.

    Raises SettingsError for a URL that can't be used, StoreError for a schema of another version or a database that
    does not open.
    """
    database = open_database(url)
    if database.is_postgresql:
        event.listen(database.engine, "connect", _only_read)
    else:
        file = Path(database.engine.url.database or "")
        if _is_not_made_yet(file):
            return empty_database()
        database = Database(_engine_that_reads(database.engine.url, file))
    try:
        revision = revision_of(database)
        if revision and revision != REVISIONS[-1]:
            raise _other_version(revision, database.place)
    except StoreError:
        database.close()
        raise
    if not revision:
        database.close()
        return empty_database()
    return database


def open_to_try(url: str) -> Database:
    """As `open_to_look`, but it can be written to: for what is taken back before it is committed."""
    database = open_to_look(url)
    if database.engine.url.database is None:
        return database
    database.close()
    return open_database(url)


def empty_database() -> Database:
    """An empty database in memory."""
    empty = Database(create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}))
    metadata.create_all(empty.engine)
    return empty


def _is_not_made_yet(file: Path) -> bool:
    """Not so for a file that can't be reached, nor in a folder that is not there: that would hide all campaigns."""
    try:
        file.stat()
    except FileNotFoundError:
        return file.parent.is_dir()
    except OSError as error:
        remedy = "Let this user read the file and its folder."
        raise StoreError(f"the database can't be opened: {error.strerror}", where=file, remedy=remedy) from error
    return False


def _other_version(revision: str, place: str) -> StoreError:
    if revision in REVISIONS:
        remedy = "Looking changes nothing. Bring it up to date: newsletter doctor --migrate"
        return StoreError("its schema is of an older version", where=place, remedy=remedy)
    remedy = "Update the program, or open another database."
    return StoreError("the database was made by a newer version of newsletter", where=place, remedy=remedy)


def _engine_that_reads(url: URL, file: Path) -> Engine:
    """SQLite keeps two small files beside a database that is open. Where it can't make them and there are none, nobody
    is writing, and `immutable` reads without them; elsewhere they tell what a writer has not moved into the file yet."""
    beside = [file.with_name(f"{file.name}{ending}") for ending in ("-wal", "-shm")]
    still = not os.access(file.parent, os.W_OK) and not any(each.exists() for each in beside)
    address = f"file:{quote(str(file.resolve()))}?mode=ro{'&immutable=1' if still else ''}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=10, check_same_thread=False)
        connection.isolation_level = None  # the driver must not open transactions of its own
        return connection

    engine = create_engine(url, creator=connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _only_read(connection: Any, _record: object) -> None:
    connection.execute("SET default_transaction_read_only = on")
    connection.commit()
