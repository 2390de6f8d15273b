"""Killed with SIGKILL at any instant of a simulated month: the same deliveries as without."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.store.database import Database, open_database
from tests.databases import create_postgresql_database, drop_postgresql_database
from tests.scheduler.operated_month import ZONES, live_the_month
from tests.scheduler.world import World


def outcome(database: Database) -> list[tuple[object, ...]]:
    """Every delivery and every reader, row by row, and what the operator did."""
    with database.reading() as connection:
        return [
            tuple(row)
            for question in (
                "SELECT subscriber_id, page_id, copy, state, due_at, finished_at, email_hash FROM delivery ORDER BY 1, 2, 3",
                "SELECT subscriber_id, state, next_page_id, due_at, round FROM enrollment ORDER BY 1",
                "SELECT at, who, action FROM audit ORDER BY id",
            )
            for row in connection.execute(text(question))
        ]


def run_until_killed(stormy: Database, chance: random.Random, kills: int) -> bool:
    """Let a scheduler work and kill it some time after it has begun (not any more after four kills); True if it ended.

    Its output is read without a buffer: a buffer would also swallow what comes after the first line.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.scheduler.operated_month", stormy.engine.url.render_as_string(hide_password=False)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert process.stdout is not None
    began = process.stdout.readline()
    try:
        rest, complaints = process.communicate(timeout=chance.uniform(0.0, 0.4) if kills < 4 else 100)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return False
    assert (began, rest, process.returncode) == (b"begin\n", b"done\n", 0), complaints.decode()
    return True


def storm(calm: Database, stormy: Database, seed: int) -> int:
    """Live through a month and what its operator does calmly, and once more with kills; how many kills it took. Both end
    alike."""
    for database in (calm, stormy):
        World(database).add_people(ZONES * 2)
    live_the_month(calm)
    chance = random.Random(seed)
    kills = 0
    while not run_until_killed(stormy, chance, kills):
        kills += 1
        with stormy.transaction() as connection:
            connection.execute(text("DELETE FROM lease"))  # ten seconds pass
    assert outcome(stormy) == outcome(calm)
    return kills


@pytest.fixture(params=["sqlite", "postgresql"])
def two_databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """Two empty databases of one kind."""
    names = ("calm", "stormy")
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        for name in names:
            (tmp_path / name).write_bytes(template.read_bytes())
        urls = [f"sqlite:///{tmp_path / name}" for name in names]
    else:
        server: str = request.getfixturevalue("postgresql")
        urls = [create_postgresql_database(server, name, template="migrated") for name in names]
    calm, stormy = (open_database(url) for url in urls)
    yield calm, stormy
    for database in (calm, stormy):
        database.close()
    if request.param == "postgresql":
        for name in names:
            drop_postgresql_database(server, name)


def test_killed_at_random_instants_a_month_ends_with_the_same_deliveries(
    two_databases: tuple[Database, Database],
) -> None:
    assert storm(*two_databases, seed=7) >= 2
