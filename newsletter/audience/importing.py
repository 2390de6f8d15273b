"""Bringing subscribers in from CSV files of any sender.

Rows are taken in batches, each one transaction: an import that is cut short keeps whole batches, and run again it
ends as if it had never been. Who left here is never brought back, and who had left there is suppressed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from newsletter.audience.addresses import domain_takes_mail, fold
from newsletter.audience.memory import collecting_rarely
from newsletter.audience.rows import SubscriberRow, open_subscribers
from newsletter.audience.seen import SeenAddresses
from newsletter.audience.statuses import Standing
from newsletter.clock import Clock
from newsletter.message.keys import KeyRing, address_hash
from newsletter.store.bulk import take_turns, writing_much
from newsletter.store.consents import Consent, ConsentKind, record_consents, record_imports, with_changes_of_their_own
from newsletter.store.database import Database
from newsletter.store.subscribers import (
    NewSubscriber,
    StoredSubscriber,
    add_subscribers,
    subscribers_by_hash,
    tag_subscribers,
    tags_of,
    update_subscribers,
)
from newsletter.store.suppressions import WEIGHT, Suppression, suppress_all, suppressed_everywhere
from newsletter.subscriber import Subscriber
from newsletter.suppression import Reason

ROWS_PER_TRANSACTION = 10_000
"""More rows touch each page of the index of addresses fewer times; fewer keep the sender waiting less (about 0.4 s)."""


class Outcome(Enum):
    """What became of a row; the values are the words printed."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPPRESSED = "suppressed"
    REFUSED = "refused"


class RowOutcome(NamedTuple):
    """One row and what became of it; `reason` says why it was suppressed or refused, or what of it could not be used."""

    row: int
    address: str
    outcome: Outcome
    reason: str = ""


@dataclass
class ImportReport:
    """How many rows of a file came to which end, and how the file was read."""

    path: Path
    encoding: str
    delimiter: str
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    @property
    def rows(self) -> int:
        """All rows below the header."""
        return sum(self.counts.values())


@dataclass
class _Batch:
    """What a batch of rows asks of the database; `ids` are those of the people who were here before."""

    ids: dict[bytes, int] = field(default_factory=dict)
    add: dict[bytes, SubscriberRow] = field(default_factory=dict)
    update: list[Subscriber] = field(default_factory=list)
    suppress: dict[bytes, Suppression] = field(default_factory=dict)
    withdrawn: list[bytes] = field(default_factory=list)
    tags: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """What the database says about the addresses of a batch."""

    people: Mapping[bytes, StoredSubscriber]
    suppressed: Mapping[bytes, Suppression]
    tags: Mapping[int, tuple[str, ...]]
    changed_own_data: frozenset[int]


def import_subscribers(
    database: Database,
    ring: KeyRing,
    path: Path,
    clock: Clock,
    *,
    tags: tuple[str, ...] = (),
    dry_run: bool = False,
    check_dns: bool = False,
    on_row: Callable[[RowOutcome], None] = lambda row: None,
    on_position: Callable[[int, int], None] = lambda done, size: None,
) -> ImportReport:
    """Import one file; everybody in it who may be mailed also gets `tags`.

    `on_row` hears of each row in order, `on_position` of the bytes read and of how many there are. A dry run says
    the same and writes nothing. Raises DataError for a file that can't be read.
    """
    file = open_subscribers(path)
    report = ImportReport(path, file.csv.encoding, file.csv.delimiter)
    importing = _Importing(ring, clock, f"import of {path.name}", tags, check_dns)
    rows = file.rows(lambda done: on_position(done, file.csv.size))
    with collecting_rarely(), writing_much(database), SeenAddresses() as seen:
        for batch in _read_ahead(rows) if database.is_postgresql else _in_turn(rows):
            with database.transaction() as connection:
                if not dry_run:
                    take_turns(connection, b"imports!")
                outcomes, changes = importing.decide(connection, batch, seen)
                if not dry_run:
                    importing.write(connection, changes)
            for outcome in outcomes:
                report.counts[outcome.outcome] += 1
                on_row(outcome)
    on_position(file.csv.size, file.csv.size)
    return report


def _in_turn(rows: Iterator[SubscriberRow]) -> Iterator[list[SubscriberRow]]:
    return iter(lambda: _take(rows), [])


def _read_ahead(rows: Iterator[SubscriberRow]) -> Iterator[list[SubscriberRow]]:
    """The rows in batches, the next of them read in a thread while the server deals with the last.

    Not for SQLite, which works in this process: the two threads would wait for each other at every row, and a quarter
    more time is what an import then took (measured, 250 000 rows).
    """
    with ThreadPoolExecutor(1, "reader") as reader:
        coming = reader.submit(_take, rows)
        while batch := coming.result():
            coming = reader.submit(_take, rows)
            yield batch


def _take(rows: Iterator[SubscriberRow]) -> list[SubscriberRow]:
    return list(islice(rows, ROWS_PER_TRANSACTION))


