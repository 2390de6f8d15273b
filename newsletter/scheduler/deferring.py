"""What is due but may not go out now waits: hours after a downtime, daily limits, and the pages' gates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from newsletter.campaigns.definition import Opening
from newsletter.campaigns.due import NO_PREFERENCES, Preferences
from newsletter.campaigns.timetable import Timetable, day_of
from newsletter.campaigns.wall_time import zone_names
from newsletter.store.campaigns import Campaign, mark_hours_checked
from newsletter.store.planning import (
    anything_to_send,
    defer,
    defer_one,
    hold_deliveries,
    hold_delivery,
    personal_due,
    waiting_with_preferences,
    zones_due,
)

LATE_SECONDS = 15 * 60
"""A page planned later than this after its due time is late: it does not go out in the evening any more, unless the
campaign says more. The hours that a campaign names itself are meant to the minute."""

QUARTER = 15 * 60

_HAD = """AND e.zone = :zone AND (SELECT count(*) FROM delivery d WHERE d.subscriber_id = e.subscriber_id {which}
    AND d.state NOT IN ('passed', 'cancelled', 'suppressed')
    AND coalesce(d.finished_at, CASE d.state WHEN 'uncertain' THEN d.due_at ELSE :now END) >= :midnight
    AND (d.state <> 'due' OR (d.due_at < :tomorrow AND EXISTS (
        SELECT 1 FROM campaign c WHERE c.id = d.campaign_id AND c.state = 'running')))) >= :limit"""
"""What counts as a page of today: what left, may have left or is to leave today. What a paused campaign holds, or what
waits for another day, would otherwise keep a reader's other campaigns waiting with it."""

_BY_ZONE = "AND NOT EXISTS (SELECT 1 FROM preference p WHERE p.subscriber_id = e.subscriber_id)"


def defer_late(connection: Connection, campaign: Campaign, table: Timetable, now: int) -> int:
    """After a downtime: whoever should not be mailed at this hour waits for the next that is allowed; how many."""

    def until(zone: str, own: Preferences) -> int | None:
        return table.settle(now, zone, own)

    def until_if_closed(zone: str, own: Preferences) -> int | None:
        return until(zone, own) if table.is_closed(now, zone) else now

    since, late, deferred = campaign.planned_until, now - LATE_SECONDS, 0
    are_named = campaign.definition.hours != Opening()
    if not are_named and late <= since:
        return 0
    zones = zones_due(connection, campaign.id, since, now if are_named else late)
    if late > since:
        deferred += _defer(connection, campaign, now, zones, until, by=late)
    if are_named:
        deferred += _defer(connection, campaign, now, zones, until_if_closed)
    return deferred


def defer_limited(connection: Connection, campaign: Campaign, table: Timetable, now: int) -> int:
    """Whoever has had as many pages today as the campaign allows waits for tomorrow; how many."""
    limits, since = campaign.definition.limits, campaign.planned_until
    deferred = 0
    for limit, which in ((limits.per_day, "AND d.campaign_id = e.campaign_id"), (limits.per_day_overall, "")):
        if not limit:
            continue
        for zone in zones_due(connection, campaign.id, since, now):
            midnight, tomorrow = day_of(now, zone)
            deferred += _defer(
                connection,
                campaign,
                now,
                [zone],
                lambda zone, own: table.tomorrow(now, zone, own),
                where=_HAD.format(which=which),
                zone=zone,
                midnight=midnight,
                tomorrow=tomorrow,
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
    return _defer(
        connection,
        campaign,
        now,
        zones_due(connection, campaign.id, campaign.planned_until, now, page_id),
        lambda zone, own: table.settle(until, zone, own),
        page_id=page_id,
        where="AND (e.due_at > :due OR (e.due_at = :due AND e.subscriber_id >= :subscriber))",
        due=behind[0],
        subscriber=behind[1],
    )


def _defer(
    connection: Connection,
    campaign: Campaign,
    now: int,
    zones: Iterable[str],
    until: Callable[[str, Preferences], int | None],
    *,
    by: int | None = None,
    page_id: str | None = None,
    where: str = "",
    **bound: Any,
) -> int:
    """Whoever is due (`by` then) waits until the moment that `until` says for their zone and their preferences, unless
    that is now; how many. All of a zone in one statement, people with preferences one by one."""
    since, by = campaign.planned_until, now if by is None else by
    waiting = {zone: moment for zone in zones if (moment := until(zone, NO_PREFERENCES)) != now}
    personal = personal_due(connection, campaign.id, since, by, page_id=page_id, where=where, **bound)
    deferred = defer(connection, campaign.id, since, by, waiting, page_id=page_id, where=f"{_BY_ZONE} {where}", **bound)
    for reader in personal:
        if (moment := until(reader.zone, reader.preferences)) != now:
            defer_one(connection, campaign.id, reader.id, moment)
            deferred += 1
    return deferred


def hold_backlog(connection: Connection, campaign: Campaign, table: Timetable, now: int) -> int:
    """Deliveries that did not leave while their readers' hours were open (a downtime, a slow relay, a retry at night)
    wait for the next ones, also after the campaign's end; how many. Asked every quarter of an hour: no zone's hours
    begin more often."""
    before, seeds = now + QUARTER, campaign.definition.seeds.addresses
    mark_hours_checked(connection, campaign.id, now)
    if not anything_to_send(connection, campaign.id, before):
        return 0
    endless = replace(table, cadence=replace(table.cadence, end=None))
    waiting = {zone: until for zone in zone_names() if (until := endless.settle(now, zone)) not in (now, None)}
    held = hold_deliveries(
        connection, campaign.id, before, {zone: until for zone, until in waiting.items() if until}, seeds
    )
    for delivery in waiting_with_preferences(connection, campaign.id, before, seeds):
        until = endless.settle(now, delivery.zone, delivery.preferences)
        if until is not None and until > max(now, delivery.due_at):
            hold_delivery(connection, delivery.id, until)
            held += 1
    return held
