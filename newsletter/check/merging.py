"""Whether a page can be merged: for readers with little and odd data, and for each row of a file, one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from newsletter.check.mail import NOWHERE
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


@dataclass
class Failure:
    """Why a page can't be merged: for whom first, and for how many of the readers given."""

    error: MaterialError
    who: str
    given: int = 0

    @property
    def readers(self) -> str:
        """For whom, in words."""
        if self.given < 2:
            return self.who
        first = f"{self.who} and " if self.who in PERSONAS else ""
        return f"{first}{self.given:,} of the readers given" + ("" if first else f" ({self.who} is the first)")


class Merging:
    """Merges one page for reader after reader, and keeps each reason for which it fails once: memory stays flat."""

    def __init__(self, page: Page, builder: MessageBuilder, now: datetime) -> None:
        """`now` (aware) is the Date of the messages that are made."""
        self.page, self._builder, self._now = page, builder, now
        self._failures: dict[str, Failure] = {}
        for who, persona in PERSONAS.items():
            self.attempt(persona, who)

    def attempt(self, reader: Subscriber, who: str = "") -> None:
        """Merge the page for `reader`, who is called `who` or, one of the readers given, by their address."""
        try:
            self._builder.build(reader, NOBODY, now=self._now)
        except (TemplateError, DataError) as error:
            reason = error.message.replace(reader.address, "…")
            failure = self._failures.setdefault(reason, Failure(error, who or reader.address))
            failure.given += not who

    def findings(self) -> Iterator[Finding]:
        """What can't be merged, once for each reason."""
        for failure in self._failures.values():
            yield unmergeable(self.page, failure.error, failure.readers)


def unmergeable(page: Page, error: MaterialError, who: str) -> Finding:
    """An error of composing or merging: in the template at fault, else at the line of the page that names what is missing."""
    message = f"The mail can't be made for {who}: {error.message}."
    if error.where and error.line and error.where != page.path:
        return Finding("template-broken", Severity.ERROR, message, error.where, error.line, error.remedy)
    remedy = error.remedy or 'Give the expression a default: {{ name | default("…") }}.'
    return Finding("merge-missing", Severity.ERROR, message, page.path, line_at_fault(page, error), remedy)


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
