"""Bringing in suppression lists: CSV with a column of addresses, our own export, or one address on each line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from newsletter.audience.addresses import fold, validate
from newsletter.audience.columns import EMAIL
from newsletter.audience.csv_reading import detect_encoding, open_csv
from newsletter.audience.statuses import read_word, squeeze
from newsletter.clock import Clock
from newsletter.errors import DataError
from newsletter.message.keys import KeyRing, address_hash
from newsletter.store.database import Database
from newsletter.store.suppressions import WEIGHT, Suppression, suppress_all
from newsletter.suppression import Reason

ROWS_PER_TRANSACTION = 5000


class _Line(NamedTuple):
    row: int
    address: str
    digest: str = ""
    reason: str = ""
    scope: str = ""
    problem: str = ""


def import_suppressions(
    database: Database,
    ring: KeyRing,
    path: Path,
    clock: Clock,
    *,
    reason: Reason = Reason.UNSUBSCRIBED,
    on_refused: Callable[[int, str, str], None] = lambda row, address, why: None,
) -> tuple[int, int]:
    """Suppress every address in a file; how many are new or weigh more now, and how many rows there were.

    `reason` holds for rows that give none. `on_refused` hears the row, the address and why. Raises DataError for a
    file that can't be read.
    """
    lines = _lines(path)
    changed = rows = 0
    while batch := list(islice(lines, ROWS_PER_TRANSACTION)):
        found: dict[tuple[bytes, str], Suppression] = {}
        for line in batch:
            rows += 1
            try:
                item = _understand(line, ring, reason, f"import of {path.name}", clock)
            except DataError as error:
                on_refused(line.row, line.address, error.message)
                continue
            before = found.get((item.address_hash, item.scope))
            if before is None or WEIGHT[item.reason] > WEIGHT[before.reason]:
                found[item.address_hash, item.scope] = item
        with database.transaction() as connection:
            changed += suppress_all(connection, list(found.values()))
    return changed, rows


def _understand(line: _Line, ring: KeyRing, default: Reason, source: str, clock: Clock) -> Suppression:
    if line.problem:
        raise DataError(line.problem)
    reason = _read_reason(line.reason) or default
    if not line.address and line.digest:
        return Suppression(_read_hash(line.digest), line.scope, reason, source, None, clock.now())
    address = validate(line.address)
    return Suppression(address_hash(ring, fold(address)), line.scope, reason, source, address, clock.now())


def _read_reason(text: str) -> Reason | None:
    text = text.strip().lower()
    if text in set(Reason):
        return Reason(text)
    return read_word(text).reason if text else None


def _read_hash(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError as error:
        raise DataError("has a hash that is none") from error
    if len(digest) != 32:
        raise DataError("has a hash of another length than ours")
    return digest


def _lines(path: Path) -> Iterator[_Line]:
    try:
        csv = open_csv(path, lambda cells: any(squeeze(cell) in EMAIL for cell in cells))
    except DataError as error:
        if "no header" not in error.message:
            raise
        yield from _bare_lines(path)
        return
    names = [squeeze(name) for name in csv.header]
    places = [next((at for at, name in enumerate(names) if name in wanted), None) for wanted in _WANTED]
    for record in csv.records():
        if record.problem:
            yield _Line(record.row, " ".join(record.cells)[:80], problem=record.problem)
            continue
        cells = ["" if at is None else record.cells[at].strip() for at in places]
        yield _Line(record.row, *cells)


_WANTED = (EMAIL, {"hash"}, {"reason", "status"}, {"scope"})


def _bare_lines(path: Path) -> Iterator[_Line]:
    with path.open(encoding=detect_encoding(path), errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _Line(number, line.strip().strip('",;'))
