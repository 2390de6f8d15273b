"""Rhythms: the rule by which one page follows another, before quiet hours and holidays have their say.

All times here are naive: what the clock on the reader's wall shows.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from dateutil.rrule import rrule, rruleset, rrulestr

LONGEST_RULE = timedelta(days=366 * 30)
"""How far a rule without an end is followed: one that never comes (30 February) must not be searched for ever."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Interval:
    """`every = "3d"`: a fixed time after the page before. `unit` is a key of UNITS."""

    count: int
    unit: str

    @property
    def elapsed(self) -> timedelta | None:
        """The time that must pass on a stopwatch; None for days and weeks, which are counted on the calendar."""
        return None if self.unit in "dw" else timedelta(**{UNITS[self.unit]: self.count})

    @property
    def days(self) -> int:
        """Days to count on the calendar (0 for hours and less)."""
        return self.count * {"d": 1, "w": 7}.get(self.unit, 0)

    def __str__(self) -> str:
        word = UNITS[self.unit]
        return f"every {word[:-1]}" if self.count == 1 else f"every {self.count} {word}"


@dataclass(frozen=True)
class Weekdays:
    """`on = ["mon", "thu"]`: given days of the week; 0 is Monday."""

    days: frozenset[int]

    def __str__(self) -> str:
        return "every " + ", ".join(calendar.day_name[day] for day in sorted(self.days))


@dataclass(frozen=True)
class MonthDays:
    """`days_of_month = [1, 15, -1]`: given days of each month.

    -1 is the last day; 29 to 31 are the last day in months that are shorter.
    """

    days: frozenset[int]

    def falls_on(self, day: date) -> bool:
        """Whether `day` is one of them."""
        length = calendar.monthrange(day.year, day.month)[1]
        return any(day.day == (length + 1 + wanted if wanted < 0 else min(wanted, length)) for wanted in self.days)

    def __str__(self) -> str:
        return "on day " + ", ".join(str(day) for day in sorted(self.days)) + " of the month"


@dataclass(frozen=True)
class Rule:
    """`rrule = "FREQ=MONTHLY;BYDAY=1MO"`: RFC 5545, counted from the campaign's start."""

    text: str

    def __str__(self) -> str:
        return f"by the rule {self.text}"


@dataclass(frozen=True)
class Dates:
    """`dates = [2026-12-01, 2026-12-24]`: these days and no other, sorted."""

    dates: tuple[date, ...]

    def __str__(self) -> str:
        return "on " + ", ".join(day.isoformat() for day in self.dates)


Rhythm = Interval | Weekdays | MonthDays | Rule | Dates


@lru_cache(maxsize=64)
def _occurrences(text: str, anchor: datetime) -> rrule:
    """The parsed rule; its cache makes asking again cheap."""
    parsed = rrulestr(text, dtstart=anchor, cache=True)
    if isinstance(parsed, rruleset):
        raise ValueError("one RRULE only")
    if not {"UNTIL", "COUNT"} & {part.partition("=")[0].upper() for part in text.split(";")}:
        parsed = rrulestr(f"{text};UNTIL={anchor + LONGEST_RULE:%Y%m%dT%H%M%S}", dtstart=anchor, cache=True)
        assert isinstance(parsed, rrule)
    return parsed


def comes_at_all(text: str, anchor: datetime) -> bool:
    """Whether the rule names any day within LONGEST_RULE: 30 February is none. Raises what dateutil raises."""
    parsed = rrulestr(text, dtstart=anchor)
    if isinstance(parsed, rruleset):
        raise ValueError("one RRULE only")
    endless = parsed.replace(count=None, until=anchor + LONGEST_RULE)
    return next(iter(endless), None) is not None


def slot_from(
    rhythm: Weekdays | MonthDays | Rule | Dates, moment: datetime, at: time, anchor: datetime
) -> datetime | None:
    """The first slot of `rhythm` at `moment` or later; None when there is none any more.

    `anchor` is the start from which an RFC 5545 rule counts.
    """
    if isinstance(rhythm, Rule):
        return _occurrences(rhythm.text, anchor).after(moment, inc=True)
    if isinstance(rhythm, Dates):
        return next((slot for day in rhythm.dates if (slot := datetime.combine(day, at)) >= moment), None)
    first = moment.date() if moment.time() <= at else moment.date() + timedelta(days=1)
    for day in (first + timedelta(days=ahead) for ahead in range(63)):
        if day.weekday() in rhythm.days if isinstance(rhythm, Weekdays) else rhythm.falls_on(day):
            return datetime.combine(day, at)
    return None


def slot_after(
    rhythm: Weekdays | MonthDays | Rule | Dates, moment: datetime, at: time, anchor: datetime
) -> datetime | None:
    """The first slot of `rhythm` that comes after a page which went out at `moment`.

    Rules that name days give one page a day at most: a page that went out early in the morning of a slot's day (a
    reader who moved, a late one) is that day's page.
    """
    if isinstance(rhythm, Rule):
        return _occurrences(rhythm.text, anchor).after(moment)
    return slot_from(rhythm, datetime.combine(moment.date() + timedelta(days=1), time()), at, anchor)
