"""The timetable of one campaign: its cadence, its pages and their wishes, ready to be asked when a reader's page is due.

Times are seconds since 1970, as the database keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import lru_cache
from math import ceil
from zoneinfo import ZoneInfo

from newsletter.campaigns.definition import Definition
from newsletter.campaigns.definition_file import parse_day, parse_interval
from newsletter.campaigns.due import (
    NO_PREFERENCES,
    NO_WISH,
    Before,
    Cadence,
    Preferences,
    Wish,
    cohort_due,
    next_due,
    personal,
    settle,
)
from newsletter.campaigns.wall_time import instant, wall, zone_named

UTC_ZONE = ZoneInfo("UTC")

Question = tuple[str, int, int, str, bool, Preferences]


@dataclass(frozen=True)
class Timetable:
    """When each page of a campaign is due. `releases` are the local times of a cohort's pages."""

    cadence: Cadence
    order: tuple[str, ...]
    wishes: Mapping[str, Wish]
    releases: Mapping[str, datetime] | None = None
    known: dict[Question, int | None] = field(default_factory=dict, compare=False, repr=False)

    def due(
        self,
        page_id: str,
        counted_from: int,
        went_out: int,
        zone: str,
        *,
        first: bool,
        preferences: Preferences = NO_PREFERENCES,
    ) -> int | None:
        """When `page_id` is due for a reader; None: never, the campaign ends before.

        `counted_from` is when the page before was due (or the reader was enrolled, if `first`), `went_out` when it
        really left.
        """
        question = (page_id, counted_from, went_out, zone, first, preferences)
        if question not in self.known:  # of a batch that went out together, most readers ask the same
            self.known[question] = self._due(*question)
        return self.known[question]

    def _due(
        self, page_id: str, counted_from: int, went_out: int, zone: str, first: bool, preferences: Preferences
    ) -> int | None:
        before = Before(moment(counted_from), moment(went_out), first)
        if self.releases is None:
            due = next_due(self.cadence, before, self.wishes.get(page_id, NO_WISH), _zone(zone), preferences)
        elif page_id in self.releases:
            due = cohort_due(self.cadence, self.releases[page_id], before, _zone(zone), preferences)
        else:
            due = None
        return None if due is None else ceil(due.timestamp())

    def settle(self, at: int, zone: str, preferences: Preferences = NO_PREFERENCES) -> int | None:
        """`at`, or the first moment after it at which this reader may be mailed."""
        cadence = personal(self.cadence, preferences)
        settled = settle(cadence, moment(at), _zone(zone), preferences.paused_until)
        return None if settled is None else ceil(settled.timestamp())

    def is_closed(self, at: int, zone: str) -> bool:
        """Whether the campaign's own hours forbid mail at this moment."""
        return bool(self.cadence.hours.reason_against(wall(moment(at), _zone(zone))))

    def tomorrow(self, now: int, zone: str, preferences: Preferences = NO_PREFERENCES) -> int | None:
        """The first moment of the reader's next day at which they may be mailed."""
        return self.settle(day_of(now, zone)[1], zone, preferences)

    def already_released(self, now: int, zone: str) -> tuple[str, ...]:
        """Cohort: the pages that everybody in `zone` has had by now."""
        if self.releases is None:
            return ()
        present = wall(moment(now), _zone(zone))
        return tuple(page_id for page_id in self.order if page_id in self.releases and self.releases[page_id] < present)


def timetable(definition: Definition, started: datetime, pages: Sequence[tuple[str, str, str]]) -> Timetable:
    """The timetable of a campaign; `pages` are (page id, wish as text, release as text) in order."""
    return Timetable(
        cadence=definition.calendar(started, _zone(definition.cadence.default_zone)),
        order=tuple(page_id for page_id, _, _ in pages),
        wishes={page_id: parse_wish(wish) for page_id, wish, _ in pages if wish},
        releases={page_id: datetime.fromisoformat(release) for page_id, _, release in pages if release}
        if definition.mode == "cohort"
        else None,
    )


def parse_wish(text: str) -> Wish:
    """`3d` (front matter `delay`), `2026-12-24` or `2026-12-24T18:00` (`send_on`) → Wish. Raises ValueError."""
    if not text:
        return NO_WISH
    if text[:4].isdigit() and text[4:5] == "-":
        day, _, clock = text.replace(" ", "T").partition("T")
        return Wish(on=parse_day(day), at=time.fromisoformat(clock) if clock else None)
    return Wish(delay=parse_interval(text))


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as an instant."""
    return datetime.fromtimestamp(seconds, UTC)


def day_of(now: int, zone: str) -> tuple[int, int]:
    """The start and the end, in seconds since 1970, of the day it is in `zone` at `now`."""
    where = _zone(zone)
    today = datetime.combine(wall(moment(now), where).date(), time())
    tomorrow = datetime.fromordinal(today.toordinal() + 1)
    return round(instant(today, where).timestamp()), round(instant(tomorrow, where).timestamp())


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    """The zone; UTC for a name that this machine does not know (a subscriber's from an older or newer tzdata)."""
    return zone_named(name) or UTC_ZONE
