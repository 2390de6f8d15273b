"""The days on which a simulated subscriber would get the pages of a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from newsletter.campaigns.definition import Definition, Timetable
from newsletter.campaigns.definition_file import parse_clock, parse_interval
from newsletter.campaigns.timetable import moment, timetable
from newsletter.campaigns.wall_time import instant, wall, zone_named
from newsletter.content.page import Series
from newsletter.errors import CampaignError, UsageError
from newsletter.scheduler.prepare import wish_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
USUAL_CADENCE = "3d"
USUAL_HOUR = "09:00"
FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Beyond them a calendar with a long rhythm runs out of dates."""


@dataclass(frozen=True)
class Simulation:
    """A subscriber who joins at `start` (local time of `zone`) and gets pages by `definition`."""

    start: datetime
    zone: str
    definition: Definition


def simulation(
    start: str, zone: str, cadence: str, at: str, *, now: datetime, campaigns: Mapping[str, Definition]
) -> Simulation:
    """What the controls of the timeline say; "" is the usual.

    `cadence` is a span (`3d`), days (`mon, thu`), a rule of RFC 5545 or the name of a campaign.
    Raises UsageError for what can't be meant.
    """
    zone = zone or "UTC"
    known = zone_named(zone)
    if known is None:
        raise UsageError(f"{zone!r} is not an IANA time zone", remedy="For example Europe/Paris.")
    try:
        begins = datetime.fromisoformat(start) if start else wall(now, known).replace(second=0, microsecond=0)
    except ValueError as error:
        raise UsageError(f"{start!r} is not a day", remedy="Write it like 2027-03-01.") from error
    if not FIRST_YEAR <= begins.year <= LAST_YEAR:
        raise UsageError(f"{start!r} is too far away to count from", remedy="Write a day like 2027-03-01.")
    return Simulation(begins.replace(tzinfo=None), zone, _definition(cadence or USUAL_CADENCE, at, campaigns))


def due_times(series: Series, simulated: Simulation) -> tuple[dict[str, datetime], tuple[CampaignError, ...]]:
    """Page id → local time at which it is due, for each page that would be sent; wishes that can't be meant.

    A page is missing when the campaign ends before it.
    """
    wishes, errors = [], []
    for page in series.mailable:
        try:
            wishes.append((page.id, wish_of(page), ""))
        except CampaignError as error:
            errors.append(error)
            wishes.append((page.id, "", ""))
    zone = ZoneInfo(simulated.zone)
    enrolled = instant(simulated.start, zone)
    planned = timetable(simulated.definition, enrolled, wishes)
    times: dict[str, datetime] = {}
    before, first = int(enrolled.timestamp()), True
    for page in series.mailable:
        due = planned.due(page.id, before, before, simulated.zone, first=first)
        if due is None:
            break
        times[page.id] = wall(moment(due), zone)
        before, first = due, False
    return times, tuple(errors)


def _definition(cadence: str, at: str, campaigns: Mapping[str, Definition]) -> Definition:
    if cadence in campaigns:
        # A cohort's releases are fixed when it starts; for one reader its rhythm shows the same days.
        return replace(campaigns[cadence], mode="drip", start=None, end=None)
    days = [day.strip().lower()[:3] for day in cadence.split(",")]
    try:
        hour: time | None = parse_clock(at or USUAL_HOUR)
        if all(day in WEEKDAYS for day in days):
            rhythm = Timetable(on=frozenset(map(WEEKDAYS.index, days)), at=hour)
        elif cadence.upper().startswith("FREQ="):
            rhythm = Timetable(rrule=cadence, at=hour)
        else:
            every = parse_interval(cadence)
            rhythm = Timetable(every=every, at=None if every.elapsed is not None else hour)
    except ValueError as error:
        raise UsageError(str(error), remedy="A cadence is 3d, mon, thu, or the name of a campaign.") from error
    return Definition(cadence=rhythm)
