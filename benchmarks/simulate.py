"""A year ahead: 36 pages, 1,000 subscribers, 40 zones: python benchmarks/simulate.py [--against-scheduler]

Prints one line of JSON: mails, moments at which the scheduler ticked, seconds, and CPU seconds of this process. With
`--against-scheduler` the same year is then lived through by the real scheduler and the real sending engine, on a SQLite
file, with a moved clock and an SMTP server on loopback (some minutes), and compared with the simulation row by row:
the moment, the zone, the reader and the page of every mail, and what the SMTP server got.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.campaigns.outlook_files import Sending
from newsletter.campaigns.wall_time import zone_names
from newsletter.scheduler.apply import apply
from newsletter.scheduler.simulation import copy_of, simulate
from newsletter.store.database import open_database
from newsletter.store.migrations import upgrade

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.delivery.servers import KeepingServer
from tests.delivery.world import a_relay, settings_for
from tests.scheduler.lived import live_through, mails_sent
from tests.scheduler.test_edits import ready
from tests.scheduler.world import World

DAYS = 366
PAGES = "".join(chr(ord("a") + number) if number < 26 else chr(ord("A") + number - 26) for number in range(36))
DEFINITION = definition_from(
    {"series": "course", "cadence": {"every": "10d", "at": "09:00", "default_zone": "UTC"}}, Source("benchmark")
)

Row = tuple[datetime, str, str, str]


def rows_of(sendings: list[Sending]) -> list[Row]:
    """What was simulated, to be compared."""
    return sorted((each.at, each.zone, each.address, each.page_id) for each in sendings)


def live(world: World, folder: Path) -> tuple[list[Row], Counter[tuple[str, str]]]:
    """The same year with the real scheduler, engine and SMTP: (what the ledger says, what the server got)."""
    end = world.at + timedelta(days=DAYS)
    with KeepingServer() as server:
        settings = settings_for(world.database, folder, a_relay(server.port))
        apply(world.database, settings, ready(PAGES, DEFINITION), world, who="benchmark")
        live_through(world, settings, end)
        arrived = Counter((kept.recipient, _subject(kept.data)) for kept in server.kept)
    return mails_sent(world.database), arrived


def _subject(message: bytes) -> str:
    return next(line for line in message.split(b"\r\n") if line.startswith(b"Subject: "))[9:].decode()


def main() -> None:
    """Simulate the year and say how long it took; live it through if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against-scheduler", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newsletter-year-") as folder:
        database = open_database(f"sqlite:///{folder}/year.db")
        upgrade(database)
        world = World(database)
        zones = sorted(zone_names())[::15][:40]
        world.add_people([zones[number % len(zones)] for number in range(1000)])
        settings = settings_for(database, Path(folder))
        started, cpu = time.perf_counter(), time.process_time()
        found = list(simulate(copy_of(database), settings, "course", world.at, DAYS, ready(PAGES, DEFINITION)))
        figures: dict[str, object] = {
            "mails": len(found),
            "moments": len({each.at for each in found}),
            "seconds": round(time.perf_counter() - started, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
        }
        if arguments.against_scheduler:
            started = time.perf_counter()
            happened, arrived = live(world, Path(folder))
            figures |= {
                "real_mails": len(happened),
                "real_seconds": round(time.perf_counter() - started, 1),
                "equal_row_by_row": happened == rows_of(found),
                "equal_at_the_server": arrived == Counter((each.address, each.page_id) for each in found),
            }
        database.close()
    print(json.dumps(figures))
    sys.exit(0 if False not in figures.values() else 1)


if __name__ == "__main__":
    main()
