"""When the next page of a reader is due.

Everything is counted in the reader's local time and turned into an instant last, so that 09:00 stays 09:00 across a
change of clocks. What can't be sent at its time is deferred, never dropped; nothing is ever due before its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from newsletter.campaigns.hours import ALL_DAY, EVENING, MIDNIGHT, Hours, Span
from newsletter.campaigns.rhythm import Interval, Rhythm, slot_after, slot_from
from newsletter.campaigns.wall_time import instant, wall

COUNTS_AS_PUNCTUAL = timedelta(hours=12)
"""A page that went out at most this late counts from the time it was due: a retry that slips past midnight must not
move a weekly course to another weekday. A later one counts from the time it really went out."""

NOON = time(12)
"""The hour of a page's `send_on` in a campaign that has no hour of its own."""


@dataclass(frozen=True)
class Cadence:
    """When pages follow each other: a rhythm, the local hour, and the hours in which mail may go out.

    `anchor` is the campaign's start in local time: rules count from it and nothing is due before it. After `end`
    nothing is due any more.
    """

    rhythm: Rhythm
    anchor: datetime
    at: time | None = None
    hours: Hours = Hours()
    end: date | None = None


@dataclass(frozen=True)
class Wish:
    """A page's own wish, from its front matter: `delay: 3d` after the page before, or `send_on: 2026-12-24`."""

    delay: Interval | None = None
    on: date | None = None
    at: time | None = None


NO_WISH = Wish()


@dataclass(frozen=True)
class Preferences:
    """What a subscriber has asked for: `pace` in per cent of the campaign's delay (200: half as often)."""

    pace: int = 100
    paused_until: datetime | None = None
    weekdays: frozenset[int] | None = None
    hour: int | None = None


NO_PREFERENCES = Preferences()


@dataclass(frozen=True)
class Before:
    """What the next page is counted from: the page before it, or the enrollment (`first`) when there is none.

    `due` is when it was due, `at` when it really went out, both in UTC.
    """

    due: datetime
    at: datetime
    first: bool = False


def next_due(
    cadence: Cadence, before: Before, wish: Wish, zone: ZoneInfo, preferences: Preferences = NO_PREFERENCES
) -> datetime | None:
    """The instant (UTC) at which a reader's next page is due; None when the campaign ends before that."""
    cadence = personal(cadence, preferences)
    nominal = _nominal(cadence, before, wish, zone, preferences.pace)
    return None if nominal is None else settle(cadence, nominal, zone, preferences.paused_until)


def settle(
    cadence: Cadence, nominal: datetime, zone: ZoneInfo, paused_until: datetime | None = None
) -> datetime | None:
    """`nominal` (UTC), or the first instant after it at which the hours and the reader's own pause allow mail."""
    moment = max(nominal, paused_until) if paused_until else nominal
    local = wall(moment, zone)
    allowed = cadence.hours.first_allowed(local, cadence.at)
    if allowed is None or (cadence.end is not None and allowed.date() > cadence.end):
        return None
    return moment if allowed == local else instant(allowed, zone)


def personal(cadence: Cadence, preferences: Preferences) -> Cadence:
    """`cadence` as this reader wants it: their hour, and of the campaign's weekdays only theirs."""
    at, hours = cadence.at, cadence.hours
    if preferences.hour is not None and at is not None:
        at = time(preferences.hour)
    if preferences.weekdays is not None and hours.weekdays & preferences.weekdays:
        hours = replace(hours, weekdays=hours.weekdays & preferences.weekdays)
    if at is not None and hours.window == ALL_DAY and hours.quiet is None:
        hours = replace(hours, window=Span(at, EVENING if at < EVENING else MIDNIGHT))
    return replace(cadence, at=at, hours=hours)


def _nominal(cadence: Cadence, before: Before, wish: Wish, zone: ZoneInfo, pace: int) -> datetime | None:
    """When the page would be due if all hours were allowed."""
    if before.first:
        return _first(cadence, max(before.at, instant(cadence.anchor, zone)), wish, zone, pace)
    counted = wish.delay or cadence.rhythm
    if before.at - before.due <= COUNTS_AS_PUNCTUAL and not _is_stopwatch(counted):
        found = _following(cadence, before.due, wish, zone, pace)
        if found is None or found > before.at:
            return found
    return _following(cadence, before.at, wish, zone, pace)


