"""Wall-clock time in a zone → the instant in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which a clock on the wall of `zone` shows `local` (naive).

    A time that a change of clocks skips lands as far behind the gap as it lay behind the gap's start (02:30 becomes
    03:30), so never early; a time that comes twice is the first of both (PEP 495, `fold=0`). A day that a zone
    skipped altogether (Apia, 30 December 2011) becomes the same time of the next day.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall of `zone` shows at `moment`: naive, `fold` forgotten."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


@lru_cache
def zone_names() -> frozenset[str]:
    """Every IANA zone this machine knows."""
    return frozenset(available_timezones())


@lru_cache
def zone_named(name: str) -> ZoneInfo | None:
    """The zone called `name`; None if there is no such zone. Names are compared exactly: `europe/paris` is none."""
    return ZoneInfo(name) if name in zone_names() else None
