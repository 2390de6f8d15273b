"""How much mail there is in each hour, and whether the relays can take it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Jam:
    """Hours in a row in which more is due than the relay takes. `needed` is the most in one hour."""

    start: datetime
    needed: int
    allowed: int
    done: datetime

    def __str__(self) -> str:
        day = "" if self.done.date() == self.start.date() else f"{self.done:%A} "
        return (
            f"{self.start:%A %d %B %H:%M} needs {self.needed:,}/h, relay allows {self.allowed:,}/h: "
            f"done by {day}{self.done:%H:%M}"
        )


def per_hour(moments: Iterable[datetime]) -> dict[datetime, int]:
    """Mails in each hour that has any, in order of time."""
    hours = Counter(moment.replace(minute=0, second=0, microsecond=0) for moment in moments)
    return dict(sorted(hours.items()))


def per_day(moments: Iterable[datetime]) -> dict[datetime, int]:
    """Mails on each day that has any, in order of time."""
    days = Counter(moment.replace(hour=0, minute=0, second=0, microsecond=0) for moment in moments)
    return dict(sorted(days.items()))


def jams(hours: Mapping[datetime, int], allowed: int) -> Iterator[Jam]:
    """Where mail piles up before a relay that takes `allowed` an hour (0: as much as comes)."""
    if allowed <= 0:
        return
    waiting, start, needed = 0, None, 0
    for hour in _every_hour(hours):
        waiting += hours.get(hour, 0)
        needed = max(needed, hours.get(hour, 0))
        if waiting > allowed:
            start = start or hour
            waiting -= allowed
        else:
            if start is not None:
                yield Jam(start, needed, allowed, hour + timedelta(minutes=ceil(60 * waiting / allowed)))
            waiting, start, needed = 0, None, 0
    if start is not None:
        left = timedelta(minutes=ceil(60 * waiting / allowed))
        yield Jam(start, needed, allowed, max(hours) + HOUR + left)


def _every_hour(hours: Mapping[datetime, int]) -> Iterator[datetime]:
    """Each hour in which something is due, and the 48 behind it, in which it may still be waiting."""
    seen: datetime | None = None
    for busy in hours:
        hour = busy if seen is None else max(busy, seen + HOUR)
        if seen is not None and busy > seen + HOUR:
            for ahead in range(1, min(48, int((busy - seen) / HOUR))):
                yield seen + ahead * HOUR
        yield hour
        seen = hour
    for ahead in range(1, 49) if seen is not None else ():
        assert seen is not None
        yield seen + ahead * HOUR
