"""`newsletter subscribers`: the people who get the mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.terminal import err, out, settings_of

if TYPE_CHECKING:
    from newsletter.audience.importing import ImportReport, RowOutcome
    from newsletter.message.keys import KeyRing
    from newsletter.store.database import Database

SHOWN_ROWS = 100


@click.group()
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
    """Import subscribers from CSV files, as exported by whichever sender or spreadsheet.

    Who was unsubscribed, bounced or blocked there is suppressed here; who left here stays away.

    \b
    Example:
      newsletter subscribers import subscribed_members_export.csv unsubscribed_members_export.csv
    """
    from newsletter.audience.importing import import_subscribers
    from newsletter.clock import SystemClock

    with _opened(ctx) as (database, ring), _report(report) as write_row:
        for path in files:
            shown = [0]

            def on_row(row: RowOutcome, path: Path = path, shown: list[int] = shown) -> None:
                write_row(path, row)
                _print_row(path, row, shown)

            with _progress(f"Importing {path.name}") as on_position:
                done = import_subscribers(
                    database, ring, path, SystemClock(), tags=tags, dry_run=dry_run, check_dns=check_dns,
                    on_row=on_row, on_position=on_position,
                )  # fmt: skip
            if shown[0] > SHOWN_ROWS:
                err.print(f"{path}: and {shown[0] - SHOWN_ROWS:,} more; --report FILE writes them all", markup=False)
            _print_report(done, dry_run)


def _print_row(path: Path, row: RowOutcome, shown: list[int]) -> None:
    if not row.reason:
        return
    shown[0] += 1
    if shown[0] <= SHOWN_ROWS:
        err.print(f"{path}: row {row.row}: {row.outcome.value}: {row.address}: {row.reason}", markup=False)


def _print_report(report: ImportReport, dry_run: bool) -> None:
    delimiter = {"\t": "tab", " ": "blank"}.get(report.delimiter, report.delimiter)
    counts = ", ".join(f"{count:,} {outcome.value}" for outcome, count in report.counts.items())
    dry = " (dry run: nothing was written)" if dry_run else ""
    out.print(f"{report.path}: {report.rows:,} rows: {counts}{dry}", markup=False)
    out.print(f"  read as {report.encoding} with {delimiter!r} between cells", style="dim", markup=False)


@contextmanager
def _report(path: Path | None) -> Iterator[Callable[[Path, RowOutcome], None]]:
    if path is None:
        yield lambda file, row: None
        return
    import csv

    from newsletter.audience.spreadsheet import safe

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(("file", "row", "address", "outcome", "reason"))
        yield lambda source, row: writer.writerow(
            safe(cell) for cell in (str(source), str(row.row), row.address, row.outcome.value, row.reason)
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


@contextmanager
def _opened(ctx: click.Context) -> Iterator[tuple[Database, KeyRing]]:
    """The project's database, up to date, and its keys."""
    from newsletter.message.keys import load_keys
    from newsletter.store.database import open_database
    from newsletter.store.migrations import upgrade

    settings = settings_of(ctx)
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        yield database, load_keys(settings.path(settings.web.key_file))
    finally:
        database.close()
