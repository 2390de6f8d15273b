"""Looking ahead: the scheduler itself, on a copy of the database in memory, with a clock that jumps to the next due time
and a relay that takes everything at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Table, insert, select, text

from newsletter.campaigns.outlook_files import Sending
from newsletter.config import Settings
from newsletter.errors import CampaignError
from newsletter.scheduler.apply import apply
from newsletter.scheduler.moving import move_readers
from newsletter.scheduler.prepared import Prepared
from newsletter.scheduler.tick import tick
from newsletter.store.campaigns import campaign_named, campaigns
from newsletter.store.database import Database
from newsletter.store.looking import empty_database
from newsletter.store.planning import next_due
from newsletter.store.tables import (
    campaign,
    campaign_page,
    delivery,
    email,
    enrollment,
    preference,
    segment,
    subscriber,
    subscriber_tag,
    suppression,
)

COPIED = (
    subscriber,
    subscriber_tag,
    preference,
    suppression,
    segment,
    email,
    campaign,
    campaign_page,
    enrollment,
    delivery,
)
OF_A_SUBSCRIBER = {subscriber: "id", subscriber_tag: "subscriber_id", preference: "subscriber_id", enrollment: "subscriber_id", delivery: "subscriber_id"}  # fmt: skip
PART = 5_000

WHO = "simulation"


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def copy_of(database: Database, *, subscriber_id: int | None = None) -> Database:
    """A copy in memory of what the scheduler works with, of one subscriber or of all."""
    copy = empty_database()
    with database.reading() as source, copy.transaction() as target:
        for table in COPIED:
            _copy(source, target, table, subscriber_id)
    return copy


def _copy(source: Connection, target: Connection, table: Table, subscriber_id: int | None) -> None:
    wanted = select(table)
    if subscriber_id is not None and table in OF_A_SUBSCRIBER:
        wanted = wanted.where(table.c[OF_A_SUBSCRIBER[table]] == subscriber_id)
    for part in source.execute(wanted).mappings().partitions(PART):
        target.execute(insert(table), [dict(row) for row in part])


def simulate(
    copy: Database,
    settings: Settings,
    name: str,
    start: datetime,
    days: int,
    prepared: Prepared | None = None,
    on_progress: Callable[[datetime], None] = lambda moment: None,
) -> Iterator[Sending]:
    """Everything the campaign `name` sends in the next `days`, in order of time; other running campaigns run beside it.

    `copy` is a database to play with. A campaign that is not there yet is made from `prepared`; one that is paused
    or waits for approval is taken as running. Raises CampaignError as applying does.
    """
    clock = MovedClock(start)
    with copy.transaction() as connection:
        found = campaign_named(connection, name)
    if found is None:
        if prepared is None:
            raise CampaignError(
                f"there is no campaign {name!r}", remedy="newsletter campaign status  lists those there are."
            )
        apply(copy, settings, prepared, clock, who=WHO)
    elif found.state == "cancelled":
        raise CampaignError(f"campaign {name} was cancelled: nothing goes out any more")
    with copy.transaction() as connection:
        connection.execute(
            text("UPDATE campaign SET state = 'running', started_at = coalesce(started_at, :now) WHERE name = :name"),
            {"name": name, "now": int(start.timestamp())},
        )
    end = start + timedelta(days=days)
    while clock.moment <= end:
        on_progress(clock.moment)
        tick(copy, clock)
        yield from _take(copy, name, clock.moment)
        move_readers(copy)
        upcoming = _next_moment(copy)
        if upcoming is None:
            return
        clock.moment = max(upcoming, clock.moment + timedelta(seconds=1))


def _take(copy: Database, name: str, now: datetime) -> Sequence[Sending]:
    """What the engine and a relay do: whatever is due leaves."""
    with copy.transaction() as connection:
        rows = connection.execute(
            text(
                "SELECT d.id, e.zone, s.zone AS own_zone, s.address, d.subscriber_id, c.name, d.page_id FROM delivery d "
                "JOIN campaign c ON c.id = d.campaign_id JOIN subscriber s ON s.id = d.subscriber_id "
                "LEFT JOIN enrollment e ON e.subscriber_id = d.subscriber_id AND e.campaign_id = d.campaign_id "
                "WHERE c.state = 'running' AND d.state = 'due' AND d.due_at <= :now ORDER BY d.id"
            ),
            {"now": int(now.timestamp())},
        ).all()
        connection.execute(
            text(
                "UPDATE delivery SET state = 'sent', finished_at = :now WHERE state = 'due' AND due_at <= :now "
                "AND campaign_id IN (SELECT id FROM campaign WHERE state = 'running')"
            ),
            {"now": int(now.timestamp())},
        )
    return [
        Sending(now, row.zone or row.own_zone or "UTC", row.address, row.subscriber_id, row.name, row.page_id)
        for row in rows
        if row.name == name
    ]


def _next_moment(copy: Database) -> datetime | None:
    with copy.transaction() as connection:
        held = [
            connection.execute(
                text("SELECT min(due_at) FROM delivery WHERE campaign_id = :id AND state = 'due'"), {"id": each.id}
            ).scalar_one()
            for each in campaigns(connection, "running")
        ]
        due = [next_due(connection, each.id, each.planned_until) for each in campaigns(connection, "running")]
    moments = [moment for moment in (*held, *due) if moment is not None]
    return datetime.fromtimestamp(min(moments), UTC) if moments else None
