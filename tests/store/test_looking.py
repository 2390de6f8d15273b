"""Looking, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.store.database import Database
from newsletter.store.looking import open_to_look
from newsletter.store.segments import list_segments
from newsletter.store.tables import metadata


def test_whoever_looks_sees_all_and_can_not_write(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO segment (name, expression, created_at) VALUES ('all', 'seats > 0', 0)"))
    looked = open_to_look(database.engine.url.render_as_string(hide_password=False))
    with looked.reading() as connection:
        assert [each.name for each in list_segments(connection)] == ["all"]
    with pytest.raises((StoreError, DBAPIError)), looked.transaction() as connection:
        connection.execute(text("DELETE FROM segment"))
    looked.close()
    with database.reading() as connection:
        assert len(list(list_segments(connection))) == 1


def test_a_database_without_a_schema_looks_empty_and_stays_so(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    looked = open_to_look(f"sqlite:///{tmp_path / 'empty.db'}")
    with looked.reading() as connection:
        assert all(connection.execute(table.select()).first() is None for table in metadata.sorted_tables)
    looked.close()
    assert (tmp_path / "empty.db").stat().st_size == 0
