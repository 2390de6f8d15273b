"""`newsletter doctor`."""

from __future__ import annotations

import click

STYLES = {"good": "green", "warning": "yellow", "bad": "bold red", "not asked": "dim"}

REMEDY = 11
"""Blanks before a remedy: as wide as the states above it."""


@click.command()
@click.option("--migrate", is_flag=True, help="Bring the database up to date first.")
@click.option("--offline", is_flag=True, help="Don't ask DNS.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.pass_context
def command(ctx: click.Context, migrate: bool, offline: bool, as_json: bool) -> None:
    """Find what is wrong with settings, content, database, relay and domain, and how to mend it.

    \b
    Example:
      newsletter doctor
      newsletter doctor --migrate --offline
    """
    from rich.text import Text

    from newsletter.cli.terminal import out, say, settings_of
    from newsletter.doctor.examination import examine
    from newsletter.store.database import open_database
    from newsletter.store.migrations import upgrade

    settings = settings_of(ctx)
    if migrate:
        database = open_database(settings.database_url)
        upgrade(database)
        database.close()
    found = []
    for diagnosis in examine(settings, ask_dns=not offline):
        found.append(diagnosis)
        if as_json:
            continue
        state = diagnosis.state.value
        line = Text.assemble((f"{state:>9}", STYLES[state]), f"  {diagnosis.subject}: {diagnosis.detail}")
        say(out, line, hang=REMEDY)
        if diagnosis.remedy:
            say(out, Text(diagnosis.remedy, style="dim"), indent=REMEDY, hang=0)
    if as_json:
        import json
        from dataclasses import asdict

        out.print_json(json.dumps([asdict(item) | {"state": item.state.value} for item in found]))
    bad = [item for item in found if item.state.value == "bad"]
    if bad:
        ctx.exit(3 if any(item.is_service for item in bad) else 1)
