"""`newsletter init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Make a new project in FOLDER: settings, templates, a sample dojo, a campaign, an example CSV.

    Nothing that is already there is changed.

    \b
    Example:
      newsletter init mydojo
    """
    from newsletter.cli.terminal import out
    from newsletter.scaffold import make_project

    made = make_project(folder)
    for path in made:
        out.print(f"  {path}", markup=False)
    out.print(f"{len(made)} files made in {folder}", style="bold", markup=False)
    out.print(f"Next:  cd {folder} && newsletter preview", markup=False)
