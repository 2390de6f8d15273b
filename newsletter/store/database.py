"""Opening the database: SQLite or PostgreSQL by URL, with the settings that durability needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, DisconnectionError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from newsletter.errors import SettingsError, StoreError

PING_AFTER = 1.0
"""Seconds out of use after which a connection to PostgreSQL is asked whether it still stands. Asking each time, as
SQLAlchemy's `pool_pre_ping` does, cost the engine a quarter of what it spends on the database."""

ABANDONED_AFTER = 60
"""Seconds after which PostgreSQL ends a transaction whose client says nothing more. A laptop that falls asleep in the
middle of one keeps its rows locked, and no other worker could see to them until TCP gives up, two hours later."""


class Database:
    """A database of this project. Rooms ask it for a transaction and run their named queries in it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_postgresql = engine.dialect.name == "postgresql"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block and rolls back on any exception.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE): a transaction that reads first and
        writes later could otherwise fail half-way with "database is locked".
        Raises StoreError when the database is locked, full, gone or of another version.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (IntegrityError, DataError):  # what we gave it does not fit: that is for the caller
            raise
        except DBAPIError as error:
            raise StoreError(f"the database refused: {error.orig}", where=self.place, remedy=_remedy(error)) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads; on SQLite it waits for no writer. Raises StoreError.

        On PostgreSQL each statement stands alone, as it sees what was committed before it anyway (READ COMMITTED):
        that saves the way to the server for BEGIN and for COMMIT.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if self.is_postgresql else {"reading": True}
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except (IntegrityError, DataError):  # what we gave it does not fit: that is for the caller
            raise
        except DBAPIError as error:
            raise StoreError(f"the database refused: {error.orig}", where=self.place, remedy=_remedy(error)) from error

    @property
    def place(self) -> str:
        """Where the database is, without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at `url`; its schema is brought up to date by `newsletter.store.migrations.upgrade`.

    `postgresql://` means psycopg 3. Raises SettingsError for a URL that can't be used.
    """
    try:
        address = make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        engine = create_engine(address)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(
            "[database] url can't be used",
            where=url.partition("@")[2] or url,
            remedy="For example sqlite:///newsletter.db or postgresql://user@localhost/newsletter.",
        ) from error
    except ModuleNotFoundError as error:
        raise SettingsError("PostgreSQL needs psycopg", remedy="pip install 'psycopg[binary]'") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    else:
        event.listen(engine, "connect", _prepare_postgresql)
        _ping_after_a_pause(engine)
    return Database(engine)


def _ping_after_a_pause(engine: Engine) -> None:
    def note(_connection: object, entry: ConnectionPoolEntry) -> None:
        entry.info["used_at"] = time.monotonic()

    def ping(connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - entry.info.get("used_at", float("inf")) > PING_AFTER:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.OperationalError as error:
                raise DisconnectionError from error  # the pool opens another

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ping)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit survives power loss, not only a killed process
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.execute("PRAGMA cache_size = -65536")  # 64 MB: planning a million readers walks big indexes
    cursor.close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    # The price of a page out of order is that of a disk that turns, so PostgreSQL read a whole table to record what
    # became of a batch: 20 ms where two do.
    connection.execute("SET random_page_cost = 1.1")
    connection.execute(f"SET idle_in_transaction_session_timeout = '{ABANDONED_AFTER}s'")
    connection.commit()


def _begin_immediate(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _remedy(error: DBAPIError) -> str:
    text = str(error.orig).lower()
    if "full" in text or "no space" in text:
        return "Free some disk space; nothing was lost, the work goes on from here."
    if "locked" in text:
        return "Another process holds the database for long; try again when it has finished."
    if "malformed" in text or "not a database" in text:
        return "The file is damaged: restore a backup."
    if "no such table" in text or "does not exist" in text:
        return "Bring the database up to date: newsletter doctor --migrate"
    return "Check that the database is running and may be written to: newsletter doctor"
