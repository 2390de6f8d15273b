"""When mail may go out in a reader's local time: weekdays, a window, quiet hours, holidays. They defer, never drop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

EVERY_DAY = frozenset(range(7))
MIDNIGHT = time()
EVENING = time(21)
"""A page that is late (the machine was down) goes out between its hour and this one, unless a window says more."""

LONGEST_DEFERRAL_DAYS = 366 * 2


@dataclass(frozen=True)
class Span:
    """From `start` until just before `end`, local time; `22:00–07:00` wraps midnight, equal ends mean the whole day."""

    start: time = MIDNIGHT
    end: time = MIDNIGHT

    def holds(self, moment: time) -> bool:
        """Whether `moment` lies in it."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return self.start == self.end or moment >= self.start or moment < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


ALL_DAY = Span()


@dataclass(frozen=True)
class Hours:
    """When mail may go out. `quiet` is taken out of `window`; `weekdays` are 0 (Monday) to 6."""

    weekdays: frozenset[int] = EVERY_DAY
    window: Span = ALL_DAY
    quiet: Span | None = None
    holidays: frozenset[date] = frozenset()

    def reason_against(self, moment: datetime) -> str:
        """Why nothing goes out at `moment` (local); "" when it may."""
        if moment.date() in self.holidays:
            return "holiday"
        if moment.weekday() not in self.weekdays:
            return "weekday"
        return self._clock_against(moment.time())

    def _clock_against(self, clock: time) -> str:
        if not self.window.holds(clock):
            return "window"
        if self.quiet is not None and self.quiet.holds(clock):
            return "quiet hours"
        return ""

    def first_allowed(self, moment: datetime, at: time | None) -> datetime | None:
        """`moment` itself if mail may go out then, else the next moment at which it may.

        A page that waits for another day goes out at `at` of that day, or as soon after it as that day allows (None,
        or a day that allows nothing so late: as soon as that day allows). None when no day of the next two years will do.
        """
        limit = moment + timedelta(days=LONGEST_DEFERRAL_DAYS)
        while moment < limit:
            reason = self.reason_against(moment)
            if not reason:
                return moment
            if reason in ("holiday", "weekday"):
                day = moment.date() + timedelta(days=1)
                moment = datetime.combine(day, at if at is not None and self._opens_after(at) else MIDNIGHT)
            else:
                moment = self._reopening(moment, reason)
        return None

    def _opens_after(self, clock: time) -> bool:
        """Whether mail may go out at `clock` or later on the same day."""
        moment = today = datetime.combine(date.min, clock)
        while moment.date() == today.date() and (reason := self._clock_against(moment.time())):
            moment = self._reopening(moment, reason)
        return moment.date() == today.date()

    def _reopening(self, moment: datetime, reason: str) -> datetime:
        """When what forbids mail at `moment` is over; something else may forbid it then."""
        if reason == "window" or self.quiet is None:
            return _next(moment, self.window.start)
        return _next(moment, self.quiet.end)


def _next(moment: datetime, clock: time) -> datetime:
    """The first time after `moment` at which the clock shows `clock`."""
    today = datetime.combine(moment.date(), clock)
    return today if today > moment else today + timedelta(days=1)
