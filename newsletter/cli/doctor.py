"""`newsletter doctor`."""

from __future__ import annotations

import click

STYLES = {"good": "green", "warning": "yellow", "bad": "bold red", "not asked": "dim"}


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
    from newsletter.cli.terminal import out, settings_of
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
        out.print(f"[{STYLES[state]}]{state:>9}[/]  ", end="")
        out.print(f"{diagnosis.subject}: {diagnosis.detail}", markup=False)
        if diagnosis.remedy:
            out.print(f"           {diagnosis.remedy}", style="dim", markup=False)
    if as_json:
        import json
        from dataclasses import asdict

        out.print_json(json.dumps([asdict(item) | {"state": item.state.value} for item in found]))
    bad = [item for item in found if item.state.value == "bad"]
    if bad:
        ctx.exit(3 if any(item.is_service for item in bad) else 1)
