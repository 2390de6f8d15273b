"""Killed with SIGKILL at any instant of a simulated month: the same deliveries as without."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import text

from newsletter.store.database import Database, open_database
from tests.scheduler.world import World

LIVE = """
import sys
from newsletter.store.database import open_database
from tests.scheduler.world import World, utc_of
database = open_database(sys.argv[1])
world = World(database)
with database.reading() as connection:
    from sqlalchemy import text
    last = connection.execute(text("SELECT max(finished_at) FROM delivery")).scalar_one()
if last:
    world.at = utc_of(last)
print("begin", flush=True)
world.live("2026-12-31 23:59")
print("done", flush=True)
"""
ZONES = ["Europe/Paris", "America/Lima", "Asia/Tokyo", "Australia/Lord_Howe", "UTC", ""]


def populate(database: Database) -> None:
    world = World(database)
    world.add_people(ZONES * 4)
    world.add_campaign("abcdef", limits={"per_day": 1}, seeds={"addresses": ["reader7@example.com"], "wait": "1h"})


def outcome(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        rows = connection.execute(
            text("SELECT subscriber_id, page_id, copy, state, due_at, finished_at FROM delivery ORDER BY 1, 2, 3")
        )
        return [tuple(row) for row in rows]


def test_killed_at_random_instants_a_month_ends_with_the_same_deliveries(sqlite_template: Path, tmp_path: Path) -> None:
    databases = []
    for name in ("calm", "stormy"):
        (tmp_path / name).write_bytes(sqlite_template.read_bytes())
        databases.append(open_database(f"sqlite:///{tmp_path / name}"))
        populate(databases[-1])
    calm, stormy = databases
    World(calm).live("2026-12-31 23:59")
    chance = random.Random(7)
    kills = 0
    deadline = time.monotonic() + 100
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", LIVE, str(stormy.engine.url)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "begin\n"
        try:
            rest, _ = process.communicate(timeout=chance.uniform(0.02, 0.3) if kills < 5 else 60)
            assert rest == "done\n"
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            with stormy.transaction() as connection:
                connection.execute(text("DELETE FROM lease"))  # ten seconds pass
        assert time.monotonic() < deadline
    assert kills >= 2
    assert outcome(stormy) == outcome(calm)
    for database in databases:
        database.close()
