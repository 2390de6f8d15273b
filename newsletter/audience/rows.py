"""Rows of a CSV file as subscribers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from newsletter.audience.addresses import validate
from newsletter.audience.attributes import flatten, typed
from newsletter.audience.columns import Columns, is_header, recognise
from newsletter.audience.csv_reading import CsvFile, Record, open_csv
from newsletter.audience.statuses import Standing, squeeze, standing_of_file
from newsletter.errors import DataError
from newsletter.subscriber import Subscriber

_LANG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_LANG_NAMES = {
    "english": "en", "englisch": "en", "anglais": "en", "ingles": "en", "german": "de", "deutsch": "de", "allemand": "de",
    "aleman": "de", "french": "fr", "francais": "fr", "franzosisch": "fr", "frances": "fr", "spanish": "es", "espanol": "es",
    "spanisch": "es", "espagnol": "es", "italian": "it", "italiano": "it", "dutch": "nl", "nederlands": "nl",
    "portuguese": "pt", "portugues": "pt", "polish": "pl", "polski": "pl",
}  # fmt: skip
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
SAMPLE_RECORDS = 200


class SubscriberRow(NamedTuple):
    """One row, understood. `refusal` says why it can't be used; then the other fields may be empty.

    `note` says what could not be taken as what its column is for, and is kept as an attribute.
    """

    row: int
    address: str
    name: str = ""
    zone: str = ""
    lang: str = ""
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}  # noqa: RUF012 – never changed; a new one for each row is slow
    standing: Standing = Standing.MAILABLE
    opted_in: str = ""
    refusal: str = ""
    note: str = ""


@dataclass(frozen=True)
class SubscriberFile:
    """A CSV file of subscribers and what its columns hold."""

    csv: CsvFile
    columns: Columns
    standing: Standing = field(default=Standing.MAILABLE)

    def rows(self, on_position: Callable[[int], None] | None = None) -> Iterator[SubscriberRow]:
        """Each row in order. Raises DataError as `CsvFile.records` does."""
        for record in self.csv.records(on_position):
            yield _understand(record, self.columns, self.standing)


def open_subscribers(path: Path) -> SubscriberFile:
    """Open a CSV file of subscribers.

    Raises DataError for a file that is no CSV, that has no e-mail column (it names those it has) or more than one.
    """
    csv = open_csv(path, is_header)
    sample = [record.cells for record in islice(csv.records(), SAMPLE_RECORDS) if not record.problem]
    try:
        columns = recognise(csv.header, sample)
    except DataError as error:
        raise DataError(error.message, where=path, remedy=error.remedy) from error
    return SubscriberFile(csv, columns, standing_of_file(path.name))


def read_example(path: Path) -> Iterator[Subscriber]:
    """The people in an example file, without a database; `id` is 0.

    Raises DataError, with file and row, for the first row that can't be used: an example should be a good one.
    """
    for row in open_subscribers(path).rows():
        if row.refusal:
            raise DataError(f"row {row.row} {row.refusal}", where=path, remedy="Mend the row, or take it out.")
        attributes = MappingProxyType(dict(row.attributes))
        yield Subscriber(row.address, row.name, row.zone, row.lang, attributes)


@lru_cache(maxsize=4096)
def split_tags(cell: str) -> tuple[str, ...]:
    """The tags in a cell, sorted: `a, b`, `a;b`, Mailchimp's `"a","b"` or a JSON list."""
    cell = cell.strip()
    if not cell:
        return ()
    if cell.startswith("["):
        try:
            return _clean_tags(str(item) for item in json.loads(cell))
        except (ValueError, TypeError, RecursionError):
            pass
    return _clean_tags(part.strip().strip('"') for part in re.split(r"[,;|]", cell))


def clean_tag(tag: str) -> str:
    """A tag on one line, without blanks around it."""
    return _BLANKS.sub(" ", tag).strip()


def _clean_tags(tags: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted({cleaned for tag in tags if (cleaned := clean_tag(tag))}))


