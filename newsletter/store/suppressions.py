"""Suppressions: addresses that must not be mailed, and why.

A suppression is kept by the keyed hash of the folded address, so that it outlives the person's data. Its scope is
a series, or "" for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Case, ColumnElement, Connection, and_, case, delete, func, select

from newsletter.store.bulk import select_by
from newsletter.store.tables import suppression
from newsletter.store.upsert import insert_into
from newsletter.suppression import Reason

WEIGHT: Mapping[Reason, int] = {
    Reason.BOUNCED: 1,
    Reason.BLOCKED: 2,
    Reason.UNSUBSCRIBED: 3,
    Reason.COMPLAINED: 4,
    Reason.ERASED: 5,
}
"""A heavier reason replaces a lighter one. A person's wish outweighs a fault: when an operator lifts a bounce, whoever
had also unsubscribed must not be mailed."""


@dataclass(frozen=True)
class Suppression:
    """One row. `address` is None once the person has been erased."""

    address_hash: bytes
    scope: str
    reason: Reason
    source: str
    address: str | None
    at: datetime


def suppress(
    connection: Connection,
    address_hash: bytes,
    reason: Reason,
    *,
    at: datetime,
    scope: str = "",
    source: str = "",
    address: str | None = None,
) -> bool:
    """Suppress an address; whether that changed anything. Saying it twice changes nothing."""
    return suppress_all(connection, [Suppression(address_hash, scope, reason, source, address, at)]) > 0


def suppress_all(connection: Connection, rows: Sequence[Suppression]) -> int:
    """Suppress many addresses, each (hash, scope) at most once in `rows`; how many rows are new or weigh more now."""
    if not rows:
        return 0
    insert = insert_into(connection, suppression)
    new = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=["address_hash", "scope"],
        set_={"reason": new.reason, "source": new.source, "address": new.address, "at": new.at},
        where=_weight(new.reason) > _weight(suppression.c.reason),
    )
    before = _heaviest(connection, rows)
    connection.execute(
        upsert,
        [
            {
                "address_hash": row.address_hash,
                "scope": row.scope,
                "reason": row.reason.value,
                "source": row.source,
                "address": row.address,
                "at": int(row.at.timestamp()),
            }
            # in one order: two processes that suppress the same people must not wait for each other
            for row in sorted(rows, key=lambda row: (row.address_hash, row.scope))
        ],
    )
    return sum(1 for row in rows if WEIGHT[row.reason] > before.get((row.address_hash, row.scope), 0))


def is_suppressed(connection: Connection, address_hash: bytes, scope: str) -> bool:
    """Whether the address must not get mail of the series `scope` ("" asks only about everything)."""
    return bool(suppressions_of(connection, address_hash, scope))


def is_anyone_suppressed(connection: Connection) -> bool:
    """Whether the list holds anybody."""
    return connection.execute(select(suppression.c.address_hash).limit(1)).first() is not None


def suppressions_of(connection: Connection, address_hash: bytes, scope: str | None = None) -> tuple[Suppression, ...]:
    """What is suppressed for an address: everything and the series `scope`; None: in every scope."""
    query = select(suppression).where(suppression.c.address_hash == address_hash)
    if scope is not None:
        query = query.where(suppression.c.scope.in_({"", scope}))
    return tuple(_read(row) for row in connection.execute(query.order_by(suppression.c.scope)))


def suppressed_everywhere(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, Suppression]:
    """Those of `hashes` that are suppressed for everything."""
    rows = map(_read, select_by(connection, list(suppression.c), suppression.c.address_hash, hashes))
    return {found.address_hash: found for found in rows if not found.scope}


def lift(connection: Connection, address_hash: bytes, reasons: Iterable[Reason], *, scope: str | None = None) -> int:
    """Take suppressions for one of `reasons` away, in one scope or (None) in all; how many there were."""
    query = delete(suppression).where(
        suppression.c.address_hash == address_hash, suppression.c.reason.in_([reason.value for reason in reasons])
    )
    if scope is not None:
        query = query.where(suppression.c.scope == scope)
    return connection.execute(query).rowcount


def forget_address(connection: Connection, address_hash: bytes, *, at: datetime) -> None:
    """Keep nothing but the hash, for good: the person was erased and an import must not bring them back."""
    connection.execute(delete(suppression).where(suppression.c.address_hash == address_hash))
    suppress(connection, address_hash, Reason.ERASED, at=at)


def list_suppressions(connection: Connection, *, batch: int = 5000) -> Iterator[Suppression]:
    """Every suppression in the order of its key, read in batches: memory stays flat."""
    last: tuple[bytes, str] | None = None
    order = (suppression.c.address_hash, suppression.c.scope)
    while True:
        query = select(suppression).order_by(*order).limit(batch)
        if last is not None:
            after = and_(suppression.c.address_hash == last[0], suppression.c.scope > last[1])
            query = query.where((suppression.c.address_hash > last[0]) | after)
        rows = connection.execute(query).all()
        for row in rows:
            yield _read(row)
        if len(rows) < batch:
            return
        last = (rows[-1].address_hash, rows[-1].scope)


def count_suppressions(connection: Connection) -> dict[Reason, int]:
    """How many addresses are suppressed for each reason."""
    query = select(suppression.c.reason, func.count()).group_by(suppression.c.reason)
    return {Reason(reason): count for reason, count in connection.execute(query)}


def _weight(reason: ColumnElement[str]) -> Case[int]:
    return case({name.value: weight for name, weight in WEIGHT.items()}, value=reason, else_=0)


def _heaviest(connection: Connection, rows: Sequence[Suppression]) -> dict[tuple[bytes, str], int]:
    found = select_by(
        connection,
        (suppression.c.address_hash, suppression.c.scope, suppression.c.reason),
        suppression.c.address_hash,
        [row.address_hash for row in rows],
    )
    return {(bytes(digest), scope): WEIGHT[Reason(reason)] for digest, scope, reason in found}


def _read(row: Sequence[Any]) -> Suppression:
    digest, scope, reason, source, address, at = row
    return Suppression(bytes(digest), scope, Reason(reason), source, address, datetime.fromtimestamp(at, UTC))
