"""A month with an operator, lived through on any database, from wherever it stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import text

from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.scheduler import operate
from newsletter.scheduler.apply import apply
from newsletter.scheduler.prepared import Prepared
from newsletter.store.database import Database, open_database
from tests.scheduler.prepared_pages import HERE, page, ready
from tests.scheduler.world import World, utc, utc_of

ZONES = ["Europe/Paris", "America/Lima", "Asia/Tokyo", "Australia/Lord_Howe", "UTC", ""]
OPERATOR = "ada"


def course(pages: str, every: str = "3d", **words: str) -> Prepared:
    """The campaign as its files say it; `words` are pages with other words than usual."""
    definition = definition_from(
        {
            "series": "course", "cadence": {"every": every, "at": "09:00", "default_zone": "UTC"},
            "hours": {"holidays": ["2026-12-08"]}, "limits": {"per_day": 1},
            "seeds": {"addresses": ["reader7@example.com"], "wait": "1h"},
        },
        Source("test"),
    )  # fmt: skip
    return replace(ready("", definition), pages=tuple(page(each, words.get(each, "")) for each in pages))


def put(prepared: Prepared) -> Callable[[World], object]:
    return lambda world: apply(world.database, HERE, prepared, world, who=OPERATOR)


def operated(act: Callable[..., object], *about: str) -> Callable[[World], object]:
    return lambda world: act(world.database, "course", *about, world, who=OPERATOR)


ACTS: list[tuple[str, Callable[[World], object]]] = [
    ("2026-12-01 00:00", put(course("abcdef"))),
    ("2026-12-03 12:30", put(course("axbcdef"))),
    ("2026-12-04 08:00", operated(operate.pause)),  # at the very moment at which Paris is due
    ("2026-12-06 20:00", operated(operate.resume)),
    ("2026-12-07 00:00", operated(operate.skip, "reader5@example.com")),
    ("2026-12-07 13:00", operated(operate.restart, "reader9@example.com")),
    ("2026-12-09 11:00", put(course("axbcdef", a="mended"))),
    ("2026-12-09 11:00", operated(operate.errata, "a")),
    ("2026-12-10 09:00", operated(operate.skip, "reader3@example.com")),
    ("2026-12-12 09:00", put(course("axbefg", a="mended"))),
    ("2026-12-13 10:00", operated(operate.move, "reader2@example.com", "b")),
    ("2026-12-15 14:00", operated(operate.send_again, "reader4@example.com", "x")),
    ("2026-12-16 09:00", put(course("axbdefg", "2d", a="mended"))),
]
"""What an operator does, and when. Each is one transaction with its entry in the audit log."""


def live_the_month(database: Database) -> None:
    """Go on where the database says that it stopped: what the operator did is in the log, the hour in the ledger."""
    world = World(database)
    with database.reading() as connection:
        moments = connection.execute(
            text(
                "SELECT max(finished_at) FROM delivery UNION ALL SELECT max(at) FROM audit UNION ALL "
                "SELECT max(planned_until) FROM campaign UNION ALL SELECT max(hours_checked_at) FROM campaign"
            )
        ).scalars()
        world.at = utc_of(max((each for each in moments if each is not None), default=world.seconds))
        world.at = max(world.at, utc(ACTS[0][0]))
        done = connection.execute(text("SELECT count(*) FROM audit")).scalar_one()
    for moment, act in ACTS[done:]:
        world.live(moment)
        act(world)
    world.live("2026-12-31 23:59")


if __name__ == "__main__":
    opened = open_database(sys.argv[1])
    print("begin", flush=True)
    live_the_month(opened)
    print("done", flush=True)
