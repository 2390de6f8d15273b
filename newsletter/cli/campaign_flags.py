"""The flags of `campaign start`: a campaign file without the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

FLAGS: tuple[tuple[str, str, str, str, bool], ...] = (
    ("every", "cadence.every", "SPAN", "Time between pages: 3d, 2w, 6h, 30m, 10s.", False),
    ("on", "cadence.on", "DAYS", "Days of the week: mon,thu.", True),
    ("days-of-month", "cadence.days_of_month", "DAYS", "Days of the month: 1,15; -1 is the last.", True),
    ("rrule", "cadence.rrule", "RULE", "A rule of RFC 5545: FREQ=MONTHLY;BYDAY=1MO.", False),
    ("dates", "cadence.dates", "DATES", "These days: 2026-12-01,2026-12-24.", True),
    ("at", "cadence.at", "HH:MM", "Local hour.", False),
    ("zone", "cadence.zone", "ZONE", "`subscriber` (each reader's own) or one IANA zone for all.", False),
    ("default-zone", "cadence.default_zone", "ZONE", "Zone of readers who have none; else the site's.", False),
    ("mode", "mode", "drip|cohort", "Each reader's own clock, or everyone together.", False),
    ("start", "start", "DATE", "Nothing is due before.", False),
    ("end", "end", "DATE", "Nothing is due after.", False),
    ("segment", "audience.segment", "SEGMENT", "Only this segment, or an expression.", False),
    ("tag", "audience.tags", "TAGS", "Only subscribers with one of these tags.", True),
    ("csv", "audience.csv", "FILE", "Import this CSV file and enroll its people.", False),
    ("sender-name", "sender.name", "NAME", "Display name in From.", False),
    ("sender-address", "sender.address", "ADDRESS", "Address in From.", False),
    ("reply-to", "sender.reply_to", "ADDRESS", "Address in Reply-To.", False),
    ("relay", "relay", "NAME", "The relay of newsletter.toml to use.", False),
    ("weekdays", "hours.weekdays", "DAYS", "Only on these days of the week.", True),
    ("window", "hours.window", "SPAN", "Only between these hours: 08:00-20:00.", False),
    ("quiet", "hours.quiet", "SPAN", "Never between these hours: 22:00-07:00.", False),
    ("holidays", "hours.holidays", "DATES", "Never on these days.", True),
    ("per-day", "limits.per_day", "N", "At most N pages of this campaign to one reader a day.", False),
    ("per-day-overall", "limits.per_day_overall", "N", "At most N pages of all campaigns to one reader a day.", False),
    ("per-hour", "limits.per_hour", "N", "At most N mails of this campaign an hour.", False),
    ("seeds", "seeds.addresses", "ADDRESSES", "They get each page first.", True),
    ("seeds-wait", "seeds.wait", "SPAN", "Everybody else waits so long after them: 2h.", False),
    ("canary", "canary.readers", "N", "N readers first; too many bounces pause the campaign.", False),
    ("canary-wait", "canary.wait", "SPAN", "Watch their bounces so long: 1h.", False),
    ("canary-bounces", "canary.bounces", "PERCENT", "Pause above so many bounces.", False),
    ("canary-complaints", "canary.complaints", "PERCENT", "Pause above so many complaints.", False),
    ("tracking", "tracking", "none|clicks", "Count clicks per link, never per reader.", False),
    ("crash-policy", "crash_policy", "hold|resend", "What to do with mails that may or may not have left.", False),
)
"""Flag, key of the campaign file, metavar, help, whether it is a list."""

SWITCHES = (
    ("evergreen", "evergreen", "Readers who have finished go on when pages are appended."),
    ("require-approval", "require_approval", "Nothing leaves until `campaign approve`."),
)

NUMBERS: dict[str, type[int] | type[float]] = {
    "limits.per_day": int,
    "limits.per_day_overall": int,
    "limits.per_hour": int,
    "canary.readers": int,
    "canary.bounces": float,
    "canary.complaints": float,
}
NUMBER_LISTS = frozenset({"cadence.days_of_month"})


def definition_flags(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command every flag; they arrive as keyword arguments."""
    for name, _, doc in reversed(SWITCHES):
        function = click.option(f"--{name}", is_flag=True, help=doc)(function)
    for name, _, metavar, doc, _ in reversed(FLAGS):
        function = click.option(f"--{name}", _argument(name), metavar=metavar, help=doc)(function)
    return function


def document_from(series: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """The tables of a campaign file that these flags stand for; None when no flag was given.

    Raises BadParameter for a number that is none.
    """
    document: dict[str, Any] = {}
    for name, key, _, _, is_list in FLAGS:
        value = values[_argument(name)]
        if value is not None:
            _put(document, key, _value(name, key, value, is_list))
    for name, key, _ in SWITCHES:
        if values[_argument(name)]:
            _put(document, key, True)
    return {"series": series, **document} if document else None


def _value(name: str, key: str, text: str, is_list: bool) -> Any:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        if key in NUMBERS:
            return NUMBERS[key](text)
        if key in NUMBER_LISTS:
            return [int(part) for part in parts]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a number", param_hint=f"--{name}") from error
    return parts if is_list else text


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    section, _, name = key.rpartition(".")
    (document.setdefault(section, {}) if section else document)[name] = value


def _argument(name: str) -> str:
    return name.replace("-", "_")
