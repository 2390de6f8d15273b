"""One tick of the scheduler: whoever is due gets a delivery, whoever has had theirs gets a next due time.

Everything it does is in the database and can be done again: killed at any instant, the next tick goes on as if nothing
had happened. Any number of schedulers may tick; a lease lets one work at a time.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection

from newsletter.campaigns.timetable import Timetable
from newsletter.clock import Clock
from newsletter.scheduler.audience import audience_words
from newsletter.scheduler.calendar import timetable_of, tzdata_version
from newsletter.scheduler.deferring import QUARTER, defer_late, defer_limited, hold_backlog
from newsletter.scheduler.gates import pass_gates
from newsletter.scheduler.moving import move_readers
from newsletter.scheduler.newcomers import enroll_audience, heed_changes, reschedule
from newsletter.store import leases
from newsletter.store.campaigns import Campaign, campaign_named, campaigns, mark_planned, mark_tzdata, planning
from newsletter.store.database import Database
from newsletter.store.planning import anything_changed, anything_due, anything_finished, plan_due

LEASE = "scheduler"
LEASE_SECONDS = 10

KEEP_TRYING_SECONDS = 72 * 3600
"""How long a relay's temporary refusals are retried at most. RFC 5321 §4.5.4.1 says four to five days, for mail that
somebody wrote; a page of a course is stale when the next one is due."""

TRY_AT_LEAST_SECONDS = 3600
"""However soon the next one is due: greylisting may take that long."""


@dataclass(frozen=True)
class TickReport:
    """What a tick did. `leading` is False when another scheduler is at work."""

    leading: bool = True
    moved: int = 0
    changed: int = 0
    enrolled: int = 0
    deferred: int = 0
    planned: int = 0


@dataclass(frozen=True)
class Work:
    """What there is to do, found by looking only."""

    finished: bool
    changed: bool
    new_audience: list[Campaign]
    new_tzdata: list[Campaign]
    due: list[Campaign]
    unchecked: list[Campaign]

    def __bool__(self) -> bool:
        return bool(self.finished or self.changed or self.new_audience or self.new_tzdata or self.due or self.unchecked)


def tick(database: Database, clock: Clock) -> TickReport:
    """Do what is due now. Raises StoreError when the database does not answer; nothing is lost by that."""
    now = int(clock.now().timestamp())
    with database.reading() as connection:
        work = find_work(connection, now)
    if not work:
        return TickReport()
    with database.transaction() as connection:
        if not leases.take(connection, LEASE, holder(), LEASE_SECONDS):
            return TickReport(leading=False)
    moved = move_readers(database) if work.finished else 0
    changed = heed_changes(database, now) if work.changed else 0
    for campaign in work.new_tzdata:
        reschedule(database, campaign, now)
        with planning(database) as connection:
            mark_tzdata(connection, campaign.id, tzdata_version())
    enrolled = sum(enroll_audience(database, campaign, now) for campaign in work.new_audience)
    planned = deferred = 0
    with database.reading() as connection:
        names = [campaign.name for campaign in campaigns(connection, "running")]
    for name in names:
        with planning(database) as connection:
            held, made = plan_campaign(connection, name, now)
        deferred += held
        planned += made
    return TickReport(True, moved, changed, enrolled, deferred, planned)


def find_work(connection: Connection, now: int) -> Work:
    """Look for what there is to do; changes nothing and costs a few milliseconds when there is nothing."""
    running = campaigns(connection, "running")
    return Work(
        finished=anything_finished(connection),
        changed=bool(running) and anything_changed(connection, now),
        new_audience=[
            campaign for campaign in running if audience_words(connection, campaign.definition) != campaign.audience
        ],
        new_tzdata=[campaign for campaign in running if campaign.tzdata != tzdata_version()],
        due=[campaign for campaign in running if anything_due(connection, campaign.id, campaign.planned_until, now)],
        unchecked=[campaign for campaign in running if now // QUARTER != campaign.hours_checked_at // QUARTER],
    )


def plan_campaign(connection: Connection, name: str, now: int) -> tuple[int, int]:
    """Turn what is due in one campaign into deliveries: (readers who must wait, deliveries made).

    Nothing for a campaign that was paused or cancelled meanwhile.
    """
    campaign = campaign_named(connection, name)
    if campaign is None or campaign.state != "running":
        return 0, 0
    since = campaign.planned_until
    table = timetable_of(connection, campaign)
    held = (
        hold_backlog(connection, campaign, table, now) if now // QUARTER != campaign.hours_checked_at // QUARTER else 0
    )
    if not anything_due(connection, campaign.id, since, now):
        return held, 0
    deferred = held + defer_late(connection, campaign, table, now) + defer_limited(connection, campaign, table, now)
    give_up_at = now + _keep_trying(table, now)
    if not pass_gates(connection, campaign, table, now, give_up_at):
        return deferred, 0
    planned = plan_due(connection, campaign.id, since, now, give_up_at)
    mark_planned(connection, campaign.id, now)
    return deferred, planned


def _keep_trying(table: Timetable, now: int) -> int:
    """Seconds: as many as there are between two pages, within reason. The same for all readers of a campaign, whose
    zones differ but whose rhythm does not."""
    one = table.due("", now, now, "UTC", first=False)
    other = None if one is None else table.due("", one, one, "UTC", first=False)
    if one is None or other is None:
        return KEEP_TRYING_SECONDS
    return min(max(other - one, TRY_AT_LEAST_SECONDS), KEEP_TRYING_SECONDS)


@cache
def holder() -> str:
    """The name under which this process holds the lease."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
