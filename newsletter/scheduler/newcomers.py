"""Enrolling: the audience of a campaign when it starts, later whoever joins it; and heeding changes of subscribers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_

from newsletter.campaigns.timetable import Timetable
from newsletter.clock import Clock
from newsletter.scheduler.audience import Audience, audience_of
from newsletter.scheduler.calendar import timetable_of
from newsletter.store.campaigns import Campaign, campaign_named, campaigns, mark_audience, planning
from newsletter.store.database import Database
from newsletter.store.enrollments import (
    Change,
    Enrolled,
    People,
    ZoneStart,
    change,
    enroll,
    enrolled_after,
    enrolled_among,
    find_next_pages,
    highest_subscriber,
    newcomers_with_preferences,
    take_changed,
    zones_among,
)
from newsletter.store.planning import refresh_statistics
from newsletter.store.progress import pass_over, welcome_back

RANGE = 20_000
"""Subscribers looked at in one transaction."""

CHANGED_AT_ONCE = 2_000


def enroll_audience(database: Database, campaign: Campaign, now: int) -> int:
    """Enroll everybody in the campaign's audience who is not enrolled yet; how many. Can be stopped and repeated."""
    with planning(database) as connection:
        audience = audience_of(connection, campaign.definition, now)
        highest = highest_subscriber(connection)
    enrolled = 0
    for low in range(0, highest, RANGE):
        with planning(database) as connection:
            enrolled += _enroll(connection, campaign, People(low=low, high=low + RANGE), audience, now)
    with planning(database) as connection:
        mark_audience(connection, campaign.id, audience.words)
        if enrolled >= RANGE:
            refresh_statistics(connection)
    return enrolled


def enroll_known(database: Database, name: str, clock: Clock) -> int:
    """Enroll the audience of the campaign called `name` now, if it is running; how many."""
    with database.reading() as connection:
        campaign = campaign_named(connection, name)
    if campaign is None or campaign.state != "running":
        return 0
    return enroll_audience(database, campaign, int(clock.now().timestamp()))


def heed_changes(database: Database, now: int) -> int:
    """Enroll subscribers who have joined an audience; adapt due times to new zones and preferences; how many changed."""
    heeded = 0
    while True:
        with planning(database) as connection:
            people = People(ids=tuple(take_changed(connection, CHANGED_AT_ONCE, now)))
            if not people.ids:
                return heeded
            for campaign in campaigns(connection, "running"):
                welcome_back(connection, campaign, people)
                _enroll(connection, campaign, people, audience_of(connection, campaign.definition, now), now)
                adapt(connection, campaign, enrolled_among(connection, campaign.id, people), now)
            heeded += len(people.ids)


def reschedule(database: Database, campaign: Campaign, now: int) -> int:
    """Compute all due times of a campaign anew (its rule, its pages or the time zones have changed); how many moved."""
    after, changed = 0, 0
    while True:
        with planning(database) as connection:
            part = enrolled_after(connection, campaign.id, after, RANGE)
            changed += adapt(connection, campaign, part, now)
        if len(part) < RANGE:
            return changed
        after = part[-1].subscriber_id


def _enroll(connection: Connection, campaign: Campaign, people: People, audience: Audience, now: int) -> int:
    table = timetable_of(connection, campaign)
    who = and_(people.condition, audience.condition)
    if not table.order:
        return 0
    starts = []
    for name in zones_among(connection, who):
        zone = campaign.definition.zone_of(name, "UTC")
        gone = table.already_released(now, zone)
        left = [page_id for page_id in table.order if page_id not in gone]
        due = table.due(left[0], now, now, zone, first=True) if left else None
        starts.append(ZoneStart(name, zone, None if due is None else max(due, campaign.planned_until + 1)))
    enrolled = enroll(connection, campaign.id, campaign.series, who, starts, table.order[0], now)
    if enrolled:
        _settle_newcomers(connection, campaign, table, people, {start.zone for start in starts}, now)
    return enrolled


def _settle_newcomers(
    connection: Connection, campaign: Campaign, table: Timetable, people: People, zones: set[str], now: int
) -> None:
    """What one statement for all can't know: pages a cohort has had, pages somebody had as a seed, preferences."""
    pass_over(
        connection,
        campaign.id,
        [(zone, page_id) for zone in sorted(zones) for page_id in table.already_released(now, zone)],
        people,
        now,
    )
    find_next_pages(connection, campaign.id, people, enrolled_at=now)
    adapt(connection, campaign, newcomers_with_preferences(connection, campaign.id, people, now), now)


def adapt(connection: Connection, campaign: Campaign, readers: Sequence[Enrolled], now: int) -> int:
    """Compute these readers' due times anew; how many changed. A page that is under way is left alone."""
    table = timetable_of(connection, campaign)
    changes: dict[Change, list[int]] = defaultdict(list)
    for reader in readers:
        if (step := adapted(campaign, table, reader, now)) is not None:
            changes[step].append(reader.subscriber_id)
    change(connection, campaign.id, changes)
    return sum(map(len, changes.values()))


def adapted(campaign: Campaign, table: Timetable, reader: Enrolled, now: int) -> Change | None:
    """How a reader's enrollment changes with the timetable, their zone and their preferences; None: not at all."""
    zone = campaign.definition.zone_of(reader.own_zone, "UTC")
    under_way = reader.due_at is not None and reader.due_at <= campaign.planned_until
    if reader.state not in ("active", "paused", "ended") or (under_way and reader.state == "active"):
        return None
    if reader.next_page_id is None:
        return None
    counted_from = reader.counted_from
    due = table.due(
        reader.next_page_id,
        counted_from,
        counted_from,
        zone,
        first=reader.last_sent_at is None,
        preferences=reader.preferences,
    )
    if due is not None and due <= now:  # overdue: as soon as the hours allow, not in the middle of the night
        due = table.settle(now, zone, reader.preferences)
    state = reader.state if due is not None else "ended"
    if due is not None:
        due = max(due, campaign.planned_until + 1)
        state = "active" if reader.state == "ended" else reader.state
    if (state, zone, due) == (reader.state, reader.zone, reader.due_at):
        return None
    return Change(state, zone, reader.next_page_id, due, reader.last_sent_at)
