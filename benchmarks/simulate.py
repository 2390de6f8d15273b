"""A year ahead: 36 pages, 1,000 subscribers, 40 zones: python benchmarks/simulate.py

Prints one line of JSON: mails, moments at which the scheduler ticked, seconds, and CPU seconds of this process.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from newsletter.campaigns.wall_time import zone_names
from newsletter.config import Settings
from newsletter.scheduler.simulation import empty_copy, simulate

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.scheduler.world import World

PAGES = "".join(chr(ord("a") + number) if number < 26 else chr(ord("A") + number - 26) for number in range(36))


def main() -> None:
    """Simulate the year and say how long it took."""
    world = World(empty_copy())
    zones = sorted(zone_names())[::15][:40]
    world.add_people([zones[number % len(zones)] for number in range(1000)])
    world.add_campaign(PAGES, cadence={"every": "10d", "at": "09:00"})
    started, cpu = time.perf_counter(), time.process_time()
    found = list(simulate(world.database, Settings(), "course", world.at, 366))
    figures = {
        "mails": len(found),
        "moments": len({each.at for each in found}),
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
