"""Opening the database: SQLite or PostgreSQL by URL, with the settings that durability needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from newsletter.errors import SettingsError, StoreError


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
        except OperationalError as error:
            raise StoreError(f"the database refused: {error.orig}", where=self.place, remedy=_remedy(error)) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads; on SQLite it waits for no writer. Raises StoreError."""
        try:
            with self.engine.connect().execution_options(reading=True) as connection, connection.begin():
                yield connection
        except OperationalError as error:
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
        engine = create_engine(address, pool_pre_ping=address.drivername.startswith("postgresql"))
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
    return Database(engine)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit survives power loss, not only a killed process
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.execute("PRAGMA cache_size = -65536")  # 64 MB: planning a million readers walks big indexes
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _remedy(error: DBAPIError) -> str:
    text = str(error.orig).lower()
    if "full" in text or "no space" in text:
        return "Free some disk space; nothing was lost, the work goes on from here."
    if "locked" in text:
        return "Another process holds the database for long; try again when it has finished."
    if "no such table" in text or "does not exist" in text:
        return "Bring the database up to date: newsletter doctor --migrate"
    return "Check that the database is running and may be written to: newsletter doctor"
