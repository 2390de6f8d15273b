"""campaigns/NAME.toml ↔ Definition, and Definition ↔ JSON for the database."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints

from newsletter.campaigns.definition import READERS_ZONE, SECTIONS, Definition
from newsletter.campaigns.hours import Span
from newsletter.campaigns.rhythm import Interval, comes_at_all
from newsletter.campaigns.wall_time import zone_named, zone_names
from newsletter.errors import CampaignError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RHYTHMS = ("every", "on", "days_of_month", "rrule", "dates")
LEAP_DAY = datetime.fromisoformat("2028-02-29")
LARGEST = 2**31 - 1
"""What a database and a count of mails can hold."""
TOO_FINE = ("SECONDLY", "MINUTELY", "HOURLY")
YEARS = range(1970, 2200)
"""Years a calendar can be computed in: near 1 and 9999 a day more or a zone's offset has no date any more."""


@dataclass(frozen=True)
class Source:
    """Where a definition comes from, so that a message can name file, key and line."""

    name: str
    text: str = ""

    def line_of(self, key: str) -> int | None:
        """The 1-based line on which `cadence.every` stands."""
        section, _, name = key.rpartition(".")
        inside = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[+\s*([\w.-]+)\s*\]+", line):
                inside = header.group(1)
                if inside == key:
                    return number
            elif inside == section and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
                return number
        return None

    def error(self, key: str, message: str, remedy: str = "") -> CampaignError:
        """The error to raise about `key`."""
        return CampaignError(f"{key}: {message}", where=self.name, line=self.line_of(key), remedy=remedy)