def _first(cadence: Cadence, base: datetime, wish: Wish, zone: ZoneInfo, pace: int) -> datetime | None:
    if wish.on is not None and (wished := _wished_day(cadence, wish, zone)) >= base:
        return wished
    if wish.delay is not None and (wish.delay.elapsed is not None or wish.delay.count):
        return _after_interval(wish.delay, cadence.at, base, zone, pace)
    local = wall(base, zone)
    if not isinstance(cadence.rhythm, Interval):
        slot = slot_from(cadence.rhythm, local, cadence.at or MIDNIGHT, _rule_anchor(cadence))
        return None if slot is None else instant(slot, zone)
    if cadence.at is None or cadence.rhythm.elapsed is not None:
        return base
    day = local.date() if local.time() <= cadence.at else local.date() + timedelta(days=1)
    return max(base, instant(datetime.combine(day, cadence.at), zone))


def _following(cadence: Cadence, base: datetime, wish: Wish, zone: ZoneInfo, pace: int) -> datetime | None:
    if wish.on is not None and (wished := _wished_day(cadence, wish, zone)) > base:
        return wished
    if wish.delay is not None:
        return _after_interval(wish.delay, cadence.at, base, zone, pace)
    if isinstance(cadence.rhythm, Interval):
        return _after_interval(cadence.rhythm, cadence.at, base, zone, pace)
    local: datetime | None = wall(base, zone)
    for _ in range(max(1, ceil(pace / 100))):
        if local is not None:
            local = slot_after(cadence.rhythm, local, cadence.at or MIDNIGHT, _rule_anchor(cadence))
    return None if local is None else instant(local, zone)


def _rule_anchor(cadence: Cadence) -> datetime:
    return datetime.combine(cadence.anchor.date(), cadence.at or MIDNIGHT)


def _after_interval(interval: Interval, at: time | None, base: datetime, zone: ZoneInfo, pace: int) -> datetime:
    if interval.elapsed is not None:
        return base + interval.elapsed * pace / 100
    local = wall(base, zone)
    day = local.date() + timedelta(days=max(1, ceil(interval.days * pace / 100)) if interval.days else 0)
    return max(base, instant(datetime.combine(day, at or local.time()), zone))


def _wished_day(cadence: Cadence, wish: Wish, zone: ZoneInfo) -> datetime:
    assert wish.on is not None
    return instant(datetime.combine(wish.on, wish.at or cadence.at or NOON), zone)


def releases(
    cadence: Cadence, wishes: Mapping[str, Wish], already: Mapping[str, datetime], after: datetime
) -> dict[str, datetime]:
    """Cohort: the local time at which each page of the order is released to everyone.

    `wishes` are the pages in order; `already` are releases that lie in the past and stay; `after` (local) is now.
    Pages for which the rhythm has no date any more are left out.
    """
    found: dict[str, datetime] = {}
    utc = ZoneInfo("UTC")
    before: Before | None = None
    earliest = after.replace(tzinfo=UTC)
    for page_id, wish in wishes.items():
        if page_id in already:
            moment = already[page_id].replace(tzinfo=UTC)
        else:
            due = next_due(cadence, before or Before(earliest, earliest, first=True), wish, utc)
            while due is not None and due < earliest:
                due = (
                    max(earliest, due)
                    if _is_stopwatch(cadence.rhythm)
                    else next_due(cadence, Before(due, due), wish, utc)
                )
            if due is None:
                break
            moment = due
        found[page_id] = moment.replace(tzinfo=None)
        if before is None or moment > before.at:
            before = Before(moment, moment)
    return found


def _is_stopwatch(rhythm: Rhythm) -> bool:
    return isinstance(rhythm, Interval) and rhythm.elapsed is not None


def cohort_due(
    cadence: Cadence, release: datetime, before: Before, zone: ZoneInfo, preferences: Preferences = NO_PREFERENCES
) -> datetime | None:
    """When a reader gets a page that is released to everyone at `release` (their local time).

    A release that was already past when their last page went out waits for the next slot of the rhythm: after a
    pause or a downtime nobody gets a pile.
    """
    cadence = personal(cadence, preferences)
    local = release
    if preferences.hour is not None and cadence.at is not None:
        wished = datetime.combine(release.date(), cadence.at)
        local = wished if wished >= release else wished + timedelta(days=1)
    nominal: datetime | None = instant(local, zone)
    if nominal is not None and not before.first and nominal <= before.at:
        nominal = _following(cadence, before.at, NO_WISH, zone, 100)
    return None if nominal is None else settle(cadence, nominal, zone, preferences.paused_until)
