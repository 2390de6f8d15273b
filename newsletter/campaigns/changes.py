"""What applying a campaign changes, and how to say it to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from newsletter.campaigns.definition import SECTIONS, Definition
from newsletter.campaigns.definition_file import words_of_defaults

NOTHING = ("", "None", "0", "false")
"""Words of defaults that say nothing: a key that has one is set or unset, not changed from it."""

Kind = Literal["inserted", "deleted", "edited"]


@dataclass(frozen=True)
class PageChange:
    """What happens to one page. `past` readers never get it (or have had it), `ahead` will, the first at `first_at`."""

    kind: Kind
    page_id: str
    number: int
    title: str = ""
    readers: int = 0
    past: int = 0
    ahead: int = 0
    first_at: datetime | None = None


@dataclass(frozen=True)
class Changes:
    """Everything that applying would change; readers are those enrolled or, for a new campaign, to be enrolled.

    `wishes`: (page, old, new) of each page whose own `delay` or `send_on` changed. `waiting`: readers for whom no page
    is left now, though they have not finished. `outside`: readers under way who are not in the audience any more;
    whoever has begun goes on to the end.
    """

    name: str
    is_new: bool
    settings: tuple[tuple[str, str, str], ...] = ()
    wishes: tuple[tuple[str, str, str], ...] = ()
    pages: tuple[PageChange, ...] = ()
    order: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    readers: int = 0
    resumed: int = 0
    waiting: int = 0
    outside: int = 0
    without_zone: int = 0
    default_zone: str = "UTC"
    first_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether applying changes nothing."""
        return not (self.is_new or self.settings or self.wishes or self.pages or self.order or self.resumed)


def compare_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """(key, old, new) of each setting that differs, in the words of a campaign file; the default of one that is not
    there, "" if that is nothing."""
    usual = _defaults()
    old, new = dict(_flat(before)), dict(_flat(after))
    keys = [*old, *(key for key in new if key not in old)]
    pairs = ((key, old.get(key, usual.get(key, "")), new.get(key, usual.get(key, ""))) for key in keys)
    return tuple((key, was, will) for key, was, will in pairs if was != will)


def _defaults() -> dict[str, str]:
    tables = {name: words_of_defaults(kind) for name, kind in SECTIONS.items()}
    return {key: text for key, text in _flat({**words_of_defaults(Definition), **tables}) if text not in NOTHING}


def is_reordered(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether pages that are in both stand in another order."""
    kept = [page_id for page_id in before if page_id in after]
    return kept != [page_id for page_id in after if page_id in before]


def describe(changes: Changes) -> list[str]:
    """The changes as sentences, the most telling first."""
    return [line[0].upper() + line[1:] for line in _lines(changes)]


def _lines(changes: Changes) -> Iterator[str]:
    if changes.is_new:
        yield f"new campaign {changes.name} with {_count(len(changes.pages), 'page')} for {_count(changes.readers, 'subscriber')}"
        if changes.first_at:
            yield f"the first mail goes out on {_when(changes.first_at)}"
        elif changes.readers:
            yield "no mail would go out: the cadence names no day that lies ahead"
        for page in changes.pages:
            yield f"  {page.number}. {page.title} ({page.page_id})"
    elif changes.is_empty:
        yield "nothing changes"
    for key, old, new in changes.settings:
        yield (
            f"`{key}` is set to {new}"
            if not old
            else f"`{key}` is unset (was {old})"
            if not new
            else f"`{key}`: {old} → {new}"
        )
    if not changes.is_new:
        yield from (_page(page) for page in changes.pages)
    for page_id, old, new in changes.wishes:
        yield f"page {page_id} comes {_wish(new)} (was {_wish(old)}), for whoever has not had it"
    if changes.order:
        yield f"new order for what comes next: {', '.join(changes.order)}"
    if changes.resumed:
        yield f"{_count(changes.resumed, 'reader')} who had finished will go on"
    if changes.waiting:
        yield f"{_count(changes.waiting, 'reader')} for whom no page is left will go on when there is one again"
    if changes.outside:
        yield f"{_count(changes.outside, 'reader')} under way who left the audience will go on to the end"
    if changes.drafts:
        yield f"{_count(len(changes.drafts), 'draft')} held back: {', '.join(changes.drafts)}"
    if changes.broken:
        yield f"{_count(len(changes.broken), 'page')} that can't be read and will not be sent: {', '.join(changes.broken)}"
    if changes.without_zone:
        verb = "uses" if changes.without_zone == 1 else "use"
        yield f"{_count(changes.without_zone, 'subscriber')} without a time zone {verb} {changes.default_zone}"


def _page(page: PageChange) -> str:
    if page.kind == "deleted":
        return f"page {page.page_id} deleted: {page.past:,} of {_count(page.readers, 'reader')} have had it, the others skip it"
    when = f" on {_when(page.first_at)}" if page.first_at else ""
    if page.kind == "edited":
        return f"page {page.number} edited ({page.page_id}): {page.past:,} have had the old one, {page.ahead:,} will get the new one{when}"
    return (
        f"page {page.number} inserted ({page.page_id}): {_count(page.readers, 'reader')}, {page.past:,} past it, "
        f"{page.ahead:,} will get it{when}"
    )


def _wish(text: str) -> str:
    if not text:
        return "when the campaign says"
    return (
        f"on {text.replace('T', ' at ')}"
        if text[:4].isdigit() and text[4:5] == "-"
        else f"{text} after the page before"
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _when(moment: datetime) -> str:
    return f"{moment:%a %d %b %Y at %H:%M} UTC"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else _word(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
