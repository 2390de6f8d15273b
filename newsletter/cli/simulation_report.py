"""A simulation on the terminal: a table of days, a calendar heat-map, and warnings about capacity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

from rich.table import Table
from rich.text import Text

from newsletter.campaigns.outlook_files import Sending
from newsletter.campaigns.volume import Jam, jams, per_day, per_hour
from newsletter.cli.terminal import counted, err, out, print_table

SHADES = ("grey23", "#0e4429", "#006d32", "#26a641", "#39d353")
SIGNS = "·░▒▓█"
MOST_DAYS = 40
MOST_SENDINGS = 400


def print_outlook(sendings: Sequence[Sending], allowed: int, *, alone: bool) -> None:
    """A simulation as a whole; `alone`: of one reader. `allowed` is what the relays take in an hour, 0 for no limit."""
    days = per_day(each.at for each in sendings)
    if alone:
        print_sendings(sendings)
    else:
        print_days(sendings, days)
    print_heat_map(days)
    print_jams(list(jams(per_hour(each.at for each in sendings), allowed)))


def print_days(sendings: Sequence[Sending], days: Mapping[datetime, int]) -> None:
    """Which pages go out on which day (UTC)."""
    pages: dict[datetime, Counter[str]] = {}
    for each in sendings:
        day = each.at.replace(hour=0, minute=0, second=0, microsecond=0)
        pages.setdefault(day, Counter())[each.page_id] += 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("day (UTC)", no_wrap=True)
    table.add_column("mails", justify="right")
    table.add_column("pages")
    for day, count in list(days.items())[:MOST_DAYS]:
        named = ", ".join(f"{page} {number:,}" for page, number in pages[day].most_common(6))
        table.add_row(f"{day:%a %d %b %Y}", f"{count:,}", named)
    print_table(table)
    if len(days) > MOST_DAYS:
        out.print(f"… and {len(days) - MOST_DAYS:,} more days; --to-csv FILE has all of them.")


def print_sendings(sendings: Sequence[Sending]) -> None:
    """Each mail of one reader, in their own time."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("local time", "zone", "page", "UTC"):
        table.add_column(name, no_wrap=name in ("local time", "UTC"), overflow="fold")  # a time is never cut short
    for each in sendings[:MOST_SENDINGS]:
        table.add_row(f"{each.local:%a %d %b %Y %H:%M}", each.zone, each.page_id, f"{each.at:%d %b %H:%M}")
    print_table(table)
    if len(sendings) > MOST_SENDINGS:
        out.print(f"… and {len(sendings) - MOST_SENDINGS:,} more mails; --to-csv FILE has all of them.")


def print_heat_map(days: Mapping[datetime, int]) -> None:
    """One square for each day, a column for each week, darker to brighter by the number of mails."""
    if not days:
        return
    first, last = min(days), max(days)
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    most = max(days.values())
    width = max(8, out.width - 6)
    for start in range(0, weeks, width // 2):
        shown = range(start, min(weeks, start + width // 2))
        out.print(_months(monday, shown))
        for weekday in range(7):
            line = Text(f"{(monday + timedelta(days=weekday)):%a} ", style="dim")
            for week in shown:
                day = monday + timedelta(days=7 * week + weekday)
                level = 0 if not days.get(day) else ceil(4 * days[day] / most)
                inside = first <= day <= last
                line.append(f"{SIGNS[level]} " if inside else "  ", style=SHADES[level])
            line.rstrip()
            out.print(line)
    out.print(Text(f"    {SIGNS[0]} none   {SIGNS[4]} up to {counted(most, 'mail')} a day", style="dim"))


def _months(monday: datetime, weeks: range) -> Text:
    line = ""
    named = None
    for week in weeks:
        day = monday + timedelta(days=7 * week + 6)
        if day.month != named and len(line) <= 2 * (week - weeks.start):
            line = line.ljust(2 * (week - weeks.start)) + f"{day:%b} "
            named = day.month
    return Text(f"    {line.rstrip()}", style="dim")


def print_jams(found: Sequence[Jam]) -> None:
    """Where the relays can't keep up."""
    for jam in found[:10]:
        err.print(Text(f"warning: {jam}", style="yellow"))
    if len(found) > 10:
        err.print(f"… and {len(found) - 10:,} more such hours")
