"""Living through what was simulated: the real scheduler and the real sending engine, with a moved clock."""

from __future__ import annotations

import io
from datetime import datetime

from sqlalchemy import text

from newsletter.config import Settings
from newsletter.delivery.service import Options, Service
from newsletter.scheduler.tick import tick
from newsletter.store.database import Database
from tests.delivery.world import RING
from tests.scheduler.world import World, utc_of


def live_through(world: World, settings: Settings, until: datetime) -> None:
    """Let the scheduler and the engine work at every moment at which somebody is due, up to and with `until`."""
    while world.at <= until:
        Service(
            settings, world.database, RING, world, plan=lambda: tick(world.database, world),
            options=Options(until_idle=True), log=io.StringIO(), environment={},
        ).run()  # fmt: skip
        world.tick()
        moments = [moment for moment in world.next_moments() if moment is not None]
        if not moments:
            return
        world.at = utc_of(min(moments))


def mails_sent(database: Database) -> list[tuple[datetime, str, str, str]]:
    """What the ledger says: (moment, zone, address, page) of every mail sent, in order."""
    with database.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT d.finished_at, e.zone, s.address, d.page_id FROM delivery d JOIN subscriber s "
                "ON s.id = d.subscriber_id JOIN enrollment e ON e.subscriber_id = s.id WHERE d.state = 'sent'"
            )
        ).all()
    return sorted((utc_of(row[0]), row[1], row[2], row[3]) for row in rows)
