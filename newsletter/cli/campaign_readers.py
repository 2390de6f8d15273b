"""`newsletter campaign …` for one reader: why, show, skip, move, restart, send-again."""

from __future__ import annotations

import getpass
from typing import Literal

import click

from newsletter.cli.project import looking, opened
from newsletter.cli.terminal import err, out, settings_of


@click.command()
@click.argument("name")
@click.argument("address")
@click.pass_context
def why(ctx: click.Context, name: str, address: str) -> None:
    """Say what is next for a reader, and why not now.

    \b
    Example:
      newsletter campaign why captains ann.lee@acme.example
    """
    from newsletter.cli.campaign_status import print_reason
    from newsletter.clock import SystemClock
    from newsletter.scheduler.status import why as ask

    with looking(ctx) as database, database.reading() as connection:
        print_reason(ask(connection, name, address, int(SystemClock().now().timestamp())))


@click.command()
@click.argument("name")
@click.option("--page", required=True, metavar="PAGE", help="Its id, or its number in the order.")
@click.option("--subscriber", required=True, metavar="ADDRESS", help="Whose copy.")
@click.pass_context
def show(ctx: click.Context, name: str, page: str, subscriber: str) -> None:
    """Print the mail a reader got: the page as it left, kept by its hash, merged again with what is known of the reader.

    Standard error says what that proves and what it does not: the DKIM signature is not kept, and the reader's data
    or the campaign may have changed since.

    \b
    Example:
      newsletter campaign show captains --page 2 --subscriber ann.lee@acme.example > ann.eml
    """
    from newsletter.audience.keys import keys_to_look
    from newsletter.scheduler.show import show as rebuild

    settings = settings_of(ctx)
    with looking(ctx) as database:
        ring = keys_to_look(database, settings.path(settings.web.key_file))
        found = rebuild(database, settings, ring, name, page, subscriber)
    for fact in found.facts:
        err.print(fact, style="dim", markup=False)
    for doubt in found.doubts:
        err.print(f"warning: {doubt}", style="yellow", markup=False)
    click.echo(found.message, nl=False)


@click.command()
@click.argument("name")
@click.argument("address")
@click.pass_context
def skip(ctx: click.Context, name: str, address: str) -> None:
    """Pass over a reader's next page.

    \b
    Example:
      newsletter campaign skip captains ann.lee@acme.example
    """
    _say_next(address, _operate(ctx, "skip", name, address))


@click.command()
@click.argument("name")
@click.argument("address")
@click.option("--to", "page", required=True, metavar="PAGE", help="The page to get next: its id or number.")
@click.pass_context
def move(ctx: click.Context, name: str, address: str, page: str) -> None:
    """Make a page a reader's next one, ahead of where they are or behind it.

    \b
    Example:
      newsletter campaign move captains ann.lee@acme.example --to 3
    """
    _say_next(address, _operate(ctx, "move", name, address, page))


@click.command()
@click.argument("name")
@click.argument("address")
@click.pass_context
def restart(ctx: click.Context, name: str, address: str) -> None:
    """Start a reader again at the first page.

    \b
    Example:
      newsletter campaign restart captains ann.lee@acme.example
    """
    _say_next(address, _operate(ctx, "restart", name, address))


def _operate(ctx: click.Context, act: Literal["skip", "move", "restart", "send_again"], *about: str) -> str | None:
    """Do one thing of `newsletter.scheduler.operate` to a reader; the id of the page it returns."""
    from newsletter.clock import SystemClock
    from newsletter.scheduler import operate

    with opened(ctx) as (database, _):
        page: str | None = getattr(operate, act)(database, *about, SystemClock(), who=getpass.getuser())
    return page


def _say_next(address: str, page: str | None) -> None:
    out.print(f"{address}: page {page} is next." if page else f"{address} has finished.", markup=False)


@click.command("send-again")
@click.argument("name")
@click.argument("address")
@click.option("--page", required=True, metavar="PAGE", help="Its id, or its number in the order.")
@click.pass_context
def send_again(ctx: click.Context, name: str, address: str, page: str) -> None:
    """Send a reader one more copy of a page.

    \b
    Example:
      newsletter campaign send-again captains ann.lee@acme.example --page 2
    """
    found = _operate(ctx, "send_again", name, address, page)
    out.print(f"One more copy of page {found} for {address} is due now.", markup=False)


READER_COMMANDS = (why, show, skip, move, restart, send_again)
"""What `newsletter campaign` offers for one reader."""
