"""What an operator says about a campaign: campaigns/NAME.toml, or the flags of `campaign start`, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from newsletter.campaigns.due import Cadence
from newsletter.campaigns.hours import ALL_DAY, EVERY_DAY, Hours, Span
from newsletter.campaigns.rhythm import Dates, Interval, MonthDays, Rhythm, Rule, Weekdays
from newsletter.campaigns.wall_time import wall
from newsletter.config import Settings

HOUR_OF_DAYS = time(9)
"""When a rhythm names days and the campaign names no hour."""

READERS_ZONE = "subscriber"

LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 - local time, wherever the reader lives
"""The start, in local time, of a campaign that waits for none."""


def said(doc: str, default: Any = "") -> Any:
    """Declare one key of a campaign file: `doc` is what editors show, `default` its value when it is not there."""
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Audience:
    """[audience] Who is enrolled; with none of these keys, every active subscriber."""

    segment: str = said("A saved segment, or an expression like those of `subscribers segment`.")
    tags: tuple[str, ...] = said("Subscribers with one of these tags.", ())
    csv: str = said("A CSV file: its people are imported and enrolled. Relative to the project's folder.")


@dataclass(frozen=True)
class Sender:
    """[sender] Who the mail is from, where it differs from `newsletter.toml`."""

    name: str = said("Display name in From.")
    address: str = said("Address in From.")
    reply_to: str = said("Address in Reply-To.")


@dataclass(frozen=True)
class Timetable:
    """[cadence] When the next page follows. Exactly one of every, on, days_of_month, rrule and dates."""

    every: Interval | None = said("Time between pages: 3d, 2w, 6h, 30m or 10s.", None)
    on: frozenset[int] = said("Days of the week: mon, tue, wed, thu, fri, sat, sun.", frozenset())
    days_of_month: tuple[int, ...] = said("Days of the month; -1 is the last.", ())
    rrule: str = said("A recurrence rule of RFC 5545, for example FREQ=MONTHLY;BYDAY=1MO.")
    dates: tuple[date, ...] = said("These days and no other.", ())
    at: time | None = said(
        "Local hour, for example 09:00. Without it: pages `every` so many days keep the hour of the enrollment, "
        "named days use 09:00.",
        None,
    )
    zone: str = said("`subscriber`: each reader's own zone; or one IANA zone for everybody.", READERS_ZONE)
    default_zone: str = said("Zone of readers who have none. Unset: the site's.")


@dataclass(frozen=True)
class Opening:
    """[hours] When mail may go out, in local time. What can't go out waits; nothing is dropped."""

    weekdays: frozenset[int] = said("Only on these days of the week.", frozenset())
    window: Span = said("Only between these times, for example 08:00-20:00.", ALL_DAY)
    quiet: Span | None = said("Never between these times, for example 22:00-07:00.", None)
    holidays: tuple[date, ...] = said("Never on these days: a list, or the name of an .ics or .txt file.", ())


@dataclass(frozen=True)
class Limits:
    """[limits] How much goes out: to one subscriber in a day of their own, and in an hour; 0: no limit."""

    per_day: int = said("Pages of this campaign to one subscriber.", 0)
    per_day_overall: int = said("Pages of all campaigns to one subscriber; this campaign then waits.", 0)
    per_hour: int = said("Mails of this campaign in an hour, however much the relays would take.", 0)


@dataclass(frozen=True)
class Seeds:
    """[seeds] People who get each page before everybody else."""

    addresses: tuple[str, ...] = said("Their addresses; they must be subscribers.", ())
    wait: Interval = said("How long everybody else waits after them.", Interval(1, "h"))


@dataclass(frozen=True)
class Canary:
    """[canary] A few readers get each page first; if too many bounce or complain, the campaign pauses by itself."""

    readers: int = said("How many; 0: no canary.", 0)
    wait: Interval = said("How long their bounces and complaints are watched.", Interval(1, "h"))
    bounces: float = said("Per cent of bounces above which it stops.", 5.0)
    complaints: float = said("Per cent of complaints above which it stops.", 0.3)


