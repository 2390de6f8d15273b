"""`newsletter subscribers`: the people who get the mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from newsletter.cli.choices import OrderedGroup
from newsletter.cli.project import find_person, hash_of, looking, opened
from newsletter.cli.subscriber_lists import segment, suppressions
from newsletter.cli.terminal import counted, err, out, say, settings_of

if TYPE_CHECKING:
    from newsletter.audience.importing import ImportReport, Outcome, RowOutcome
    from newsletter.store.histories import History

SHOWN_ROWS = 100
OUTCOME_STYLES = {"suppressed": "cyan", "refused": "yellow"}


@click.group(cls=OrderedGroup)
def command() -> None:
    """Import, export, list, show and erase subscribers.

    \b
    Example:
      newsletter subscribers import subscribers.csv --tag founders --dry-run
      newsletter subscribers list --segment 'country = "FR"'
    """


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would become of each row, and write nothing.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Give everybody in the files this tag; repeatable.")
@click.option("--check-dns", is_flag=True, help="Refuse addresses whose domain takes no mail.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what became of each row to this CSV file.",
)
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[Path, ...],
    dry_run: bool,
    tags: tuple[str, ...],
    check_dns: bool,
    report: Path | None,
) -> None:
    """Import subscribers from CSV files (or a ZIP of them), as exported by whichever sender or spreadsheet.

    Who was unsubscribed, bounced or blocked there is suppressed here; who left here stays away.

    \b
    Example:
      newsletter subscribers import subscribed_members_export.csv unsubscribed_members_export.csv
    """
    from newsletter.audience.archives import unpacked
    from newsletter.audience.importing import import_subscribers
    from newsletter.audience.rows import clean_tag
    from newsletter.clock import SystemClock

    tags = tuple(filter(None, map(clean_tag, tags)))
    reports: list[ImportReport] = []
    with opened(ctx) as (database, ring), _report(report) as write_row:
        for file in files:
            with unpacked(file) as paths:
                for path in paths:
                    shown = [0]

                    def on_row(row: RowOutcome, name: str = path.name, shown: list[int] = shown) -> None:
                        write_row(name, row)
                        _print_row(name, row, shown)

                    with _progress(f"Importing {path.name}") as on_position:
                        done = import_subscribers(
                            database, ring, path, SystemClock(), tags=tags, dry_run=dry_run, check_dns=check_dns,
                            on_row=on_row, on_position=on_position,
                        )  # fmt: skip
                    if shown[0] > SHOWN_ROWS:
                        more = f"{path.name}: and {shown[0] - SHOWN_ROWS:,} more; --report FILE writes them all"
                        err.print(more, markup=False)
                    _print_report(done)
                    reports.append(done)
    if len(reports) > 1:
        whole = {outcome: sum(done.counts[outcome] for done in reports) for outcome in reports[0].counts}
        out.print(f"all: {_outcomes(whole)}", style="bold")
    if dry_run:
        out.print("Dry run: nothing was written.")


@command.command("export")
@click.option(
    "--segment", "expression", metavar="NAME|EXPRESSION", help="Only these; see `subscribers segment --help`."
)
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Else to standard output."
)
@click.pass_context
def export(ctx: click.Context, expression: str | None, form: str, output: Path | None) -> None:
    """Write subscribers as CSV (safe to open in a spreadsheet) or JSON.

    \b
    Example:
      newsletter subscribers export --segment 'tag("beta")' -o beta.csv
    """
    import sys

    from newsletter.audience.exporting import export_csv, export_json
    from newsletter.clock import SystemClock
    from newsletter.store.segments import condition

    with looking(ctx) as database, database.reading() as connection:
        where = condition(connection, expression, SystemClock().now()) if expression else None
        write = export_csv if form == "csv" else export_json
        if output is None:
            write(connection, sys.stdout, where)
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            count = write(connection, file, where)
        out.print(f"{output}: {counted(count, 'subscriber')}", markup=False)


@command.command("list")
@click.option(
    "--segment", "expression", metavar="NAME|EXPRESSION", help="Only these; see `subscribers segment --help`."
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="Lines at most.")
@click.pass_context
def list_(ctx: click.Context, expression: str | None, limit: int) -> None:
    """List subscribers: address, name, zone, tags.

    \b
    Example:
      newsletter subscribers list --segment 'zone = "Europe/Paris"' --limit 10
    """
    from newsletter.clock import SystemClock
    from newsletter.store.segments import condition
    from newsletter.store.subscribers import count_subscribers, list_subscribers, tags_of

    with looking(ctx) as database, database.reading() as connection:
        where = condition(connection, expression, SystemClock().now()) if expression else None
        people = list(list_subscribers(connection, where, limit=limit))
        tags = tags_of(connection, [person.id for person in people])
        total = count_subscribers(connection, where)
    for person in people:
        who = person.subscriber
        pending = "not confirmed" if person.state == "pending" else ""
        cells = (who.address, who.name, who.zone, ", ".join(tags.get(person.id, ())), pending)
        out.print("  ".join(cell for cell in cells if cell), markup=False)
    out.print(f"{len(people):,} of {total:,}", style="dim")


@command.command("show")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.pass_context
def show(ctx: click.Context, address: str, as_json: bool) -> None:
    """Show a person's whole history, and why they are or are not mailed.

    \b
    Example:
      newsletter subscribers show ann.lee@acme.example
    """
    import json

    from newsletter.audience.keys import keys_to_look
    from newsletter.audience.personal_data import personal_data
    from newsletter.store.histories import history_of

    with looking(ctx) as database:
        settings = settings_of(ctx)
        person = find_person(database, keys_to_look(database, settings.path(settings.web.key_file)), address)
        with database.reading() as connection:
            history = history_of(connection, person)
    if as_json:
        click.echo(json.dumps(personal_data(history), ensure_ascii=False, indent=2))
    else:
        _print_history(history)


@command.command("erase")
@click.argument("addresses", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def erase(ctx: click.Context, addresses: tuple[str, ...], yes: bool) -> None:
    """Erase people: all their data goes; a hash stays, so that no import brings them back.

    \b
    Example:
      newsletter subscribers erase ann.lee@acme.example
    """
    from newsletter.audience.erasing import erase as erase_person
    from newsletter.clock import SystemClock

    with opened(ctx) as (database, ring):
        for address in addresses:
            hash_of(ring, address)
        if not yes:
            click.confirm(f"Erase {', '.join(addresses)} for good?", abort=True)
        for address in addresses:
            here = erase_person(database, ring, address, SystemClock())
            out.print(f"{address}: {'erased' if here else 'was not here; an import will refuse it'}", markup=False)


@command.command("tag")
@click.argument("tag")
@click.argument("addresses", nargs=-1)
@click.option("--segment", "expression", metavar="NAME|EXPRESSION", help="Everybody in this segment.")
@click.pass_context
def tag(ctx: click.Context, tag: str, addresses: tuple[str, ...], expression: str | None) -> None:
    """Give people a tag; without anybody named, say how many have it.

    \b
    Example:
      newsletter subscribers tag founders ann.lee@acme.example
      newsletter subscribers tag french --segment 'country = "FR"'
    """
    from newsletter.audience.rows import clean_tag
    from newsletter.store.subscribers import count_tags, tag_where

    if not clean_tag(tag):
        raise click.BadParameter("a tag needs a name", param_hint="TAG")
    gained = _change_tag(ctx, tag_where, tag, addresses, expression) if addresses or expression is not None else None
    with looking(ctx) as database, database.reading() as connection:
        count = count_tags(connection).get(clean_tag(tag), 0)
    if gained is None:
        out.print(f"{count:,} have the tag {tag!r}", markup=False)
    else:
        out.print(f"{gained:,} got the tag {tag!r}; {count:,} have it now", markup=False)


@command.command("untag")
@click.argument("tag")
@click.argument("addresses", nargs=-1)
@click.option("--segment", "expression", metavar="NAME|EXPRESSION", help="Everybody in this segment.")
@click.pass_context
def untag(ctx: click.Context, tag: str, addresses: tuple[str, ...], expression: str | None) -> None:
    """Take a tag from people.

    \b
    Example:
      newsletter subscribers untag beta --segment 'tag("beta")'
    """
    from newsletter.store.subscribers import untag_where

    if not addresses and expression is None:
        raise click.UsageError("Name addresses or a --segment.")
    out.print(f"{_change_tag(ctx, untag_where, tag, addresses, expression):,} had the tag {tag!r}", markup=False)


def _change_tag(
    ctx: click.Context, change: Callable[..., int], tag: str, addresses: tuple[str, ...], expression: str | None
) -> int:
    from newsletter.audience.rows import clean_tag
    from newsletter.clock import SystemClock
    from newsletter.store.segments import condition
    from newsletter.store.tables import subscriber

    now = SystemClock().now()
    with opened(ctx) as (database, ring):
        people = [find_person(database, ring, address).id for address in addresses]
        with database.transaction() as connection:
            changed = change(connection, clean_tag(tag), subscriber.c.id.in_(people), at=now) if people else 0
            if expression is not None:
                changed += change(connection, clean_tag(tag), condition(connection, expression, now), at=now)
    return changed


def _print_history(history: History) -> None:
    person, who = history.person, history.person.subscriber
    out.print(f"{who.address}  {who.name}".rstrip(), style="bold", markup=False)
    facts = (
        ("zone", who.zone),
        ("language", who.lang),
        ("tags", ", ".join(history.tags)),
        *((key, str(value)) for key, value in who.attributes.items()),
        ("here since", f"{person.created_at:%Y-%m-%d %H:%M} UTC"),
        ("mailed", "no: " + "; ".join(history.obstacles) if history.obstacles else "yes"),
    )
    for label, value in facts:
        if value:
            out.print(f"  {label}: {value}", markup=False)
    for consent in history.consents:
        details = "; ".join(part for part in (consent.scope, consent.source, consent.ip, consent.wording) if part)
        out.print(f"  {consent.at:%Y-%m-%d %H:%M}  consent {consent.kind}: {details}", markup=False)
    for enrollment in history.enrollments:
        due = f", next {enrollment.next_page_id} at {enrollment.due_at:%Y-%m-%d %H:%M}" if enrollment.due_at else ""
        out.print(f"  campaign {enrollment.campaign}: {enrollment.state}{due}", markup=False)
    for delivery in history.deliveries:
        when = delivery.finished_at or delivery.due_at
        page = f"{delivery.series}/{delivery.page_id}"
        out.print(f"  {when:%Y-%m-%d %H:%M}  {delivery.state}: {page} {delivery.reply}".rstrip(), markup=False)
    for bounce in history.bounces:
        out.print(f"  {bounce.at:%Y-%m-%d %H:%M}  {bounce.kind} ({bounce.severity}): {bounce.reason}", markup=False)


def _print_row(name: str, row: RowOutcome, shown: list[int]) -> None:
    if not row.reason:
        return
    shown[0] += 1
    if shown[0] <= SHOWN_ROWS:
        line = Text(f"{name}: row {row.row}: ")
        line.append(row.outcome.value, style=OUTCOME_STYLES.get(row.outcome.value, ""))
        who = f": {_printable(row.address)}" if row.address else ""
        say(err, line.append(f"{who}: {row.reason}"))


def _printable(text: str) -> str:
    """`text` with a sign for each byte that is no letter in the file's encoding."""
    return text.encode("utf-8", "replace").decode()


def _print_report(report: ImportReport) -> None:
    delimiter = {"\t": "tab", " ": "blank"}.get(report.delimiter, report.delimiter)
    out.print(f"{report.path.name}: {_outcomes(report.counts)}", style="bold", markup=False)
    out.print(f"  read as {report.encoding} with {delimiter!r} between cells", style="dim", markup=False)


def _outcomes(counts: Mapping[Outcome, int]) -> str:
    parts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in counts.items() if count)
    return f"{counted(sum(counts.values()), 'row')}{': ' if parts else ''}{parts}"


@contextmanager
def _report(path: Path | None) -> Iterator[Callable[[str, RowOutcome], None]]:
    if path is None:
        yield lambda file, row: None
        return
    import csv

    from newsletter.audience.spreadsheet import safe

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(("file", "row", "address", "outcome", "reason"))
        yield lambda source, row: writer.writerow(
            safe(cell) for cell in (source, str(row.row), row.address, row.outcome.value, row.reason)
        )


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    if not err.is_terminal:
        yield lambda done, size: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)


command.add_command(segment)
command.add_command(suppressions)
