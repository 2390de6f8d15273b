"""`newsletter worker`."""

from __future__ import annotations

import click


@click.command()
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N messages.")
@click.option("--until-idle", is_flag=True, help="Stop when nothing is due any more.")
@click.pass_context
def command(ctx: click.Context, limit: int | None, until_idle: bool) -> None:
    """Send what is due, beside a `newsletter run` on this or another machine (PostgreSQL).

    A worker plans nothing; `newsletter run` does. Limits per hour and warm-up are shared by all workers; connections
    and messages per second are each worker's own.

    \b
    Example:
      NEWSLETTER_DATABASE_URL=postgresql://newsletter@db/newsletter newsletter worker
    """
    from newsletter.cli.progress import say_tally, send_with_progress
    from newsletter.cli.project import opened
    from newsletter.cli.terminal import settings_of
    from newsletter.clock import SystemClock
    from newsletter.delivery.service import Options
    from newsletter.errors import UsageError

    settings = settings_of(ctx)
    if settings.database.url.startswith("sqlite"):
        raise UsageError(
            "a SQLite file has one sender, `newsletter run`",
            where="[database] url",
            remedy="Use PostgreSQL to send from several processes or machines.",
        )
    options = Options(limit=limit, until_idle=until_idle)
    with opened(ctx) as (database, ring):
        tally = send_with_progress(settings, database, ring, SystemClock(), options, plan=None)
    say_tally(tally)
