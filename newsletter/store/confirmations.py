"""Confirmations: what waits for its one click, and the mails that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from newsletter.store.tables import confirmation, consent, subscriber, suppression
from newsletter.suppression import THEIR_OWN_WISH

Kind = Literal["subscribe", "address"]
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Confirmation:
    """One request. `address` is where the mail goes; for the kind `address` it is the new one."""

    id: int
    subscriber_id: int
    kind: Kind
    series: str
    address: str
    address_hash: bytes
    lang: str
    requested_at: datetime
    mails: int
    confirmed_at: datetime | None


def request_confirmation(
    connection: Connection,
    subscriber_id: int,
    kind: Kind,
    *,
    address: str,
    address_hash: bytes,
    series: str,
    lang: str,
    at: datetime,
) -> int:
    """Note a request, its mail due at once; the id."""
    seconds = int(at.timestamp())
    values = {
        "subscriber_id": subscriber_id,
        "kind": kind,
        "series": series,
        "address": address,
        "address_hash": address_hash,
        "lang": lang,
        "requested_at": seconds,
        "due_at": seconds,
    }
    return int(connection.execute(insert(confirmation).values(values).returning(confirmation.c.id)).scalar_one())


def requested_since(connection: Connection, address_hash: bytes, since: datetime) -> int:
    """How many requests for an address there were since then: somebody may be typing in other people's addresses."""
    query = select(func.count()).where(
        confirmation.c.address_hash == address_hash, confirmation.c.requested_at > int(since.timestamp())
    )
    return int(connection.execute(query).scalar_one())


def confirmation_by_id(connection: Connection, confirmation_id: int) -> Confirmation | None:
    """The request with this id, if it has not been purged."""
    row = connection.execute(select(confirmation).where(confirmation.c.id == confirmation_id)).one_or_none()
    return _read(row) if row else None


def mark_confirmed(connection: Connection, confirmation_id: int, *, at: datetime) -> None:
    """The person clicked: no more mail."""
    statement = update(confirmation).where(confirmation.c.id == confirmation_id)
    connection.execute(statement.values(confirmed_at=int(at.timestamp()), due_at=None))


def due_confirmations(connection: Connection, *, now: datetime, limit: int) -> Iterator[Confirmation]:
    """Requests whose mail (the first, or the reminder) is due, longest due first.

    Not those of an address that has complained, bounced or been blocked since: the first mail may have been the cause.
    """
    refused = exists().where(
        suppression.c.address_hash == confirmation.c.address_hash,
        suppression.c.reason.not_in([reason.value for reason in THEIR_OWN_WISH]),
    )
    query = (
        select(confirmation)
        .where(confirmation.c.due_at <= int(now.timestamp()), confirmation.c.confirmed_at.is_(None), ~refused)
        .order_by(confirmation.c.due_at)
        .limit(limit)
    )
    return map(_read, connection.execute(query).all())


def schedule_mail(connection: Connection, confirmation_id: int, *, due: datetime | None, sent: bool) -> None:
    """When the next mail is due (None: never); `sent` counts one more."""
    values: dict[str, Any] = {"due_at": None if due is None else int(due.timestamp())}
    if sent:
        values["mails"] = confirmation.c.mails + 1
    connection.execute(update(confirmation).where(confirmation.c.id == confirmation_id).values(values))


def forget_confirmations(connection: Connection, address_hash: bytes) -> None:
    """Delete all requests for an address."""
    connection.execute(delete(confirmation).where(confirmation.c.address_hash == address_hash))


def purge_confirmations(connection: Connection, *, now: datetime) -> int:
    """Delete requests of more than 30 days ago, and the people who never confirmed; how many people."""
    limit = int((now - KEPT).timestamp())
    connection.execute(delete(confirmation).where(confirmation.c.requested_at < limit))
    waiting = exists().where(confirmation.c.subscriber_id == subscriber.c.id)
    confirmed = exists().where(
        consent.c.subscriber_id == subscriber.c.id, or_(consent.c.kind == "confirmed", consent.c.kind == "imported")
    )
    unconfirmed = (subscriber.c.state == "pending", subscriber.c.created_at < limit, ~waiting, ~confirmed)
    return connection.execute(delete(subscriber).where(*unconfirmed)).rowcount


def _read(row: Row[Any]) -> Confirmation:
    confirmed = None if row.confirmed_at is None else datetime.fromtimestamp(row.confirmed_at, UTC)
    return Confirmation(
        row.id,
        row.subscriber_id,
        row.kind,
        row.series,
        row.address,
        bytes(row.address_hash),
        row.lang,
        datetime.fromtimestamp(row.requested_at, UTC),
        row.mails,
        confirmed,
    )
