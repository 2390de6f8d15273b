"""The consent log: append-only, what a person agreed to or withdrew, in which words, where and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from newsletter.store.bulk import insert_new, select_by
from newsletter.store.tables import consent

_WRITTEN = ("subscriber_id", "kind", "scope", "wording", "source", "ip", "at")


class ConsentKind(StrEnum):
    """What happened; the values are what the table holds."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Consent:
    """One entry. `scope` is a series or "" for all; `wording` what was shown, `source` the page or file it came from."""

    subscriber_id: int
    kind: ConsentKind
    at: datetime
    scope: str = ""
    wording: str = ""
    source: str = ""
    ip: str = ""


def record_consent(connection: Connection, entry: Consent) -> None:
    """Append one entry."""
    record_consents(connection, [entry])


def record_consents(connection: Connection, entries: Sequence[Consent]) -> None:
    """Append many entries."""
    rows = [
        (
            entry.subscriber_id,
            entry.kind.value,
            entry.scope,
            entry.wording,
            entry.source,
            entry.ip,
            int(entry.at.timestamp()),
        )
        for entry in entries
    ]
    insert_new(connection, consent, _WRITTEN, rows)


def record_imports(connection: Connection, people: Sequence[tuple[int, str]], *, source: str, at: datetime) -> None:
    """Append an entry for each imported person: their id and what the file says about their consent."""
    seconds = int(at.timestamp())
    rows = [(id, ConsentKind.IMPORTED.value, "", wording, source, "", seconds) for id, wording in people]
    insert_new(connection, consent, _WRITTEN, rows)


def consents_of(connection: Connection, subscriber_id: int) -> tuple[Consent, ...]:
    """A person's log, oldest first."""
    query = select(consent).where(consent.c.subscriber_id == subscriber_id).order_by(consent.c.id)
    return tuple(
        Consent(
            row.subscriber_id,
            ConsentKind(row.kind),
            datetime.fromtimestamp(row.at, UTC),
            row.scope,
            row.wording,
            row.source,
            row.ip,
        )
        for row in connection.execute(query)
    )


def with_changes_of_their_own(connection: Connection, subscriber_ids: Iterable[int]) -> frozenset[int]:
    """Those who changed their own data here: what they chose is not overwritten by an old file."""
    rows = select_by(
        connection, (consent.c.subscriber_id, consent.c.kind), consent.c.subscriber_id, list(subscriber_ids)
    )
    return frozenset(id for id, kind in rows if kind == ConsentKind.CHANGED.value)
