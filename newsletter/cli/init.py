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
    import shlex

    from newsletter.cli.terminal import counted, out
    from newsletter.config import find_project
    from newsletter.scaffold import make_project

    around = find_project(folder.resolve().parent)
    made = make_project(folder)
    for path in made:
        out.print(f"  {path}", markup=False)
    out.print(f"{counted(len(made), 'file')} made in {folder}", style="bold", markup=False)
    if around:
        out.print(f"The project around it, {around}, stays as it is.", style="dim", markup=False)
    change = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    out.print(f"Next:  {change}newsletter preview", markup=False)
