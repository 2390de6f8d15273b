"""`newsletter campaign`: plan, start and change campaigns, and look after their readers."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.campaign_clicks import clicks
from newsletter.cli.campaign_flags import definition_flags, document_from
from newsletter.cli.campaign_readers import READER_COMMANDS
from newsletter.cli.choices import OrderedGroup
from newsletter.cli.project import looking, opened
from newsletter.cli.terminal import counted, err, out, print_findings, settings_of

if TYPE_CHECKING:
    from newsletter.campaigns.definition import Definition
    from newsletter.clock import Clock
    from newsletter.config import Settings
    from newsletter.message.keys import KeyRing
    from newsletter.store.database import Database


@click.group(cls=OrderedGroup)
def command() -> None:
    """Plan, start, pause, resume, cancel and watch campaigns.

    A campaign is a series, an audience and a cadence: a file campaigns/NAME.toml, or the flags of `start`.

    \b
    Example:
      newsletter campaign start captains --every 3d --at 09:00
      newsletter campaign status
      newsletter campaign why captains ann.lee@acme.example
    """


def _clock() -> Clock:
    from newsletter.clock import SystemClock

    return SystemClock()


def _definition(settings: Settings, name: str) -> Definition:
    from newsletter.scheduler.campaign_files import read_campaign_file

    return read_campaign_file(settings, name)


@command.command()
@click.argument("name")
@click.pass_context
def plan(ctx: click.Context, name: str) -> None:
    """Say what `apply` would change, and change nothing.

    \b
    Example:
      newsletter campaign plan captains
    """
    from newsletter.audience.keys import keys_to_look
    from newsletter.campaigns.changes import describe
    from newsletter.scheduler.apply import plan as plan_it
    from newsletter.scheduler.prepare import import_audience, prepare

    settings = settings_of(ctx)
    with looking(ctx) as database:
        prepared = prepare(settings, name, _definition(settings, name))
        print_findings((*prepared.broken, *prepared.findings))
        csv = prepared.definition.audience.csv
        with _trial(settings, database, on_a_copy=bool(csv)) as trial:
            if csv:
                ring = keys_to_look(database, settings.path(settings.web.key_file))
                report = import_audience(trial, settings, ring, prepared.definition, _clock())
                out.print(f"{csv}: {report}", markup=False)
            for line in describe(plan_it(trial, settings, prepared, _clock())):
                out.print(line, markup=False)


@contextmanager
def _trial(settings: Settings, database: Database, *, on_a_copy: bool) -> Iterator[Database]:
    """Where applying is tried out: the real database, in which that is rolled back, or a copy in memory where people
    would be imported or nothing may be written."""
    from newsletter.scheduler.simulation import copy_of
    from newsletter.store.database import open_database

    file = database.engine.url.database  # None: there is no database yet
    places = [] if database.is_postgresql or not file else [Path(file), Path(file).parent]
    is_writable = file is not None and all(os.access(place, os.W_OK) for place in places)
    trial = copy_of(database) if on_a_copy or not is_writable else open_database(settings.database_url)
    try:
        yield trial
    finally:
        trial.close()


@command.command()
@click.argument("name")
@click.pass_context
def apply(ctx: click.Context, name: str) -> None:
    """Put campaigns/NAME.toml and the pages as they are now in force.

    \b
    Example:
      newsletter campaign apply captains
    """
    settings = settings_of(ctx)
    with opened(ctx) as (database, ring):
        _put_in_force(settings, database, ring, name, _definition(settings, name))


@command.command(context_settings={"max_content_width": 100})
@click.argument("series")
@click.option("--name", metavar="NAME", help="Name of the campaign; else that of the series.")
@definition_flags
@click.pass_context
def start(ctx: click.Context, /, series: str, name: str | None, **flags: Any) -> None:
    """Start a campaign from flags; without flags, apply campaigns/SERIES.toml.

    \b
    Example:
      newsletter campaign start captains --every 3d --at 09:00
      newsletter campaign start captains --on mon,thu --tag founders --mode cohort
    """
    from newsletter.campaigns.definition_file import Source, definition_from
    from newsletter.scheduler.campaign_files import refuse_bad_name

    settings = settings_of(ctx)
    document = document_from(series, flags)
    name = name or series
    refuse_bad_name(name)
    if document is None:
        definition = _definition(settings, name)
    else:
        definition = definition_from(document, Source(f"campaign {name}"))
    with opened(ctx) as (database, ring):
        _put_in_force(settings, database, ring, name, definition)


def _put_in_force(settings: Settings, database: Database, ring: KeyRing, name: str, definition: Definition) -> None:
    from newsletter.campaigns.changes import describe
    from newsletter.scheduler.apply import apply as apply_it
    from newsletter.scheduler.newcomers import enroll_known
    from newsletter.scheduler.prepare import import_audience, prepare

    prepared = prepare(settings, name, definition)
    print_findings((*prepared.broken, *prepared.findings))
    if report := import_audience(database, settings, ring, definition, _clock()):
        out.print(f"{definition.audience.csv}: {report}", markup=False)
    for line in describe(apply_it(database, settings, prepared, _clock(), who=getpass.getuser())):
        out.print(line, markup=False)
    enrolled = enroll_known(database, name, _clock())
    if enrolled:
        out.print(f"{counted(enrolled, 'subscriber')} enrolled; `newsletter run` sends what is due.")


@command.command()
@click.argument("name", required=False)
@click.option("--readers", is_flag=True, help="How far each reader is.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or machines.")
@click.pass_context
def status(ctx: click.Context, name: str | None, readers: bool, form: str) -> None:
    """Show how campaigns stand, and how far their readers are.

    \b
    Example:
      newsletter campaign status
      newsletter campaign status captains --readers
    """
    from newsletter.cli.campaign_status import as_json, print_all, print_one, print_readers
    from newsletter.scheduler.operate import known_campaign
    from newsletter.scheduler.status import all_status, status_of

    if readers and not name:
        raise click.UsageError("--readers needs the NAME of a campaign")
    with looking(ctx) as database, database.reading() as connection:
        found = [status_of(connection, known_campaign(connection, name))] if name else all_status(connection)
        if form == "json":
            click.echo(as_json(connection, found, with_readers=readers))
        elif readers:
            print_readers(connection, found[0])
        elif name:
            print_one(found[0])
        else:
            print_all(found)


def _turning(action: str, done: str, already: str, doc: str) -> None:
    """Add the command `action`, which turns a campaign into another state."""

    @command.command(action, help=f"{doc}\n\n\b\nExample:\n  newsletter campaign {action} captains")
    @click.argument("name")
    @click.pass_context
    def turn(ctx: click.Context, name: str) -> None:
        from newsletter.scheduler import operate

        act: Callable[..., bool] = getattr(operate, action)
        with opened(ctx) as (database, _):
            changed = act(database, name, _clock(), who=getpass.getuser())
        out.print(f"{name} {done if changed else already}.", markup=False)


_turning("pause", "is paused: nothing more leaves", "is paused already", "Stop sending at once; `resume` goes on.")
_turning("resume", "is running again", "is running already", "Go on: whoever is overdue gets one page, at a sane hour.")
_turning("approve", "is approved and running", "is running already", "Let a campaign with require_approval begin.")
_turning("cancel", "is cancelled", "is cancelled already", "End a campaign for good; nothing planned leaves any more.")


@command.command()
@click.argument("name")
@click.argument("page")
@click.option("--dry-run", is_flag=True, help="Only count who would get it.")
@click.pass_context
def errata(ctx: click.Context, name: str, page: str, dry_run: bool) -> None:
    """Mail a corrected page to those who got the wrong one. Mend the page and `apply` first.

    \b
    Example:
      newsletter campaign apply captains
      newsletter campaign errata captains 2
    """
    from newsletter.scheduler import operate

    if dry_run:
        with looking(ctx) as database:
            count = operate.count_errata_of(database, name, page)
        out.print(f"{counted(count, 'reader')} got another version of this page.")
        return
    with opened(ctx) as (database, _):
        count = operate.errata(database, name, page, _clock(), who=getpass.getuser())
    out.print(f"{counted(count, 'reader')} will get the corrected page.")


@command.command()
@click.argument("name")
@click.argument("outcome", type=click.Choice(["sent", "again", "failed"]))
@click.option("--subscriber", metavar="ADDRESS", default="", help="Only this reader's; else all of them.")
@click.pass_context
def resolve(ctx: click.Context, name: str, outcome: str, subscriber: str) -> None:
    """Decide about mails of which nobody knows whether they left (`status` lists them).

    `sent`: they arrived; `again`: send them once more, under the same Message-ID; `failed`: give them up.

    \b
    Example:
      newsletter campaign resolve captains again --subscriber ann.lee@acme.example
    """
    from newsletter.scheduler import operate

    state = "due" if outcome == "again" else outcome
    with opened(ctx) as (database, _):
        count = operate.resolve(database, name, state, _clock(), who=getpass.getuser(), address=subscriber)
    out.print(f"{counted(count, 'mail')} decided.")


@command.command()
@click.argument("name", required=False)
@click.pass_context
def log(ctx: click.Context, name: str | None) -> None:
    """Show what operators did, the latest first.

    \b
    Example:
      newsletter campaign log captains
    """
    from newsletter.cli.campaign_status import print_log
    from newsletter.store.audits import actions_on
    from newsletter.store.subscribers import subscriber_by_id

    with looking(ctx) as database, database.reading() as connection:
        actions = actions_on(connection, name)
        readers = {each.detail["reader"] for each in actions if "reader" in each.detail}
        people = [person for reader in readers if (person := subscriber_by_id(connection, reader))]
    if actions:
        print_log(actions, {person.id: person.subscriber.address for person in people})
    else:
        err.print("Nothing has been done yet.")


for each in (*READER_COMMANDS, clicks):
    command.add_command(each)
