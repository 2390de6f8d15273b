"""The database: does it open, is it of this version, is there room."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from newsletter.audience.keys import knows_by
from newsletter.doctor.diagnosis import Diagnosis, bad, good, unreachable, warning
from newsletter.errors import SettingsError, StoreError
from newsletter.store.database import Database
from newsletter.store.migrations import pending_revisions

LEAST_FREE_BYTES = 500_000_000
MOST_CLOCK_SKEW_SECONDS = 5
FILE_REMEDY = "Let this user write to the file and its folder; restore a damaged file from a backup."


def examine_database(database: Database, now: datetime) -> Iterator[Diagnosis]:
    """Open the database, compare its schema with this version's, its clock with ours, and look for room."""
    file = None if database.is_postgresql else Path(database.engine.url.database or "")
    if file and not file.exists():
        yield good("database", f"{file.name} is made at the first use")
        return
    try:
        pending = pending_revisions(database)
        with database.transaction() as connection:
            if file:
                _write_nothing(connection)
            else:
                theirs = connection.execute(text("SELECT now()")).scalar_one()
                skew = abs((theirs - now).total_seconds())
                if skew > MOST_CLOCK_SKEW_SECONDS:
                    yield warning(
                        "clock", f"the database's clock is {skew:.0f} s away from ours", "Run NTP on both machines."
                    )
                else:
                    yield good("clock", "agrees with the database's")
    except (StoreError, DBAPIError) as error:
        reason = error.message if isinstance(error, StoreError) else str(error.orig)
        if file:
            yield bad("database", f"{database.place}: {reason}", FILE_REMEDY)
        else:
            yield unreachable("database", f"{database.place}: {reason}", "Start it, or set [database] url.")
        return
    if pending:
        yield bad("database", "its schema is of an older version", "newsletter doctor --migrate")
    else:
        yield good("database", f"{database.place} is up to date")
    if file:
        yield from _room(file)


def examine_keys(database: Database, path: Path) -> Iterator[Diagnosis]:
    """Whether the key file is the one by which the database knows its people; nothing about a database that can't tell."""
    if not database.is_postgresql and not Path(database.engine.url.database or "").exists():
        return
    try:
        if not pending_revisions(database) and knows_by(database, path):
            yield good("people", f"are known by {path.name}")
    except SettingsError as error:
        yield bad("people", f"{path}: {error.message}", error.remedy)
    except StoreError:
        return  # `examine_database` has said it


def _write_nothing(connection: Connection) -> None:
    """Set the schema's number to what it is: SQLite opens a file that it may only read without a word."""
    number = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    connection.exec_driver_sql(f"PRAGMA user_version = {number}")


def _room(file: Path) -> Iterator[Diagnosis]:
    free = shutil.disk_usage(file.parent).free
    if free < LEAST_FREE_BYTES:
        yield warning(
            "disk", f"{free // 1_000_000} MB are free beside the database", "Make room before a big campaign."
        )
    else:
        yield good("disk", f"{free / 1e9:.0f} GB free")
