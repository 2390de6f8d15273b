"""A simulation as files: iCalendar (RFC 5545), CSV, and an HTML chart of the volume per hour."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from io import StringIO
from math import ceil
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.campaigns.volume import Jam
from newsletter.campaigns.wall_time import wall, zone_named

LINE_OCTETS = 75
"""RFC 5545 §3.1: longer lines are folded."""

EVENT_MINUTES = 15

LOOK = """
:root { color-scheme: light dark; --ink: #111827; --ground: #f9fafb; --card: #fff; --line: #d1d5db; --jam: #b91c1c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e7eb; --ground: #0b0f19; --card: #171d2b; --line: #374151; --jam: #fca5a5 }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1140px; margin: 40px auto; padding: 0 20px; color: var(--ink);
  background: var(--ground) }
h1 { font-size: 24px; margin: 0 }
figure { background: var(--card); border-radius: 12px; padding: 12px; margin: 24px 0; box-shadow: 0 1px 3px #0002 }
.wide { overflow-x: auto }
svg { display: block; width: 100%; min-width: 960px; height: auto }
svg text { fill: var(--ink) !important }
svg .guides path, svg .line { stroke: var(--line) !important }
.legend { margin: 8px 16px; font-size: 14px }
.legend span { display: inline-block; margin-right: 12px }
i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 4px }
.mail { background: #2563eb } .above { background: #dc2626 } .jam li { color: var(--jam) }
"""

SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)
"""pygal leaves its settings in the drawing as a script, for a viewer that is not there."""


class Sending(NamedTuple):
    """One mail as it would go out. `at` is in UTC, `zone` the reader's."""

    at: datetime
    zone: str
    address: str
    subscriber_id: int
    campaign: str
    page_id: str

    @property
    def local(self) -> datetime:
        """What the clock on the reader's wall shows (naive)."""
        return wall(self.at, zone_named(self.zone) or ZoneInfo("UTC"))


def to_csv(sendings: Iterable[Sending]) -> Iterable[str]:
    """The rows, header first. A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    yield "utc,local,zone,address,campaign,page\r\n"
    for sending in sendings:
        cells = (
            f"{sending.at:%Y-%m-%dT%H:%M:%SZ}",
            f"{sending.local:%Y-%m-%d %H:%M:%S}",
            sending.zone,
            sending.address,
            sending.campaign,
            sending.page_id,
        )
        line = StringIO()
        csv.writer(line).writerow([f"'{cell}" if cell[:1] in "=+-@\t\r" else cell for cell in cells])
        yield line.getvalue()


def to_ical(sendings: Sequence[Sending], *, by_reader: bool) -> str:
    """A calendar: one event for each mail of a reader, or one for all mails of a page that go out at one moment."""
    events = _of_a_reader(sendings) if by_reader else _of_everybody(sendings)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//newsletter//simulate//EN"]
    for key, at, summary in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{key}@newsletter.invalid",
            f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}",
            f"DTSTART:{at:%Y%m%dT%H%M%SZ}",
            f"DTEND:{at + timedelta(minutes=EVENT_MINUTES):%Y%m%dT%H%M%SZ}",
            f"SUMMARY:{_ical_text(summary)}",
            "END:VEVENT",
        ]
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _of_a_reader(sendings: Sequence[Sending]) -> Iterable[tuple[str, datetime, str]]:
    for each in sendings:
        key = f"{each.campaign}-{each.page_id}-{each.subscriber_id}-{each.at:%Y%m%d%H%M%S}"
        yield key, each.at, f"{each.campaign}: {each.page_id} to {each.address}"


def _of_everybody(sendings: Sequence[Sending]) -> Iterable[tuple[str, datetime, str]]:
    together: dict[tuple[datetime, str, str], int] = {}
    for each in sendings:
        key = (each.at, each.campaign, each.page_id)
        together[key] = together.get(key, 0) + 1
    for (at, campaign, page_id), count in together.items():
        yield f"{campaign}-{page_id}-{at:%Y%m%d%H%M%S}", at, f"{campaign}: {page_id} to {_count(count, 'reader')}"


def _ical_text(text: str) -> str:
    for sign in "\\;,":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _folded(line: str) -> str:
    """RFC 5545 §3.1: at most 75 octets a line, never inside a character."""
    parts: list[bytes] = []
    part = b""
    for sign in line:
        octets = sign.encode()
        if len(part) + len(octets) > LINE_OCTETS - (1 if parts else 0):
            parts.append(part)
            part = b""
        part += octets
    return "\r\n ".join(piece.decode() for piece in [*parts, part])


def to_html(title: str, hours: Mapping[datetime, int], allowed: int, found: Sequence[Jam]) -> str:
    """A page with the volume of each busy hour as a chart, red above what the relays take (0: no limit), and where mail
    piles up. Nothing in it loads anything."""
    legend = (
        f"<p class=legend><span><i class=mail></i> mails in the hour</span> "
        f"<span><i class=above></i> more than the relays take ({allowed:,}/h)</span></p>"
    )
    warnings = "".join(f"<li>{escape(str(jam))}</li>" for jam in found)
    note = f"<ul class=jam>{warnings}</ul>" if warnings else "<p>The relays keep up with every hour.</p>"
    mails, busy = _count(sum(hours.values()), "mail"), _count(len(hours), "busy hour")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{LOOK}</style></head><body><main>
<h1>{escape(title)}</h1>
<p>{mails} in {busy}; the hours between, in which nothing goes out, are left out. Times are UTC.</p>
<figure><div class=wide tabindex=0 role=img aria-label="Mails in each hour">{_chart(hours, allowed)}</div>{legend if allowed else ""}</figure>
{note if allowed else ""}
</main></body></html>
"""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _whole_steps(most: int) -> list[int]:
    """Labels from 0 to `most` or a little more: at most seven, in steps of 1, 2 or 5 times a power of ten."""
    step = next(
        unit * 10**power for power in range(len(str(most)) + 1) for unit in (1, 2, 5) if most <= 6 * unit * 10**power
    )
    return [*range(0, most + step, step)]


def _chart(hours: Mapping[datetime, int], allowed: int) -> str:
    import pygal
    from pygal.style import Style

    # pygal leaves a finder of its plugins behind, of a kind that Python no longer knows: others' imports stumble over it.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="#374151",
        foreground_strong="#111827",
        foreground_subtle="#9ca3af",
        guide_stroke_color="#e5e7eb",
        major_guide_stroke_color="#d1d5db",
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        opacity=1,
        opacity_hover=0.8,
        colors=("#2563eb", "#dc2626"),
        font_family="system-ui, sans-serif",
        label_font_size=11,
        major_label_font_size=11,
    )
    chart = pygal.StackedBar(
        js=[],
        style=style,
        width=1100,
        height=400,
        x_label_rotation=30,
        show_legend=False,
        spacing=2,
        margin=12,
        x_labels_major_every=max(1, ceil(len(hours) / 12)),
        show_minor_x_labels=False,
        value_formatter=lambda value: f"{value:,.0f}",
        y_labels=_whole_steps(max(hours.values())),
    )
    chart.x_labels = [f"{hour:%a %d %b %H:%M}" for hour in hours]
    chart.add("mails in the hour", [min(count, allowed or count) for count in hours.values()])
    if allowed:
        chart.add("more than the relays take", [max(0, count - allowed) or None for count in hours.values()])
    return SCRIPT.sub("", chart.render(is_unicode=True, disable_xml_declaration=True))
