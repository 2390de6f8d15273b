"""`newsletter subscribers segment` and `newsletter subscribers suppressions`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from newsletter.cli.choices import OrderedGroup
from newsletter.cli.project import hash_of, looking, opened
from newsletter.cli.terminal import counted, err, out


@click.group(cls=OrderedGroup)
def segment() -> None:
    """Save, list, try out and delete segments: filters over subscribers.

    \b
    An expression compares fields (email, domain, name, zone, lang, created) and attributes:
      country = "FR" and (tag("beta") or seats >= 10) and not received("captains") > 3
      plan in ("free", "trial") and created >= days_ago(30) and company contains "coop"
    Also: has(city), enrolled("captains"), finished("captains"), last_received("captains") < days_ago(60),
    bounces() = 0, suppressed("captains").

    \b
    Example:
      newsletter subscribers segment save french 'country = "FR"'
      newsletter subscribers segment show french
    """


@segment.command("save")
@click.argument("name")
@click.argument("expression")
@click.pass_context
def save(ctx: click.Context, name: str, expression: str) -> None:
    """Save an expression under a name.

    \b
    Example:
      newsletter subscribers segment save french 'country = "FR"'
    """
    from newsletter.clock import SystemClock
    from newsletter.store.segments import condition, save_segment
    from newsletter.store.subscribers import count_subscribers

    now = SystemClock().now()
    with opened(ctx) as (database, _), database.transaction() as connection:
        save_segment(connection, name, expression, at=now)
        count = count_subscribers(connection, condition(connection, name, now))
    out.print(f"{name}: {counted(count, 'subscriber')}", markup=False)


@segment.command("show")
@click.argument("segment", metavar="NAME|EXPRESSION")
@click.option("--sample", default=5, show_default=True, type=click.IntRange(0, 1000), help="People to show.")
@click.pass_context
def show(ctx: click.Context, segment: str, sample: int) -> None:
    """Count who is in a segment and show some of them.

    \b
    Example:
      newsletter subscribers segment show 'tag("beta") and not has(city)'
    """
    from newsletter.clock import SystemClock
    from newsletter.store.segments import condition, words_of
    from newsletter.store.subscribers import count_subscribers, list_subscribers

    with looking(ctx) as database, database.reading() as connection:
        where = condition(connection, segment, SystemClock().now())
        words = words_of(connection, segment)
        count = count_subscribers(connection, where)
        people = list(list_subscribers(connection, where, limit=sample))
    out.print(f"{words}: {counted(count, 'subscriber')}", markup=False)
    for person in people:
        out.print(f"  {person.subscriber.address}  {person.subscriber.name}".rstrip(), markup=False)


@segment.command("list")
@click.pass_context
def list_(ctx: click.Context) -> None:
    """List the saved segments.

    \b
    Example:
      newsletter subscribers segment list
    """
    from newsletter.store.segments import list_segments

    with looking(ctx) as database, database.reading() as connection:
        saved = list_segments(connection)
    for item in saved:
        out.print(f"{item.name}: {item.expression}", markup=False)


@segment.command("delete")
@click.argument("name")
@click.pass_context
def delete(ctx: click.Context, name: str) -> None:
    """Forget a segment; nobody is deleted.

    \b
    Example:
      newsletter subscribers segment delete french
    """
    from newsletter.errors import SegmentError
    from newsletter.store.segments import delete_segment

    with opened(ctx) as (database, _), database.transaction() as connection:
        if not delete_segment(connection, name):
            raise SegmentError(
                f"there is no segment {name!r}", remedy="newsletter subscribers segment list  shows those there are."
            )


@click.group(cls=OrderedGroup)
def suppressions() -> None:
    """Import, export and lift suppressions: addresses that must not be mailed.

    \b
    Example:
      newsletter subscribers suppressions import left.csv
      newsletter subscribers suppressions export -o suppressions.csv
    """


@suppressions.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--reason", type=click.Choice(["unsubscribed", "bounced", "complained", "blocked"]), default="unsubscribed",
    show_default=True, help="For rows that give none.",
)  # fmt: skip
@click.pass_context
def import_(ctx: click.Context, file: Path, reason: str) -> None:
    """Suppress every address in a file: a CSV with a column of addresses, or one address on each line.

    \b
    Example:
      newsletter subscribers suppressions import left.csv --reason complained
    """
    from newsletter.audience.suppression_files import import_suppressions
    from newsletter.clock import SystemClock
    from newsletter.suppression import Reason

    def print_refused(row: int, address: str, why: str) -> None:
        err.print(f"{file}: row {row}: refused: {address}: {why}", markup=False)

    with opened(ctx) as (database, ring):
        changed, rows = import_suppressions(
            database, ring, file, SystemClock(), reason=Reason(reason), on_refused=print_refused
        )
    out.print(f"{file}: {counted(rows, 'row')}, {counted(changed, 'new suppression')}", markup=False)


@suppressions.command("export")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Else to standard output."
)
@click.pass_context
def export(ctx: click.Context, output: Path | None) -> None:
    """Write the suppression list as CSV; who was erased is a hash only.

    \b
    Example:
      newsletter subscribers suppressions export -o suppressions.csv
    """
    from newsletter.audience.exporting import export_suppressions

    with looking(ctx) as database, database.reading() as connection:
        if output is None:
            export_suppressions(connection, sys.stdout)
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            count = export_suppressions(connection, file)
    out.print(f"{output}: {counted(count, 'suppression')}", markup=False)


@suppressions.command("lift")
@click.argument("address")
@click.option("--wish", is_flag=True, help="Also if the person unsubscribed: they have asked you to be mailed again.")
@click.pass_context
def lift(ctx: click.Context, address: str, wish: bool) -> None:
    """Mail an address again that bounced or was blocked.

    \b
    Example:
      newsletter subscribers suppressions lift ann.lee@acme.example
    """
    from newsletter.errors import DataError
    from newsletter.store.suppressions import lift as lift_suppressions
    from newsletter.store.suppressions import suppressions_of
    from newsletter.suppression import Reason

    reasons = [Reason.BOUNCED, Reason.BLOCKED, *([Reason.UNSUBSCRIBED] if wish else [])]
    with opened(ctx) as (database, ring), database.transaction() as connection:
        digest = hash_of(ring, address)
        lifted = lift_suppressions(connection, digest, reasons)
        left = suppressions_of(connection, digest)
    if left:
        remedy = "--wish, if they asked to be mailed again." if left[0].reason is Reason.UNSUBSCRIBED else ""
        raise DataError(f"stays suppressed: {left[0].reason} on {left[0].at:%Y-%m-%d}", where=address, remedy=remedy)
    out.print(f"{address}: {'may be mailed again' if lifted else 'was not suppressed'}", markup=False)
