"""What a large audience costs: import, import again, segments, export and erasure.

    python benchmarks/audience.py [--rows 1000000] [--database URL] [--folder DIR]

A file as a peer exports it (nine columns, two tags for each person, names in several scripts) is imported into an
empty database. As the anchor, the same rows go through the csv module straight into one SQLite table with one unique
index: no validation, no history, no tags. Wall time, CPU time and the highest memory so far are shown; on a machine
that does other things besides, CPU time is the one to compare. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.audience.erasing import erase
from newsletter.audience.exporting import export_csv
from newsletter.audience.importing import import_subscribers
from newsletter.clock import SystemClock
from newsletter.message.keys import Key, KeyRing
from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade
from newsletter.store.segments import condition
from newsletter.store.subscribers import count_subscribers

GOAL_SECONDS = 60
"""For importing a million rows on SQLite."""

RING = KeyRing((Key(1, b"k" * 32),))
NAMES = ("Ann", "Bob", "José", "Zoë", "Мария", "太郎", "Émile", "Fatima", "Lars", "Ingrid")
ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Europe/Berlin")
HEADER = "Email Address,First Name,Last Name,TAGS,MEMBER_RATING,CONFIRM_TIME,TIMEZONE,CC,Company\n"
SEGMENTS = (
    'cc = "FR" and member_rating >= 3',
    'tag("gold") and company contains "7"',
    'received("unions") = 0 and not tag("gold")',
)
ERASED = 100


def write_file(path: Path, rows: int) -> None:
    """Write `rows` people."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(rows):
            tags = '"""beta"",""gold"""' if number % 3 else '"""beta"",""news"""'
            file.write(
                f'person{number}@host{number % 5000}.example,{NAMES[number % 10]},"Sur, {number % 1000}",{tags},'
                f"{number % 5},2020-01-02 03:04:05,{ZONES[number % 4]},{'FR' if number % 2 else 'DE'},"
                f"Company {number % 777}\n"
            )


def bare_import(path: Path, folder: Path) -> None:
    """The least that could be done with the rows."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, hash BLOB UNIQUE, address TEXT, rest TEXT)")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO person (hash, address, rest) VALUES (?, ?, ?)",
            (
                (
                    hashlib.blake2b(row[0].encode()).digest()[:32],
                    row[0],
                    json.dumps(dict(zip(header, row, strict=True))),
                )
                for row in reader
            ),
        )
        connection.execute("COMMIT")
    connection.close()


class Figures:
    """Times what it is given and prints it."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    def take(self, name: str, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.found[name] = {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_mb": round(memory)}
        print(f"{name:<48} {wall:8.2f} s wall  {cpu:8.2f} s CPU  {memory:6.0f} MB", flush=True)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    upgrade(database)
    yield database
    database.close()


def measure(rows: int, url: str, folder: Path) -> dict[str, dict[str, float]]:
    """All figures."""
    path, clock, figures = folder / "people.csv", SystemClock(), Figures()
    write_file(path, rows)
    figures.take("anchor: csv and sqlite3 alone", lambda: bare_import(path, folder))
    with opened(url or f"sqlite:///{folder / 'newsletter.db'}") as database:
        figures.take("import", lambda: import_subscribers(database, RING, path, clock, tags=("moved",)))
        figures.take("import again", lambda: import_subscribers(database, RING, path, clock, tags=("moved",)))
        for expression in SEGMENTS:
            with database.reading() as connection:
                where = condition(connection, expression, clock.now())
                figures.take(f"count {expression}", lambda where=where: count_subscribers(connection, where))
        with database.reading() as connection, (folder / "export.csv").open("w", encoding="utf-8") as file:
            figures.take("export", lambda: export_csv(connection, file))
        addresses = [f"person{number}@host{number % 5000}.example" for number in range(min(ERASED, rows))]
        figures.take(
            f"erase {len(addresses)}", lambda: [erase(database, RING, address, clock) for address in addresses]
        )
    return figures.found


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="an empty database; else SQLite in a temporary folder")
    parser.add_argument("--folder", type=Path, help="for the files; else a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found = measure(arguments.rows, arguments.database, Path(folder))
    goal = GOAL_SECONDS * arguments.rows / 1_000_000
    print(f"goal for import: {goal:.0f} s; reached {found['import']['wall_s']:.0f} s")
    print(json.dumps({"rows": arguments.rows, "goal_s": goal, **found}))


if __name__ == "__main__":
    main()
