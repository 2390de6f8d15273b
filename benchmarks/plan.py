"""Planning a million readers: python benchmarks/plan.py [--readers N] [--database sqlite|postgresql]

Figures: enrolling, planning (due enrollments → deliveries), moving readers on, an idle tick with everybody waiting and
with nobody due, and the most memory this process took, on the clock and in CPU seconds. Beside them, as the anchor, a bare loop of one INSERT of the
same rows into a table with the same indexes, by the driver itself.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.scheduler.calendar import tzdata_version
from newsletter.scheduler.tick import tick
from newsletter.store.campaigns import CampaignPage, add_campaign, planning, replace_pages
from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.databases import create_postgresql_database, postgresql_server

ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Asia/Tokyo",
    "America/Lima",
    "Australia/Sydney",
    "Africa/Cairo",
    "",
    "UTC",
)
START = datetime(2026, 12, 1, tzinfo=UTC)
NEXT_DAY = datetime(2026, 12, 2, 8, 50, tzinfo=UTC)


@dataclass
class StoppedClock:
    """A clock that shows `moment`."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


@contextmanager
def databases(kind: str) -> Iterator[Database]:
    """A fresh database of a kind."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="newsletter-plan-") as folder:
            yield open_database(f"sqlite:///{folder}/plan.db")
    else:
        with postgresql_server() as server:
            yield open_database(create_postgresql_database(server, "plan"))


def fill(database: Database, readers: int) -> None:
    """Subscribers in several zones and a running campaign of three pages."""
    numbers = (
        "generate_series(1, :readers) AS n(i)"
        if database.is_postgresql
        else "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :readers) SELECT i FROM n) AS n"
    )
    digest = "decode(md5(CAST(i AS TEXT)), 'hex')" if database.is_postgresql else "CAST(i AS BLOB)"
    zone = "CASE i % 8 " + " ".join(f"WHEN {place} THEN '{name}'" for place, name in enumerate(ZONES)) + " END"
    definition = definition_from(
        {"series": "course", "cadence": {"every": "3d", "at": "09:00"}, "hours": {"quiet": "03:00-03:01"}},
        Source("benchmark"),
    )
    now = int(START.timestamp())
    with planning(database) as connection:
        connection.execute(
            text(
                "INSERT INTO subscriber (address, address_hash, zone, attributes, state, created_at, updated_at, planned_at)"
                f" SELECT 'reader' || i || '@example.com', {digest}, {zone}, '{{}}', 'active', 0, 1, 1 FROM {numbers}"
            ),
            {"readers": readers},
        )
        campaign_id = add_campaign(
            connection, "course", definition, "running", git_revision="", tzdata=tzdata_version(), now=now
        )
        for page in "abc":
            connection.execute(
                text(
                    "INSERT INTO email (hash, series, page_id, subject, content, created_at) VALUES (:h, 'course', :p, '', :c, 0)"
                ),
                {"h": page * 64, "p": page, "c": b""},
            )
        replace_pages(
            connection, campaign_id, [CampaignPage(page, place, page * 64) for place, page in enumerate("abc")]
        )
    if database.is_postgresql:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def anchor(database: Database, readers: int) -> float:
    """Seconds for the bare INSERT … SELECT of as many rows, same columns and indexes, nothing else."""
    with database.transaction() as connection:
        serial = "BIGINT GENERATED ALWAYS AS IDENTITY" if database.is_postgresql else "INTEGER"
        connection.exec_driver_sql(
            f"CREATE TABLE anchor (id {serial} PRIMARY KEY, campaign_id INTEGER, subscriber_id BIGINT, page_id TEXT, "
            "copy INTEGER, email_hash TEXT, state TEXT, due_at BIGINT, give_up_at BIGINT, "
            "UNIQUE (subscriber_id, campaign_id, page_id, copy))"
        )
        connection.exec_driver_sql("CREATE INDEX anchor_due ON anchor (campaign_id, state, due_at)")
    started = time.perf_counter()
    with database.transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO anchor (campaign_id, subscriber_id, page_id, copy, email_hash, state, due_at, give_up_at) "
            f"SELECT 1, id, 'a', 0, '{'a' * 64}', 'due', 1, 2 FROM subscriber ORDER BY id"
        )
    seconds = time.perf_counter() - started
    with database.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE anchor")
    return seconds


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def processor_seconds(database: Database) -> float:
    """CPU seconds used so far by this process and, on PostgreSQL, by the server's process behind our connection.

    What a busy machine adds to the time on the clock is not in it. Read from /proc: Linux only.
    """
    own = time.process_time()
    if not database.is_postgresql:
        return own
    with database.reading() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(figures: dict[str, float | str], name: str, database: Database, work: Callable[[], object]) -> None:
    """Note what `work` takes: NAME_s on the clock, NAME_cpu_s of the processors."""
    before = processor_seconds(database)
    figures[f"{name}_s"] = timed(work)
    figures[f"{name}_cpu_s"] = processor_seconds(database) - before


def median_idle(database: Database, clock: StoppedClock) -> float:
    """Milliseconds of a tick that finds nothing to do: the median of 51."""
    return sorted(timed(lambda: tick(database, clock)) for _ in range(51))[25] * 1000


def measure(kind: str, readers: int) -> dict[str, float | str]:
    """All figures for one kind of database."""
    with databases(kind) as database:
        upgrade(database)
        fill(database, readers)
        clock = StoppedClock(START)
        figures: dict[str, float | str] = {"database": kind, "readers": readers, "anchor_s": anchor(database, readers)}
        measured(figures, "enrol", database, lambda: tick(database, clock))
        tick(database, clock)
        figures["idle_before_ms"] = median_idle(database, clock)
        clock.moment = NEXT_DAY
        measured(figures, "plan", database, lambda: tick(database, clock))
        figures["idle_while_all_wait_ms"] = median_idle(database, clock)
        with database.transaction() as connection:
            planned = connection.execute(text("SELECT count(*) FROM delivery")).scalar_one()
            connection.execute(
                text("UPDATE delivery SET state = 'sent', finished_at = :now"), {"now": int(NEXT_DAY.timestamp())}
            )
        figures["planned"] = planned
        measured(figures, "move", database, lambda: tick(database, clock))
        figures["load"] = os.getloadavg()[0]
        figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        database.close()
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}


def main() -> None:
    """Print one line of JSON for each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    arguments = parser.parse_args()
    for kind in arguments.database or ["sqlite", "postgresql"]:
        print(json.dumps(measure(kind, arguments.readers)), flush=True)


if __name__ == "__main__":
    main()
