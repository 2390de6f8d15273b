"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.content.page import Series


class OrderedGroup(click.Group):
    """A group whose help lists its commands in the order of the work, each with its whole sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=200)) for name, each in self.commands.items()])


F = TypeVar("F", bound=Callable[..., Any])


def _complete_series(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from newsletter.cli.terminal import settings_of
    from newsletter.content.reader import list_series

    settings = settings_of(ctx)
    return [name for name in list_series(settings.path(settings.site.content)) if name.startswith(incomplete)]


def series_argument(function: F) -> F:
    """The argument SERIES; without it, all of them."""
    return click.argument("series", required=False, shell_complete=_complete_series)(function)


def content_option(function: F) -> F:
    """The option --content."""
    return click.option(
        "--content",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="Folder of series, instead of [site] content.",
    )(function)


def subscribers_option(function: F) -> F:
    """The option --subscribers."""
    return click.option(
        "--subscribers",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="CSV of example subscribers; else subscribers.example.csv.",
    )(function)


def content_folder(settings: Settings, content: Path | None) -> Path:
    """The folder of series: `--content`, else `[site] content`. Raises UsageError when there is none."""
    from newsletter.errors import UsageError

    folder = content or settings.path(settings.site.content)
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder of pages",
            where=folder,
            remedy="Name one with --content DIR, or: newsletter init .",
        )
    return folder


def chosen_series(settings: Settings, name: str | None, content: Path | None) -> list[Series]:
    """The series `name`, or all of them. Raises UsageError for one that does not exist."""
    from newsletter.content.reader import list_series, read_series
    from newsletter.errors import UsageError

    folder = content_folder(settings, content)
    known = list_series(folder)
    if name is not None and name not in known:
        raise UsageError(
            f"there is no series {name!r}", where=folder, remedy=f"There are: {', '.join(known)}." if known else ""
        )
    if not known:
        raise UsageError(
            "there is no series", where=folder, remedy=f"Put the pages of a dojo into a folder: {folder.name}/NAME/."
        )
    return [read_series(folder, one, lang=settings.site.lang) for one in ([name] if name else known)]


def example_subscribers(settings: Settings, given: Path | None) -> Path:
    """The CSV of example subscribers: `--subscribers`, else the project's, else the one shipped."""
    from newsletter.sample import sample_path

    own = settings.path(Path("subscribers.example.csv"))
    return given or (own if own.is_file() else sample_path("subscribers.example.csv"))
