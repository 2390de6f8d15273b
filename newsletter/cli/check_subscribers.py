"""The file of `newsletter check --subscribers`: its readers one at a time, and the rows that hold none."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from newsletter.audience.rows import SubscriberRow, open_subscribers
from newsletter.audience.statuses import Standing
from newsletter.check.merging import GivenReader, Rows
from newsletter.check.other_codes import SUBSCRIBER_REFUSED
from newsletter.cli.terminal import err
from newsletter.finding import Finding, Severity
from newsletter.subscriber import Subscriber

MAILED = (Standing.MAILABLE, Standing.UNCONFIRMED)
"""Whoever left, bounced or complained is never mailed, whatever their row lacks."""

QUOTED = re.compile("'[^']*'|\"[^\"]*\"|“[^”]*”|`[^`]*`")
"""What a reason repeats of a row: one reason must not become a thousand."""


class SubscribersFile:
    """A CSV of subscribers that is read as often as need be and never held at once."""

    def __init__(self, path: Path) -> None:
        """Raises DataError for a file that is no CSV of subscribers."""
        self._path, self._file = path.resolve(), open_subscribers(path)
        self._refused: dict[str, Rows] = {}
        self._process = os.getpid()

    @property
    def name(self) -> str:
        """The file as findings name it."""
        return self._path.name

    def read(self) -> Iterator[GivenReader]:
        """The readers who would be mailed. Raises DataError for a file that can't be read to its end."""
        self._refused.clear()
        with ExitStack() as until_read:
            for row in self._file.rows(self._progress(until_read)):
                if row.refusal:
                    self._refused.setdefault(_reason(row), Rows()).add(row.row)
                elif row.standing in MAILED:
                    yield GivenReader(row.row, Subscriber(row.address, row.name, row.zone, row.lang, row.attributes))

    def findings(self) -> list[Finding]:
        """The rows that the last reading could not use, once for each reason."""
        return [
            Finding(
                SUBSCRIBER_REFUSED,
                Severity.WARNING,
                f"{str(rows).capitalize()} can't be used; {'the first' if rows.count > 1 else 'it'} {reason}.",
                str(self._path),
                rows.first[0],
                "Mend the row, or take it out.",
            )
            for reason, rows in self._refused.items()
        ]

    def _progress(self, until_read: ExitStack) -> Callable[[int], None]:
        """Shows on a terminal how far the file is read, once that takes long, and only in the process that began."""
        from rich.progress import Progress

        shown: list[Progress] = []

        def at(position: int) -> None:
            if not err.is_terminal or os.getpid() != self._process:
                return
            if not shown:
                shown.append(until_read.enter_context(Progress(console=err, transient=True)))
                shown[0].add_task(f"Merging {self._path.name}", total=self._file.csv.size)
            shown[0].update(shown[0].task_ids[0], completed=position)

        return at


def _reason(row: SubscriberRow) -> str:
    return QUOTED.sub("…", row.refusal.replace(row.address, "…") if row.address else row.refusal).rstrip(".?")
