"""The doctor opens the database as a campaign would."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.doctor.database import examine_database
from newsletter.doctor.diagnosis import State
from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade


def states(database: Database, now: datetime) -> dict[str, State]:
    return {diagnosis.subject: diagnosis.state for diagnosis in examine_database(database, now)}


def test_a_migrated_database_is_good(database: Database) -> None:
    assert states(database, datetime.now(UTC))["database"] is State.GOOD


def test_a_clock_that_is_wrong_is_noticed(postgresql_database: Database) -> None:
    assert states(postgresql_database, datetime.now(UTC) + timedelta(minutes=3))["clock"] is State.WARNING


def test_a_database_that_is_not_made_yet_stays_unmade(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    assert states(database, datetime.now(UTC)) == {"database": State.GOOD}
    assert not (tmp_path / "new.db").exists()


def test_an_older_schema_is_bad_until_migrated(tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    database = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    assert states(database, datetime.now(UTC))["database"] is State.BAD
    database.close()


def test_a_server_that_does_not_answer_is_a_service_failure() -> None:
    database = open_database("postgresql://nobody@127.0.0.1:1/none")
    [diagnosis] = examine_database(database, datetime.now(UTC))
    assert diagnosis.is_service
    database.close()


@contextmanager
def a_user_without_rights() -> Iterator[None]:
    """Root may write to every file, so it steps down for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_only_be_read_is_bad_and_is_no_service_failure() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path: another user can't enter that
        Path(folder).chmod(0o777)
        file = Path(folder) / "news.db"
        made = open_database(f"sqlite:///{file}")
        upgrade(made)
        made.close()
        file.chmod(0o444)
        database = open_database(f"sqlite:///{file}")
        with a_user_without_rights():
            [diagnosis] = examine_database(database, datetime.now(UTC))
            database.close()
    assert diagnosis.state is State.BAD
    assert "readonly" in diagnosis.detail
    assert not diagnosis.is_service