@dataclass(frozen=True)
class _Importing:
    """One import: how it decides about rows and how it writes what it decided."""

    ring: KeyRing
    clock: Clock
    source: str
    tags: tuple[str, ...]
    check_dns: bool

    def decide(
        self, connection: Connection, rows: list[SubscriberRow], seen: SeenAddresses
    ) -> tuple[list[RowOutcome], _Batch]:
        """What becomes of each row, and what is to be written for it. Writes nothing."""
        hashes = [b"" if row.refusal else address_hash(self.ring, fold(row.address)) for row in rows]
        known = _ask(connection, [digest for digest in hashes if digest])
        first_rows = seen.note([(digest, row.row) for row, digest in zip(rows, hashes, strict=True) if digest])
        batch, outcomes = _Batch({digest: person.id for digest, person in known.people.items()}), []
        for row, digest in zip(rows, hashes, strict=True):
            if row.refusal:
                outcomes.append(RowOutcome(row.row, row.address, Outcome.REFUSED, row.refusal))
                continue
            outcome, reason = self._decide_one(row, digest, first_rows.get(digest, row.row), known, batch)
            outcomes.append(RowOutcome(row.row, row.address, outcome, reason or row.note))
        return outcomes, batch

    def _decide_one(
        self, row: SubscriberRow, digest: bytes, first: int, known: _Known, batch: _Batch
    ) -> tuple[Outcome, str]:
        person = known.people.get(digest)
        suppressed = batch.suppress.get(digest) or known.suppressed.get(digest)
        if row.standing is not Standing.MAILABLE and (why := row.standing.reason) is not None:
            if suppressed and WEIGHT[suppressed.reason] >= WEIGHT[why]:
                return Outcome.UNCHANGED, f"is suppressed here already ({suppressed.reason})"
            batch.suppress[digest] = Suppression(digest, "", why, self.source, row.address, self.clock.now())
            if person is not None or digest in batch.add:
                batch.withdrawn.append(digest)
            return Outcome.SUPPRESSED, f"was {_THERE[why]} there"
        if suppressed:
            return Outcome.REFUSED, f"{_HERE[suppressed.reason]} on {suppressed.at:%Y-%m-%d}"
        if first != row.row:
            return Outcome.REFUSED, f"repeats the address of row {first}"
        if row.standing is Standing.UNCONFIRMED:
            return (Outcome.UNCHANGED, "") if person else (Outcome.REFUSED, "never confirmed to want mail there")
        if self.check_dns and not _takes_mail(fold(row.address).rpartition("@")[2]):
            return Outcome.REFUSED, "its domain takes no mail, says DNS"
        if person is None:
            batch.add[digest] = row
            return Outcome.ADDED, ""
        return self._update(row, person, known, batch), ""

    def _update(self, row: SubscriberRow, person: StoredSubscriber, known: _Known, batch: _Batch) -> Outcome:
        merged = _merge(row, person.subscriber, own_choice=person.id in known.changed_own_data)
        new_tags = {*self.tags, *row.tags} - set(known.tags.get(person.id, ()))
        batch.tags += [(person.id, tag) for tag in sorted(new_tags)]
        if merged == person.subscriber and person.state == "active" and not new_tags:
            return Outcome.UNCHANGED
        batch.update.append(merged)  # also for tags alone: `updated_at` is how the scheduler hears of them
        return Outcome.UPDATED

    def write(self, connection: Connection, batch: _Batch) -> None:
        """Write what was decided."""
        now = self.clock.now()
        people = [NewSubscriber(digest, *row[1:5], row.attributes) for digest, row in batch.add.items()]
        ids = batch.ids | add_subscribers(connection, people, state="active", at=now)
        imported = [(ids[digest], _opt_in(row)) for digest, row in batch.add.items()]
        record_imports(connection, imported, source=self.source, at=now)
        withdrawn = [Consent(ids[digest], ConsentKind.WITHDRAWN, now, source=self.source) for digest in batch.withdrawn]
        record_consents(connection, withdrawn)
        update_subscribers(connection, batch.update, at=now, state="active")
        suppress_all(connection, list(batch.suppress.values()))
        for digest, row in batch.add.items():
            id = ids[digest]
            for tag in {*self.tags, *row.tags}:
                batch.tags.append((id, tag))
        tag_subscribers(connection, batch.tags)


_THERE = {
    Reason.BOUNCED: "undeliverable",
    Reason.BLOCKED: "blocked",
    Reason.UNSUBSCRIBED: "unsubscribed",
    Reason.COMPLAINED: "a complainer",
    Reason.ERASED: "erased",
}
_HERE = {
    Reason.BOUNCED: "bounced here",
    Reason.BLOCKED: "was blocked here",
    Reason.UNSUBSCRIBED: "unsubscribed here",
    Reason.COMPLAINED: "complained here",
    Reason.ERASED: "was erased here",
}


def _ask(connection: Connection, hashes: list[bytes]) -> _Known:
    people = subscribers_by_hash(connection, hashes)
    ids = [person.id for person in people.values()]
    if not ids:
        return _Known(people, suppressed_everywhere(connection, hashes), {}, frozenset())
    return _Known(
        people,
        suppressed_everywhere(connection, hashes),
        tags_of(connection, ids),
        with_changes_of_their_own(connection, ids),
    )


def _merge(row: SubscriberRow, person: Subscriber, *, own_choice: bool) -> Subscriber:
    """The person with what the row says; an empty cell says nothing, and what they chose themselves stands."""
    name, zone, lang = row.name or person.name, row.zone or person.zone, row.lang or person.lang
    if own_choice:
        name, zone, lang = person.name or name, person.zone or zone, person.lang or lang
    attributes = MappingProxyType({**person.attributes, **row.attributes})
    return Subscriber(person.address, name, zone, lang, attributes, person.id)


def _opt_in(row: SubscriberRow) -> str:
    return f"opted in there: {row.opted_in}" if row.opted_in else ""


@lru_cache(maxsize=65536)
def _takes_mail(domain: str) -> bool:
    return domain_takes_mail(domain)
