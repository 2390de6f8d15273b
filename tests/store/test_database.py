"""Connections to PostgreSQL that were cut, or whose owner fell asleep."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from newsletter.errors import StoreError
from newsletter.store import database as module
from newsletter.store.database import Database, open_database


def backend_of(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def cut(database: Database, backend: int) -> None:
    """End the server's process behind a connection, as a restart does, and wait until it is gone."""
    other = open_database(database.engine.url.render_as_string(hide_password=False))
    with other.reading() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
    other.close()


def test_a_connection_cut_while_idle_is_replaced_unnoticed(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_AFTER", 0.0)
    before = backend_of(postgresql_database)
    cut(postgresql_database, before)
    assert backend_of(postgresql_database) != before


def test_a_connection_cut_right_after_its_use_fails_once_and_says_so(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_AFTER", 60.0)
    before = backend_of(postgresql_database)
    cut(postgresql_database, before)
    with pytest.raises(StoreError, match="the database refused"):
        backend_of(postgresql_database)
    assert backend_of(postgresql_database) != before


def test_who_falls_asleep_in_a_transaction_holds_up_nobody_for_long(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ABANDONED_AFTER", 1)
    asleep, awake = (
        open_database(postgresql_database.engine.url.render_as_string(hide_password=False)) for _ in range(2)
    )
    lock = text("INSERT INTO lease (name, holder, until) VALUES ('planner', 'one of two', 0)")
    with pytest.raises(StoreError, match="the database refused"), asleep.transaction() as sleeping:
        sleeping.execute(lock)
        with awake.transaction() as working:
            working.execute(lock)
        sleeping.execute(text("SELECT 1"))
    asleep.close()
    awake.close()
