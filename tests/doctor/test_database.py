"""The doctor opens the database as a campaign would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.doctor.database import examine_database
from newsletter.doctor.diagnosis import State
from newsletter.store.database import Database, open_database


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