@dataclass(frozen=True)
class Definition:
    """A campaign as its operator wants it."""

    series: str = said("The folder of pages, for example unions.")
    mode: Literal["drip", "cohort"] = said(
        "`drip`: each reader's own clock, from their enrollment; `cohort`: everyone gets a page together.", "drip"
    )
    start: datetime | None = said("Nothing is due before this local day or time.", None)
    end: date | None = said("Nothing is due after this day.", None)
    evergreen: bool = said("Readers who have finished go on when pages are appended.", False)
    relay: str = said("The relay of newsletter.toml to use. Unset: all of them.")
    crash_policy: Literal["hold", "resend"] = said(
        "A mail of which nobody knows whether it left: `hold` it for a person to decide, or `resend` it under the "
        "same Message-ID.",
        "hold",
    )
    tracking: Literal["none", "clicks"] = said(
        "`clicks`: count how often each link is followed, never by whom. Opens are not counted.", "none"
    )
    require_approval: bool = said("Nothing leaves until `campaign approve`.", False)
    audience: Audience = Audience()
    sender: Sender = Sender()
    cadence: Timetable = Timetable()
    hours: Opening = Opening()
    limits: Limits = Limits()
    seeds: Seeds = Seeds()
    canary: Canary = Canary()

    @property
    def rhythm(self) -> Rhythm:
        """The one rule of [cadence]."""
        cadence = self.cadence
        if cadence.every is not None:
            return cadence.every
        if cadence.on:
            return Weekdays(cadence.on)
        if cadence.days_of_month:
            return MonthDays(frozenset(cadence.days_of_month))
        if cadence.rrule:
            return Rule(cadence.rrule)
        return Dates(tuple(sorted(cadence.dates)))

    def calendar(self, started: datetime, default_zone: ZoneInfo) -> Cadence:
        """The cadence to compute with; a campaign without `start` counts from the moment it was `started`, but for a drip
        of intervals, which counts from each reader's enrolment."""
        rhythm, at = self.rhythm, self.cadence.at
        own_hour = isinstance(rhythm, Interval) or (isinstance(rhythm, Rule) and "BYHOUR" in rhythm.text.upper())
        hours = Hours(
            self.hours.weekdays or EVERY_DAY, self.hours.window, self.hours.quiet, frozenset(self.hours.holidays)
        )
        anchor = self.start or wall(started.astimezone(UTC), default_zone)
        if self.start is None and self.mode == "drip" and isinstance(rhythm, Interval):
            # Each reader's clock runs from their enrolment. The moment of the start, read as local time, would keep
            # readers west of the default zone waiting for hours.
            anchor = LONG_AGO
        return Cadence(
            rhythm=rhythm,
            anchor=anchor,
            at=at if at is not None or own_hour else HOUR_OF_DAYS,
            hours=hours,
            end=self.end,
        )

    def zone_of(self, zone: str, default_zone: str) -> str:
        """The zone in which a reader who lives in `zone` ("": unknown) gets this campaign.

        A cohort whose pages follow within hours gets them in one moment: by each reader's own clock, New York would
        get a page of `every = "10s"` five hours after London. Unless the file names hours, which are local.
        """
        if self.cadence.zone != READERS_ZONE:
            return self.cadence.zone
        if self.mode == "cohort" and self._is_timed_by_stopwatch:
            return self.cadence.default_zone or default_zone
        return zone or self.cadence.default_zone or default_zone

    @property
    def _is_timed_by_stopwatch(self) -> bool:
        """Whether pages follow within hours and nothing names a local time."""
        every = self.cadence.every
        no_hours = self.cadence.at is None and self.start is None and self.hours == Opening()
        return every is not None and every.elapsed is not None and no_hours

    def with_holidays(self, days: tuple[date, ...]) -> Definition:
        """The same with its holidays read from their file."""
        return replace(self, hours=replace(self.hours, holidays=days))


def with_sender(settings: Settings, sender: Sender) -> Settings:
    """The settings as a campaign with this sender sees them."""
    own = {key: value for key, value in asdict(sender).items() if value}
    return replace(settings, sender=replace(settings.sender, **own)) if own else settings


SECTIONS: Mapping[str, type] = {
    "audience": Audience,
    "sender": Sender,
    "cadence": Timetable,
    "hours": Opening,
    "limits": Limits,
    "seeds": Seeds,
    "canary": Canary,
}
"""The tables of a campaign file."""
