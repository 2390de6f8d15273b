"""`newsletter simulate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.campaign_flags import definition_flags, document_from
from newsletter.cli.project import looking
from newsletter.cli.terminal import counted, err, out, settings_of

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.message.keys import KeyRing
    from newsletter.scheduler.prepared import Prepared
    from newsletter.store.database import Database

USUAL = {"cadence": {"every": "3d", "at": "09:00"}}
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(context_settings={"max_content_width": 100})
@click.argument("name", metavar="CAMPAIGN|SERIES")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="How far to look.")
@click.option("--from", "start_at", metavar="DATE", help="From this day (UTC); else from now.")
@click.option("--subscriber", metavar="ADDRESS", help="Only this one, in their own time.")
@click.option("--ical", type=FILE, metavar="FILE", help="Write a calendar (.ics).")
@click.option("--to-csv", "csv_file", type=FILE, metavar="FILE", help="Write every mail as a row.")
@click.option("--html", type=FILE, metavar="FILE", help="Write a chart of the mails per hour.")
@definition_flags
@click.pass_context
def command(
    ctx: click.Context,
    /,
    name: str,
    days: int,
    start_at: str | None,
    subscriber: str | None,
    ical: Path | None,
    csv_file: Path | None,
    html: Path | None,
    **flags: Any,
) -> None:
    """Show who would get what, when, without sending: the scheduler itself, with a clock that jumps.

    A campaign that is there goes on from where it stands. Else campaigns/NAME.toml is tried out, or a series with
    the cadence of the flags (every 3 days at 09:00 if there are none).

    \b
    Example:
      newsletter simulate captains --days 90
      newsletter simulate captains --every 2w --on tue --subscriber ann.lee@acme.example
      newsletter simulate captains --html volume.html --ical captains.ics
    """
    from newsletter.campaigns.outlook_files import to_csv, to_html, to_ical
    from newsletter.campaigns.volume import jams, per_hour
    from newsletter.cli.simulation_report import print_outlook
    from newsletter.clock import SystemClock
    from newsletter.scheduler.prepare import import_audience
    from newsletter.scheduler.simulation import simulate

    settings = settings_of(ctx)
    start = _start(start_at)
    with _copy_of_project(ctx, name, subscriber) as (copy, ring):
        prepared = _prepared(settings, copy, name, document_from(name, flags))
        if prepared is not None and not subscriber:
            import_audience(copy, settings, ring, prepared.definition, SystemClock())
        with err.status("looking ahead") as shown:

            def show(moment: datetime) -> None:
                shown.update(f"looking ahead: {moment:%d %b %Y}")

            found = list(simulate(copy, settings, name, start, days, prepared, on_progress=show))
        allowed = capacity(settings, name, copy)
    span = counted(days, "day")
    if not found:
        unwritten = "; no file was written" if ical or csv_file or html else ""
        out.print(f"Nothing would go out in the next {span}{unwritten}.")
        return
    print_outlook(found, allowed, alone=bool(subscriber))
    if ical:
        ical.write_text(to_ical(found, by_reader=bool(subscriber)), encoding="utf-8", newline="")
    if csv_file:
        csv_file.write_text("".join(to_csv(found)), encoding="utf-8", newline="")
    if html:
        hours = per_hour(each.at for each in found)
        page = to_html(f"{name}: {span} from {start:%d %b %Y}", hours, allowed, list(jams(hours, allowed)))
        html.write_text(page, encoding="utf-8")
    readers = len({each.subscriber_id for each in found})
    out.print(f"{counted(len(found), 'mail')} to {counted(readers, 'reader')} in {span}.")


def _start(text: str | None) -> datetime:
    if text is None:
        from newsletter.clock import SystemClock

        return SystemClock().now().replace(microsecond=0)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a day like 2027-01-31 ({error})", param_hint="--from") from error


@contextmanager
def _copy_of_project(ctx: click.Context, name: str, address: str | None) -> Iterator[tuple[Database, KeyRing]]:
    """What the scheduler works with, in memory: of everybody, or of one reader."""
    from newsletter.audience.keys import keys_to_look
    from newsletter.errors import CampaignError
    from newsletter.scheduler.simulation import copy_of
    from newsletter.store.readers import reader_at

    with looking(ctx) as database:
        settings = settings_of(ctx)
        ring = keys_to_look(database, settings.path(settings.web.key_file))
        chosen = None
        if address is not None:
            with database.reading() as connection:
                reader = reader_at(connection, 0, name, address)
            if reader is None:
                raise CampaignError(
                    f"nobody has the address {address}", remedy="newsletter subscribers list  shows who is there."
                )
            chosen = reader.subscriber_id
        copy = copy_of(database, subscriber_id=chosen)
    try:
        yield copy, ring
    finally:
        copy.close()


def _prepared(settings: Settings, copy: Database, name: str, document: dict[str, Any] | None) -> Prepared | None:
    """What to try out: nothing for a campaign that is there, unless flags were given."""
    from newsletter.campaigns.definition_file import Source, definition_from
    from newsletter.errors import UsageError
    from newsletter.scheduler.campaign_files import list_campaign_files, read_campaign_file
    from newsletter.scheduler.prepare import prepare
    from newsletter.store.campaigns import campaign_named

    with copy.reading() as connection:
        present = campaign_named(connection, name)
    if present is not None:
        if document is not None:
            raise UsageError(
                f"campaign {name} is there already: flags would not change it",
                remedy="Leave the flags away, or simulate the series under a name without a campaign.",
            )
        return None
    if document is None and name in list_campaign_files(settings):
        return prepare(settings, name, read_campaign_file(settings, name))
    return prepare(settings, name, definition_from(document or {"series": name, **USUAL}, Source(f"simulate {name}")))


def capacity(settings: Settings, name: str, database: Database) -> int:
    """Mails an hour that the campaign's relays take together, or its own limit if that is lower; 0: no limit."""
    from newsletter.store.campaigns import campaign_named

    with database.reading() as connection:
        campaign = campaign_named(connection, name)
    relay = campaign.definition.relay if campaign else ""
    limits = []
    for each in [settings.relays[relay]] if relay in settings.relays else settings.relays.values():
        by_second = int(each.per_second * 3600)
        limits.append(min(limit for limit in (each.per_hour, by_second) if limit) if each.per_hour or by_second else 0)
    together = 0 if 0 in limits else sum(limits)
    own = campaign.definition.limits.per_hour if campaign else 0
    return min(together, own) if together and own else together or own
