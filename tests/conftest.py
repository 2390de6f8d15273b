"""Databases that every room's tests may ask for. All are migrated, empty, and each test's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade
from tests.databases import create_postgresql_database, drop_postgresql_database, postgresql_server

NUMBERS = count(1)

settings.register_profile("any machine", deadline=None)  # a busy machine is not a wrong answer
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    database.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "newsletter.db")
    database = open_database(f"sqlite:///{tmp_path / 'newsletter.db'}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a running server, to be formatted with `name=`; the database `migrated` is a template to copy."""
    with postgresql_server() as server:
        database = open_database(create_postgresql_database(server, "migrated"))
        upgrade(database)
        database.close()
        yield server


@pytest.fixture
def postgresql_database(postgresql: str) -> Iterator[Database]:
    """A migrated, empty PostgreSQL database."""
    name = f"test_{next(NUMBERS)}"
    database = open_database(create_postgresql_database(postgresql, name, template="migrated"))
    yield database
    database.close()
    drop_postgresql_database(postgresql, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """The test runs twice: on SQLite and on PostgreSQL."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return database
