"""What tests of the audience share: keys, a clock that can be moved, and importing a text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.audience.addresses import fold
from newsletter.audience.importing import ImportReport, RowOutcome, import_subscribers
from newsletter.message.keys import Key, KeyRing, address_hash
from newsletter.store.database import Database


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing((Key(1, b"k" * 32),))


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def digest(ring: KeyRing) -> Callable[[str], bytes]:
    """The keyed hash of an address."""
    return lambda address: address_hash(ring, fold(address))


Importer = Callable[..., tuple[ImportReport, list[RowOutcome]]]


@pytest.fixture
def import_text(database: Database, ring: KeyRing, clock: MovableClock, tmp_path: Path) -> Importer:
    """Import a text as a CSV file into `database`; the report and what became of each row."""

    def run(text: str | bytes, name: str = "people.csv", **options: object) -> tuple[ImportReport, list[RowOutcome]]:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        rows: list[RowOutcome] = []
        report = import_subscribers(database, ring, path, clock, on_row=rows.append, **options)  # type: ignore[arg-type]
        return report, rows

    return run
