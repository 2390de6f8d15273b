"""`newsletter run`."""

from __future__ import annotations

import click


@click.command()
@click.option("--outbox", metavar="DIR", help="Write .eml files (or maildir:DIR) instead of sending.")
@click.option("--dry-run", is_flag=True, help="Say what would go out now; change and send nothing.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N messages.")
@click.option("--until-idle", is_flag=True, help="Stop when nothing is due any more.")
@click.pass_context
def command(ctx: click.Context, outbox: str | None, dry_run: bool, limit: int | None, until_idle: bool) -> None:
    """Plan and send what is due, until stopped.

    Ctrl-C ends the messages in hand and leaves; a second one leaves at once. Rates and relays in newsletter.toml may
    change while it runs.

    \b
    Example:
      newsletter run
      newsletter run --outbox sent/ --until-idle
    """
    from newsletter.cli.progress import say_tally, send_with_progress
    from newsletter.cli.project import opened
    from newsletter.cli.terminal import settings_of
    from newsletter.clock import SystemClock
    from newsletter.delivery.outbox import outbox_of
    from newsletter.delivery.service import Options
    from newsletter.scheduler.tick import tick

    if dry_run:
        _rehearse(ctx, limit)
        return
    clock = SystemClock()
    options = Options(outbox=outbox_of(outbox) if outbox else None, limit=limit, until_idle=until_idle)
    with opened(ctx) as (database, ring):
        tally = send_with_progress(settings_of(ctx), database, ring, clock, options, plan=lambda: tick(database, clock))
    say_tally(tally)


def _rehearse(ctx: click.Context, limit: int | None) -> None:
    from newsletter.audience.keys import keys_to_look
    from newsletter.cli.project import trying
    from newsletter.cli.terminal import err, out, settings_of
    from newsletter.clock import SystemClock
    from newsletter.delivery.rehearsal import MOST_BUILT, rehearse
    from newsletter.scheduler.tick import tick

    settings = settings_of(ctx)
    clock = SystemClock()
    with trying(ctx) as database:
        ring = keys_to_look(database, settings.path(settings.web.key_file))
        found = rehearse(settings, database, ring, clock, plan=lambda trial: tick(trial, clock), limit=limit)
    out.print(f"{found.due:,} messages would go out now; nothing was sent or changed.")
    for (campaign, page), count in sorted(found.pages.items()):
        out.print(f"  {campaign}  {page}  {count:,}", markup=False)
    if found.due > MOST_BUILT:
        out.print(f"  (the first {MOST_BUILT:,}, built to see that they can be)")
    for address, reason in found.broken:
        err.print(f"  {address}: {reason}", markup=False)
    if found.broken:
        ctx.exit(1)
