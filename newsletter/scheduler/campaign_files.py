"""campaigns/NAME.toml on the disk, and the calendar of holidays it may name."""

from __future__ import annotations

import re
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from stat import S_ISREG

from newsletter.campaigns.definition import Definition
from newsletter.campaigns.definition_file import Source, parse_definition, refuse_far_year
from newsletter.config import Settings
from newsletter.errors import CampaignError

LARGEST_FILE = 1_000_000
"""Bytes. A campaign or a country's holidays take a few thousand; more than this is some other file."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def list_campaign_files(settings: Settings) -> tuple[str, ...]:
    """The names of the campaigns that have a file."""
    return tuple(sorted(file.stem for file in settings.path(settings.site.campaigns).glob("*.toml")))


def read_campaign_file(settings: Settings, name: str) -> Definition:
    """Read campaigns/NAME.toml. Raises CampaignError, naming file, key and line."""
    refuse_bad_name(name)
    file = settings.path(settings.site.campaigns) / f"{name}.toml"
    try:
        text = _text_of(file)
    except FileNotFoundError as error:
        names = list_campaign_files(settings)
        close = get_close_matches(name, names, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(names) or 'none'}."
        raise CampaignError("there is no such campaign file", where=file, remedy=hint) from error
    except UnicodeDecodeError as error:
        raise CampaignError("is not UTF-8", where=file, remedy="Save it as UTF-8.") from error
    except OSError as error:
        raise CampaignError(f"can't be read: {error.strerror}", where=file) from error
    return parse_definition(text, name=str(file), dates_of=lambda named: read_holidays(file.parent / named))


def place_of(settings: Settings, name: str, key: str) -> tuple[str, int | None]:
    """Where the campaign `name` says `key`: its file and the line; its name only, if that came from flags."""
    file = settings.path(settings.site.campaigns) / f"{name}.toml"
    if not file.is_file():
        return name, None
    line = Source(str(file), file.read_text(encoding="utf-8-sig", errors="replace")).line_of(key)
    return (str(file), line) if line else (name, None)


def refuse_bad_name(name: str) -> None:
    """Raises CampaignError for a name that could not be a file's or would confuse in a report."""
    if not NAME.fullmatch(name):
        raise CampaignError(
            f"{name!r} is no name for a campaign",
            remedy="Use small letters, digits, - and _, 64 of them at most, for example unions-2027.",
        )


def read_holidays(file: Path) -> tuple[date, ...]:
    """The days in an iCalendar file (whole-day events) or in a text file with a day like 2026-12-25 on each line.

    Raises CampaignError for a file that can't be read or a day that does not exist.
    """
    try:
        text = _text_of(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CampaignError(f"hours.holidays: this file can't be read: {reason}", where=file) from error
    days = _from_ics(text, file) if "BEGIN:VCALENDAR" in text else _from_lines(text, file)
    return tuple(sorted(days))


def _text_of(file: Path) -> str:
    """The text of an ordinary file: reading a pipe would wait for ever."""
    found = file.stat()
    if not S_ISREG(found.st_mode):
        raise CampaignError("is not an ordinary file", where=file)
    if found.st_size > LARGEST_FILE:
        raise CampaignError(
            f"has {found.st_size:,} bytes, more than the {LARGEST_FILE:,} that such a file may have", where=file
        )
    return file.read_text(encoding="utf-8-sig")


def _from_lines(text: str, file: Path) -> set[date]:
    days = set()
    for number, line in enumerate(text.splitlines(), 1):
        day = line.partition("#")[0].strip()
        if day:
            days.add(_day(day.split()[0], file, number))
    return days


def _from_ics(text: str, file: Path) -> set[date]:
    """DTSTART to DTEND (RFC 5545 §3.6.1: the end is the day after the last).

    An event that repeats is refused: taken for one day, it would let mail go out on the same holiday of the next year.
    """
    days: set[date] = set()
    start: date | None = None
    end: date | None = None
    for number, line in enumerate(re.sub(r"\r?\n[ \t]", "", text).splitlines(), 1):
        name, _, value = line.partition(":")
        key = name.partition(";")[0].upper()
        if key == "BEGIN" and value == "VEVENT":
            start = end = None
        elif key in ("RRULE", "RDATE"):
            raise CampaignError(
                "hours.holidays: this event repeats, and only single days are followed",
                where=file,
                line=number,
                remedy="Write each day out, for example in a text file with one day on each line.",
            )
        elif key in ("DTSTART", "DTEND"):
            day = _day(f"{value[:4]}-{value[4:6]}-{value[6:8]}", file, number)
            start, end = (day, end) if key == "DTSTART" else (start, day)
        elif key == "END" and value == "VEVENT" and start is not None:
            last = end if end is not None and end > start else start + timedelta(days=1)
            days |= {start + timedelta(days=ahead) for ahead in range(min((last - start).days, 366))}
    return days


def _day(text: str, file: Path, line: int) -> date:
    try:
        day = date.fromisoformat(text)
        refuse_far_year(day)
    except ValueError as error:
        raise CampaignError(f"{text!r} is not a day like 2026-12-25 ({error})", where=file, line=line) from error
    return day
