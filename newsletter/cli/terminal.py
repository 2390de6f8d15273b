"""How commands speak: rich on a terminal, plain lines in a pipe; errors with place and remedy on stderr."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newsletter.config import Settings, find_project, load_settings
from newsletter.errors import NewsletterError
from newsletter.finding import Finding, Severity

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

WIDE = 10_000
"""Columns of a pipe."""

COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def settings_of(context: click.Context) -> Settings:
    """The settings of the project in which the command runs: `--config`, else the nearest newsletter.toml."""
    given = context.find_root().obj
    return load_settings(Path(given) if given else find_project(Path.cwd()), os.environ)


def counted(number: int, noun: str) -> str:
    """`1 draft`, `2,500 drafts`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def say(console: Console, line: Text, indent: int = 0, hang: int = 2) -> None:
    """Print a line. On a terminal it is broken between words, with `hang` more blanks below; in a pipe it stays whole."""
    if not console.is_terminal:
        console.print(Text(" " * indent) + line)
        return
    rows = line.wrap(console, max(console.width - indent - hang, 20))
    for number, row in enumerate(rows):
        row.rstrip()
        console.print(Text(" " * (indent + (hang if number else 0))) + row)


def print_table(table: Table) -> None:
    """A table, as wide as the terminal; in a pipe as wide as its cells, and no line ends in blanks."""
    if out.is_terminal:
        out.print(table)
        return
    drawn = StringIO()
    Console(file=drawn, width=WIDE).print(table)
    for line in drawn.getvalue().splitlines():
        out.print(line.rstrip(), markup=False)


def print_error(error: NewsletterError) -> None:
    """Say what is wrong, where, and how to mend it."""
    line = Text("error: ", style="bold red")
    if error.place:
        line.append(f"{error.place}: ", style="bold")
    line.append(error.message, style="default")
    say(err, line)
    if error.remedy:
        say(err, Text(error.remedy, style="dim"), indent=2, hang=0)


def print_findings(findings: Iterable[Finding]) -> None:
    """One finding a line on stderr, its remedy below it."""
    for finding in findings:
        line = Text(f"{finding.severity.value}: ", style=COLOURS[finding.severity])
        if finding.place:
            line.append(f"{finding.place}: ", style="bold")
        line.append(finding.message, style="default")
        line.append(f" [{finding.code}]", style="dim")
        say(err, line)
        if finding.remedy:
            say(err, Text(finding.remedy, style="dim"), indent=2, hang=0)