def parse_definition(text: str, *, name: str, dates_of: Callable[[str], tuple[date, ...]]) -> Definition:
    """Read a campaign file. `dates_of` reads the holidays' file that it may name.

    Raises CampaignError, naming file, key and line, for anything that can't be meant: unknown keys, impossible
    dates, zones that don't exist, no rhythm or two.
    """
    source = Source(name, text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else max(1, len(text.splitlines()))  # "at end of document"
        raise CampaignError(f"is not TOML: {error}", where=name, line=line) from error
    except RecursionError as error:
        raise CampaignError("is not a campaign file: its lists are nested too deep", where=name) from error
    if isinstance(document.get("hours"), dict) and isinstance(document["hours"].get("holidays"), str):
        document["hours"]["holidays"] = list(dates_of(document["hours"]["holidays"]))
    return definition_from(document, source)


def definition_from(document: Mapping[str, Any], source: Source) -> Definition:
    """A checked Definition from the tables of a file, the flags of a command, or the database's JSON.

    `audience = "all"` says the same as no audience. Raises CampaignError.
    """
    sections: dict[str, Any] = {}
    for name, kind in SECTIONS.items():
        table = document.get(name, {})
        if name == "audience" and table == "all":
            table = {}
        if not isinstance(table, dict):
            raise source.error(name, "is a table", f"Write [{name}] on a line of its own, its keys below.")
        sections[name] = kind(**_values(kind, table, f"{name}.", source))
    top = {key: value for key, value in document.items() if key not in SECTIONS}
    definition = Definition(**_values(Definition, top, "", source), **sections)
    _refuse_impossible(definition, source)
    return definition


def definition_to_json(definition: Definition) -> dict[str, Any]:
    """What the database keeps: only what differs from the defaults, in the words of the file."""
    document: dict[str, Any] = {}
    for item in fields(Definition):
        value = getattr(definition, item.name)
        if item.name in SECTIONS:
            table = {
                part.name: _plain(getattr(value, part.name), part.name)
                for part in fields(value)
                if getattr(value, part.name) != part.default
            }
            if table:
                document[item.name] = table
        elif value != item.default:
            document[item.name] = _plain(value, item.name)
    return document


def words_of_defaults(kind: type) -> dict[str, Any]:
    """Key → its default, in the words of the file, for the keys of one table (Definition: those outside of tables)."""
    return {
        item.name: _plain(item.default, item.name)
        for item in fields(kind)
        if not (kind is Definition and item.name in SECTIONS)
    }


def parse_interval(text: str) -> Interval:
    """`3d` → Interval. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,5})\s*([smhdw])", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a time span like 3d, 2w, 6h, 30m or 10s")
    return Interval(int(found.group(1)), found.group(2))


def parse_clock(text: str) -> time:
    """`09:00` → time. Raises ValueError."""
    if not re.fullmatch(r"\d{1,2}:\d{2}", text.strip()):
        raise ValueError(f"{text!r} is not a time of day like 09:00")
    hour, minute = map(int, text.split(":"))
    if hour > 23 or minute > 59:
        raise ValueError(f"there is no {text}; a day has 00:00 to 23:59")
    return time(hour, minute)


def parse_span(text: str) -> Span:
    """`22:00-07:00` → Span. Raises ValueError."""
    start, dash, end = re.sub("[–—]", "-", text).partition("-")
    if not dash:
        raise ValueError(f"{text!r} is not a span like 22:00-07:00")
    return Span(parse_clock(start), parse_clock("00:00" if end.strip() == "24:00" else end))


def parse_day(value: Any) -> date:
    """A TOML date or `2026-12-24` → date. Raises ValueError."""
    try:
        day = date.fromisoformat(str(value.date() if isinstance(value, datetime) else value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a day like 2026-12-24 ({error})") from error
    refuse_far_year(day)
    return day


def refuse_far_year(day: date) -> None:
    """Raises ValueError for a day with which no calendar can be computed."""
    if day.year not in YEARS:
        raise ValueError(f"the year {day.year} is not between {YEARS.start} and {YEARS.stop - 1}")


def _values(kind: type, table: Mapping[str, Any], prefix: str, source: Source) -> dict[str, Any]:
    known = [item.name for item in fields(kind) if item.name not in SECTIONS or kind is not Definition]
    hints = get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key not in known:
            choices = [*known, *(SECTIONS if kind is Definition else ())]
            close = get_close_matches(key, choices, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(choices)}."
            raise source.error(f"{prefix}{key}", "nobody knows this key", hint)
        try:
            values[key] = _typed(value, hints[key], key)
        except ValueError as error:
            raise source.error(f"{prefix}{key}", str(error)) from error
    return values


def _typed(value: Any, hint: Any, key: str) -> Any:
    """`value` as the field's type. Raises ValueError saying what would do."""
    options = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(hint) is Literal:
        if value not in options:
            raise ValueError(f"{value!r} is not one of {', '.join(map(repr, options))}")
        return value
    if type(None) in get_args(hint):
        hint = options[0]
    if hint in READERS:
        if hint is not date and hint is not datetime and not isinstance(value, str):
            raise ValueError(f"{value!r} should be a text in quotes")
        return READERS[hint](value)
    if get_origin(hint) in (tuple, frozenset):
        if not isinstance(value, list | tuple):
            raise ValueError(f"{value!r} should be a list: [ … ]")
        if get_origin(hint) is frozenset:
            return frozenset(_weekday(day) for day in value)
        return tuple(_typed(item, get_args(hint)[0], key) for item in value)
    if type(value) is int and abs(value) > LARGEST:
        raise ValueError(f"a number of {len(str(abs(value)))} digits is too large")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        words = {str: "a text in quotes", int: "a whole number", bool: "true or false", float: "a number"}
        raise ValueError(f"{value!r} should be {words[hint]}")
    return value


def _start(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a day or time like 2026-12-24 or 2026-12-24T09:00 ({error})") from error
    if not isinstance(value, date):
        raise ValueError(f"{value!r} is not a day or time like 2026-12-24 or 2026-12-24T09:00")
    refuse_far_year(value)
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    if value.tzinfo is not None:
        raise ValueError("is local time: leave the offset away")
    return value


READERS: Mapping[Any, Callable[[Any], Any]] = {
    Interval: parse_interval,
    time: parse_clock,
    Span: parse_span,
    datetime: _start,
    date: parse_day,
}


def _weekday(value: Any) -> int:
    short = str(value).lower()[:3]
    if not isinstance(value, str) or short not in WEEKDAYS:
        raise ValueError(f"{value!r} is not a day of the week; they are {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(short)


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, Interval):
        return f"{value.count}{value.unit}"
    if isinstance(value, frozenset):
        return [WEEKDAYS[day] for day in sorted(value)]
    if isinstance(value, tuple):
        return [_plain(item, key) for item in value]
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Span):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _refuse_impossible(definition: Definition, source: Source) -> None:
    if not definition.series:
        raise source.error("series", "is missing", 'Name the folder of pages: series = "unions".')
    given = [name for name in RHYTHMS if getattr(definition.cadence, name)]
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "says nothing"
        raise source.error("cadence", f"{what}; it needs exactly one of {', '.join(RHYTHMS)}", 'Such as: every = "3d".')
    _refuse_bad_times(definition, source)
    audience = [name for name in ("segment", "tags", "csv") if getattr(definition.audience, name)]
    if len(audience) > 1:
        raise source.error(f"audience.{audience[1]}", f"stands beside {audience[0]}; one of them says it all")
    for key, value in (("limits.per_day", definition.limits.per_day), ("limits.per_day_overall", definition.limits.per_day_overall), ("limits.per_hour", definition.limits.per_hour), ("canary.readers", definition.canary.readers)):  # fmt: skip
        if value < 0:
            raise source.error(key, f"{value} is less than none")
    for key, share in (("canary.bounces", definition.canary.bounces), ("canary.complaints", definition.canary.complaints)):  # fmt: skip
        if not 0 <= share <= 100:
            raise source.error(key, f"{share} is not a percentage")


def _refuse_bad_times(definition: Definition, source: Source) -> None:
    cadence = definition.cadence
    if cadence.every is not None and cadence.every.count == 0:
        raise source.error("cadence.every", "leaves no time between pages")
    for day in cadence.days_of_month:
        if not (1 <= day <= 31 or day == -1):
            raise source.error("cadence.days_of_month", f"{day} is no day of a month; 1 to 31, or -1 for the last")
    if cadence.rrule:
        _refuse_bad_rule(cadence.rrule, source)
    for key, zone in (("cadence.zone", cadence.zone), ("cadence.default_zone", cadence.default_zone)):
        if zone not in ("", READERS_ZONE if key == "cadence.zone" else "") and zone_named(zone) is None:
            close = get_close_matches(zone, zone_names(), n=1)
            hint = f"Did you mean {close[0]!r}?" if close else "For example Europe/Paris."
            raise source.error(key, f"{zone!r} is not an IANA time zone", hint)
    if definition.start and definition.end and definition.end < definition.start.date():
        raise source.error("end", f"{definition.end} is before start")
    hours = definition.hours
    minutes = [time(hour, minute) for hour in range(24) for minute in range(60)]
    if not any(hours.window.holds(clock) and not (hours.quiet and hours.quiet.holds(clock)) for clock in minutes):
        raise source.error("hours.quiet", "leaves no minute of the day in which mail may go out")
    if cadence.on and definition.hours.weekdays and not cadence.on & definition.hours.weekdays:
        raise source.error("hours.weekdays", "leaves none of the days of [cadence] on")


def _refuse_bad_rule(rule: str, source: Source) -> None:
    if any(f"FREQ={unit}" in rule.upper().replace(" ", "") for unit in TOO_FINE):
        raise source.error("cadence.rrule", "repeats within a day", 'Use every = "6h", or BYHOUR with FREQ=DAILY.')
    if "\n" in rule or ":" in rule:
        raise source.error("cadence.rrule", "is one rule only, without DTSTART", "For example FREQ=MONTHLY;BYDAY=1MO.")
    if re.search(r"INTERVAL\s*=\s*(-|\+?0*\s*(;|$))", rule, re.IGNORECASE):  # dateutil would search for ever
        raise source.error(
            "cadence.rrule", "an INTERVAL of 0 or less never moves on", "Leave INTERVAL away, or 1 and more."
        )
    if re.search(r"UNTIL\s*=\s*\w+Z", rule, re.IGNORECASE):
        raise source.error("cadence.rrule", "UNTIL is in the reader's local time", "Leave the Z at its end away.")
    try:
        comes = comes_at_all(rule, LEAP_DAY)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise source.error(
            "cadence.rrule", f"{rule!r} is not a rule of RFC 5545: {error}", "For example FREQ=MONTHLY;BYDAY=1MO."
        ) from error
    if not comes:
        raise source.error("cadence.rrule", f"{rule!r} names no day that ever comes")
