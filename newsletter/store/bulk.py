"""Asking for and inserting many rows fast."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Column, Connection, CursorResult, LargeBinary, Table, func, select

from newsletter.store.database import Database

_PAGES_IN_LOG = (20_000, 1000)
"""80 MB, and SQLite's default."""
PART = 10_000
"""Values in one question: SQLite takes 32 766."""


def select_by(
    connection: Connection, columns: Sequence[Column[Any]], key: Column[Any], values: Sequence[Any]
) -> Iterator[tuple[Any, ...]]:
    """The `columns` of the rows whose `key` is one of `values`, as the driver gives them (JSON as text in SQLite).

    SQLAlchemy makes a parameter of each value by Python code, 10 µs each, and an object of each row, 3 µs; the driver
    needs 1 for both.
    """
    names = ", ".join(f'"{column.name}"' for column in columns)
    question = f'SELECT {names} FROM "{key.table.name}" WHERE "{key.name}"'
    for start in range(0, len(values), PART):
        part = values[start : start + PART]
        if connection.dialect.name == "postgresql":
            value = "decode(value, 'hex')" if isinstance(key.type, LargeBinary) else f"value::{_type(connection, key)}"
            wanted = f"SELECT {value} FROM json_array_elements_text(%s::json)"
            document = json.dumps(list(part), default=bytes.hex)
            yield from _tuples(connection.exec_driver_sql(f"{question} = ANY(ARRAY({wanted}))", (document,)))
        else:
            marks = ",".join("?" * len(part))
            yield from _tuples(connection.exec_driver_sql(f"{question} IN ({marks})", tuple(part)))


def select_after(
    connection: Connection, columns: Sequence[Column[Any]], key: Column[Any], last: int
) -> Iterator[tuple[Any, ...]]:
    """The `columns` of the rows whose `key` is greater than `last`, as `select_by` gives them."""
    names = ", ".join(f'"{column.name}"' for column in columns)
    question = f'SELECT {names} FROM "{key.table.name}" WHERE "{key.name}" > {last:d}'
    yield from _tuples(connection.exec_driver_sql(question))


def insert_new(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of plain values (JSON already as text), leaving out those whose key is taken.

    The driver gets them directly: SQLAlchemy's processing of each value costs 50 µs a row, the insert itself 15.
    """
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    target = f'INSERT INTO "{table.name}" ({names})'
    if connection.dialect.name == "postgresql":
        values, source = _recordset(connection, table, columns)
        question = f"{target} SELECT {values} FROM {source} ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(question, (_document(columns, rows),))
    else:
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"{target} VALUES ({marks}) ON CONFLICT DO NOTHING", list(rows))


def update_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Set `columns` in the rows whose id ends each tuple of plain values (JSON already as text)."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        with_id = (*columns, "id")
        values, source = _recordset(connection, table, with_id)
        new = ", ".join(f'"{name}" = new."{name}"' for name in columns)
        connection.exec_driver_sql(
            f'UPDATE "{table.name}" old SET {new} FROM (SELECT {values} FROM {source}) new WHERE old.id = new.id',
            (_document(with_id, rows),),
        )
    else:
        new = ", ".join(f'"{name}" = ?' for name in columns)
        connection.exec_driver_sql(f'UPDATE "{table.name}" SET {new} WHERE id = ?', list(rows))


def take_turns(connection: Connection, key: bytes) -> None:
    """Let transactions that name the same `key` (8 bytes count) follow each other: each sees what those before it wrote.

    On SQLite all that write follow each other anyway. PostgreSQL let forty requests for one address at once become
    forty mails, and two imports of the same people end in a deadlock.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(key[:8], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


@contextmanager
def writing_much(database: Database) -> Iterator[None]:
    """Let SQLite's log grow while many transactions follow each other.

    Rows of an import go into the index of addresses at random: a page of it is then written back to the database once
    for many batches, not for each. That takes a tenth off the time of a million rows.
    """
    if database.is_postgresql:
        yield
        return
    large, usual = (f"PRAGMA wal_autocheckpoint = {pages}" for pages in _PAGES_IN_LOG)
    with database.reading() as connection:
        connection.exec_driver_sql(large)
    try:
        yield
    finally:
        with database.reading() as connection:
            connection.exec_driver_sql(usual)


def _recordset(connection: Connection, table: Table, columns: Sequence[str]) -> tuple[str, str]:
    """What to select, and from what, to get the rows of a `_document` with the types of the table's columns."""
    values, kinds = [], []
    for name in columns:
        kind = table.c[name].type
        binary, document = isinstance(kind, LargeBinary), isinstance(kind, JSON)
        values.append(f'decode("{name}", \'hex\') AS "{name}"' if binary else f'"{name}"{"::json" if document else ""}')
        kinds.append(f'"{name}" {"TEXT" if binary or document else _type(connection, table.c[name])}')
    return ", ".join(values), f"json_to_recordset(%s::json) AS given ({', '.join(kinds)})"


def _type(connection: Connection, column: Column[Any]) -> str:
    return column.type.compile(connection.dialect)


def _document(columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> str:
    """Many rows as one value. psycopg's arrays cost 5 µs an element, JSON a tenth of that."""
    return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=bytes.hex)


def _tuples(result: CursorResult[Any]) -> Iterator[tuple[Any, ...]]:
    cursor = result.cursor
    if cursor is not None:  # a question always has one
        yield from cursor.fetchall()
    result.close()
