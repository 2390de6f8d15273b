"""What is due but may not go out now waits: hours after a downtime, daily limits, and the pages' gates."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from newsletter.campaigns.timetable import Timetable, day_of
from newsletter.campaigns.wall_time import zone_names
from newsletter.store.campaigns import Campaign, mark_hours_checked
from newsletter.store.planning import anything_to_send, defer, defer_one, hold_deliveries, personal_due, zones_due

LATE_SECONDS = 15 * 60
"""A page planned later than this after its due time is late, and is asked again whether this is an hour for mail."""

QUARTER = 15 * 60

_HAD = """AND (SELECT count(*) FROM delivery d WHERE d.subscriber_id = e.subscriber_id {which}
    AND d.state NOT IN ('passed', 'cancelled', 'suppressed') AND coalesce(d.finished_at, :now) >= :midnight) >= :limit"""


def defer_late(connection: Connection, campaign: Campaign, table: Timetable, now: int) -> int:
    """After a downtime: whoever should not be mailed at this hour waits for the next that is allowed; how many."""
    since, late = campaign.planned_until, now - LATE_SECONDS
    if late <= since:
        return 0
    waiting = _later(zones_due(connection, campaign.id, since, late), now, lambda zone: table.settle(now, zone))
    own = personal_due(connection, campaign.id, since, late)
    deferred = defer(
        connection,
        campaign.id,
        since,
        late,
        waiting,
        where="AND NOT EXISTS (SELECT 1 FROM preference p WHERE p.subscriber_id = e.subscriber_id)",
    )
    for reader in own:
        until = table.settle(now, reader.zone, reader.preferences)
        if until != now:
            defer_one(connection, campaign.id, reader.subscriber_id, until)
            deferred += 1
    return deferred


def defer_limited(connection: Connection, campaign: Campaign, table: Timetable, now: int) -> int:
    """Whoever has had as many pages today as the campaign allows waits for tomorrow; how many."""
    limits, since = campaign.definition.limits, campaign.planned_until
    deferred = 0
    for limit, which in ((limits.per_day, "AND d.campaign_id = e.campaign_id"), (limits.per_day_overall, "")):
        if not limit:
            continue
        for zone in zones_due(connection, campaign.id, since, now):
            deferred += defer(
                connection,
                campaign.id,
                since,
                now,
                {zone: table.tomorrow(now, zone)},
                where=_HAD.format(which=which),
                midnight=day_of(now, zone)[0],
                limit=limit,
            )
    return deferred


def hold_page(
    connection: Connection,
    campaign: Campaign,
    table: Timetable,
    now: int,
    page_id: str,
    until: int,
    behind: tuple[int, int] = (0, 0),
) -> int:
    """Everybody who is due for `page_id` waits until `until` (or the first allowed hour after it); how many.

    `behind` leaves out those before this (due time, subscriber): a canary's readers are not held.
    """
    zones = zones_due(connection, campaign.id, campaign.planned_until, now, page_id)
    return defer(
        connection,
        campaign.id,
        campaign.planned_until,
        now,
        {zone: table.settle(until, zone) for zone in zones},
        page_id=page_id,
        where="AND (e.due_at > :due OR (e.due_at = :due AND e.subscriber_id >= :subscriber))",
        due=behind[0],
        subscriber=behind[1],
    )


def hold_backlog(connection: Connection, campaign: Campaign, table: Timetable, now: int) -> int:
    """Deliveries that did not leave while their readers' hours were open (a downtime, a slow relay, a retry at night)
    wait for the next ones; how many. Asked every quarter of an hour: no zone's hours begin more often."""
    before = now + QUARTER
    mark_hours_checked(connection, campaign.id, now)
    if not anything_to_send(connection, campaign.id, before):
        return 0
    waiting = {zone: until for zone in zone_names() if (until := table.settle(now, zone)) not in (now, None)}
    return hold_deliveries(connection, campaign.id, before, {zone: until for zone, until in waiting.items() if until})


def _later(zones: list[str], now: int, settle: Callable[[str], int | None]) -> dict[str, int | None]:
    return {zone: until for zone in zones if (until := settle(zone)) != now}
