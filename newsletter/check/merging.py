"""Whether a page can be merged: for readers with little and odd data, and for each row of a file, one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from newsletter.check.mail import NOWHERE
from newsletter.check.other_codes import MERGE_MISSING
from newsletter.content.page import Page
from newsletter.errors import DataError, MaterialError, TemplateError
from newsletter.finding import Finding, Severity
from newsletter.message.builder import MessageBuilder
from newsletter.message.links import NOBODY
from newsletter.subscriber import Subscriber


class AnyValue(dict[str, Any]):
    """Attributes of a reader about whom everything is known: each has its own name as value."""

    def get(self, name: str, default: Any = None) -> Any:
        return NOWHERE if re.search("url|link|href", name) else name.replace("_", " ").capitalize()

    def __getitem__(self, name: str) -> Any:
        return self.get(name)


KNOWN = Subscriber("ann.lee@reader.example", "Ann Lee", attributes=AnyValue())
BARE = Subscriber("reader@reader.example")
PERSONAS: Mapping[str, Subscriber] = {
    "a reader of whom only the address is known": BARE,
    "a reader with a very long name": replace(BARE, name="Wolfeschlegelsteinhausen " * 8),
    "a reader whose name is written from right to left": replace(BARE, name="נועה אל־חסן"),
    "a reader with an emoji and markup in the name": replace(BARE, name='Zoë 😀 <b>"&'),
}


ROWS_NAMED = 3
MOST_REASONS = 20
"""Reasons that are told of one page: a mistake that reads differently for each of a million readers is told so often."""


class GivenReader(NamedTuple):
    """A reader of a file, and the row they stand in, counted as a spreadsheet does."""

    row: int
    subscriber: Subscriber


@dataclass(frozen=True)
class GivenReaders:
    """A file of readers: its name, and what reads it from its start."""

    file: str
    read: Callable[[], Iterable[GivenReader]]


NOBODY_GIVEN = GivenReaders("", tuple)


@dataclass
class Rows:
    """Rows of a file with something in common: how many, and the first of them."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.first) < ROWS_NAMED:
            self.first.append(row)

    def __str__(self) -> str:
        if self.count == 1:
            return f"row {self.first[0]}"
        return f"{self.count:,} rows ({', '.join(map(str, self.first))}{', …' if self.count > len(self.first) else ''})"


@dataclass
class Failure:
    """Why a page can't be merged: for which persona first, and for which of the readers given."""

    error: MaterialError
    message: str
    persona: str = ""
    rows: Rows = field(default_factory=Rows)

    def readers(self, file: str, given: int) -> str:
        """For whom, in words, of so many readers `given` in `file`."""
        if not self.rows.count:
            return self.persona
        if self.rows.count == given > 1:
            return f"any reader in {file}"
        some = f"{self.rows} of {file}"
        return f"{self.persona}, and for {some}" if self.persona else some


class Merging:
    """Merges one page for reader after reader, and keeps each reason for which it fails once: memory stays flat."""

    def __init__(self, page: Page, builder: MessageBuilder, now: datetime) -> None:
        """`now` (aware) is the Date of the messages that are made."""
        self.page, self._builder, self._now = page, builder, now
        self._failures: dict[str, Failure] = {}
        self._given = self._untold = 0
        for who, persona in PERSONAS.items():
            self._attempt(persona, who, 0)

    def attempt(self, reader: GivenReader) -> None:
        """Merge the page for one of the readers given."""
        self._given += 1
        self._attempt(reader.subscriber, "", reader.row)

    def _attempt(self, reader: Subscriber, persona: str, row: int) -> None:
        try:
            self._builder.build(reader, NOBODY, now=self._now)
        except (TemplateError, DataError) as error:
            message = error.message.replace(f" for {reader.address}", "")
            reason = message.replace(reader.address, "…")
            failure = self._failures.get(reason)
            if failure is None:
                if len(self._failures) >= MOST_REASONS:
                    self._untold += 1
                    return
                failure = self._failures[reason] = Failure(error, message, persona)
            if row:
                failure.rows.add(row)

    def findings(self, file: str = "") -> Iterator[Finding]:
        """What can't be merged, once for each reason; `file` is where the readers come from."""
        for failure in self._failures.values():
            yield unmergeable(self.page, failure.error, failure.message, failure.readers(file, self._given))
        if self._untold:
            message = f"The mail can't be made for {self._untold:,} more readers in {file}, for other reasons."
            remedy = "Mend the ones above first."
            yield Finding(
                MERGE_MISSING, Severity.ERROR, message, self.page.path, self.page.keys.get("title", 1), remedy
            )


def unmergeable(page: Page, error: MaterialError, said: str, who: str) -> Finding:
    """An error of composing or merging: in the template at fault, else at the line of the page that names what is missing."""
    message = f"The mail can't be made for {who}: {said}."
    if error.where and error.line and error.where != page.path:
        return Finding("template-broken", Severity.ERROR, message, error.where, error.line, error.remedy)
    remedy = error.remedy or 'Give the expression a default: {{ name | default("…") }}.'
    return Finding(MERGE_MISSING, Severity.ERROR, message, page.path, line_at_fault(page, error), remedy)


def line_at_fault(page: Page, error: MaterialError) -> int:
    """The line of the page whose expression names what is missing; else that of the error, or of the title."""
    names = re.findall(r"[“'\"`]([A-Za-z_][\w.]*)[”'\"`]", error.message) + re.findall(
        r"\b([a-z]+_[a-z_]+|\w+)\b", error.message
    )
    rows = list(enumerate(page.source.split("\n"), 1))
    for name in names:
        expression = re.compile(rf"\{{[{{%][^}}]*\b{re.escape(name)}\b")
        for number, row in rows:
            if expression.search(row):
                return number
    return error.line or page.keys.get("title", 1)