def _understand(record: Record, columns: Columns, of_file: Standing) -> SubscriberRow:
    if record.problem:
        return SubscriberRow(record.row, " ".join(record.cells)[:80], refusal=record.problem)
    cells = record.cells
    written = cells[columns.email].strip().strip("\u200b\ufeff\xa0")  # blanks that spreadsheets hide around an address
    try:
        address = validate(written)
        standing = of_file
        for at, read in columns.statuses:
            standing = max(standing, read(cells[at]), key=_gravity)
        attributes = _read_attributes(cells, columns)
    except DataError as error:
        return SubscriberRow(record.row, written.strip(), refusal=error.message)
    zone, zone_note = _read_zone(cells, columns, attributes)
    lang, lang_note = _read_lang(cells, columns, attributes)
    return SubscriberRow(
        record.row,
        address,
        _read_name(cells, columns),
        zone,
        lang,
        tuple(tag for at in columns.tags for tag in split_tags(cells[at])) if columns.tags else (),
        attributes,
        standing,
        cells[columns.opted_in].strip() if columns.opted_in is not None else "",
        note="; ".join(filter(None, (zone_note, lang_note))) if zone_note or lang_note else "",
    )


def _gravity(standing: Standing) -> int:
    return standing.value


def _read_name(cells: list[str], columns: Columns) -> str:
    """On one line: it goes into the header To."""
    name = cells[columns.name] if columns.name is not None else ""
    if not name.strip():
        first = cells[columns.first_name] if columns.first_name is not None else ""
        last = cells[columns.last_name] if columns.last_name is not None else ""
        name = f"{first} {last}"
    name = " ".join(name.split())
    return name if name.isprintable() else _BLANKS.sub(" ", name).strip()


def _read_attributes(cells: list[str], columns: Columns) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for at, key in columns.attributes:
        cell = cells[at]
        if cell and (cell := cell.strip()):
            attributes[key] = typed(cell)
    for at in columns.json:
        cell = cells[at].strip()
        if not cell:
            continue
        flat = flatten(cell)
        if flat is None:
            attributes["data"] = typed(cell)
            continue
        _refuse_unstorable(flat)
        attributes |= flat
    return attributes


def _refuse_unstorable(flat: dict[str, Any]) -> None:
    """JSON can spell what text can't hold: `\\u0000` and half a surrogate pair; PostgreSQL takes neither."""
    text = json.dumps(flat, ensure_ascii=False)
    if "\\u0000" in text or _SURROGATE.search(text):
        raise DataError(
            "has attributes with characters that can't be stored (\\u0000, half a surrogate pair); take them out"
        )


def _read_zone(cells: list[str], columns: Columns, attributes: dict[str, Any]) -> tuple[str, str]:
    """An IANA zone; anything else is kept as the attribute `zone`, and a note says that the campaign's zone is used."""
    if columns.zone is None or not (text := cells[columns.zone].strip()):
        return "", ""
    zone = find_zone(text)
    if zone:
        return zone, ""
    attributes.setdefault("zone", text)
    return "", f"{text[:40]!r} is no time zone like Europe/Paris: the campaign's is used"


@lru_cache(maxsize=4096)
def find_zone(text: str) -> str:
    """`text` as an IANA time zone (`Europe/Paris`), else "". Mailtrain writes `europe/paris`, people `America/New York`."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _zones_in_lower_case().get(text.lower().replace(" ", "_"), "")
    return text


@cache
def _zones_in_lower_case() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones() if "/" in name}


def _read_lang(cells: list[str], columns: Columns, attributes: dict[str, Any]) -> tuple[str, str]:
    """A BCP 47 tag; anything else is kept as the attribute `lang`, and a note says so."""
    if columns.lang is None or not (text := cells[columns.lang].strip()):
        return "", ""
    lang = _LANG_NAMES.get(squeeze(text), text.replace("_", "-") if _LANG.fullmatch(text) else "")
    if lang:
        return lang, ""
    attributes.setdefault("lang", text)
    return "", f"{text[:40]!r} is no language like en or pt-BR: the site's is used"
