"""`newsletter run --dry-run`: plan, claim and build for real, in one transaction that is rolled back. Nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.delivery.ledger import Ledger
from newsletter.delivery.packer import Packer
from newsletter.message.keys import KeyRing, load_signers
from newsletter.store.database import Database

MOST_BUILT = 1000
"""Messages built to see that they can be; the rest is only counted."""


@dataclass(frozen=True)
class Rehearsed:
    """`due` would go out now; of the first thousand, `pages` says how many of which campaign and page, `broken` what
    can't be merged, `octets` how large they are together."""

    due: int
    pages: dict[tuple[str, str], int]
    broken: list[tuple[str, str]]
    octets: int


class RehearsalDatabase(Database):
    """Every transaction is a part of one that is never committed."""

    def __init__(self, database: Database, connection: Connection) -> None:
        super().__init__(database.engine)
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A part that is undone if it fails."""
        with self._connection.begin_nested():
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Sees what the rehearsal has written."""
        yield self._connection


def rehearse(
    settings: Settings,
    database: Database,
    ring: KeyRing,
    clock: Clock,
    *,
    plan: Callable[[Database], object],
    limit: int | None,
) -> Rehearsed:
    """What `newsletter run` would send now. Raises StoreError, SettingsError."""
    with database.engine.connect() as connection:
        outer = connection.begin()
        try:
            rehearsal = RehearsalDatabase(database, connection)
            plan(rehearsal)
            ledger = Ledger(rehearsal, "rehearsal", clock)
            due = ledger.count_due()
            claims = ledger.claim(min(MOST_BUILT, due if limit is None else limit))
            packed = Packer(settings, ledger, None, ring, load_signers(settings)).build(claims)
            names = {row.id: row.name for row in connection.execute(text("SELECT id, name FROM campaign"))}
        finally:
            outer.rollback()
    counted = Counter((names[parcel.claim.campaign_id], parcel.claim.page_id) for parcel in packed.parcels)
    broken = [(claim.address, reason) for claim, reason in packed.broken]
    return Rehearsed(
        due if limit is None else min(due, limit), dict(counted), broken, sum(p.octets for p in packed.parcels)
    )
