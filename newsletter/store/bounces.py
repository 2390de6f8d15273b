"""Bounces and complaints as they were reported, and whom a report is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from newsletter.store.tables import bounce, campaign, delivery, subscriber
from newsletter.store.upsert import insert_into


@dataclass(frozen=True)
class BounceRow:
    """One report. `severity` is hard, soft, sender or none; without `delivery_id` it waits for a person."""

    event_id: str
    kind: str
    severity: str
    at: datetime
    status: str = ""
    reason: str = ""
    delivery_id: int | None = None
    subscriber_id: int | None = None


@dataclass(frozen=True)
class Addressee:
    """The person a report is about. `changed_at` and `sent_at` tell whether the address is still the one mailed."""

    subscriber_id: int
    address: str
    address_hash: bytes
    changed_at: datetime
    delivery_id: int | None = None
    series: str = ""
    sent_at: datetime | None = None


def record_bounce(connection: Connection, row: BounceRow) -> bool:
    """Store a report; False if that event is known already: pipes, mailboxes and providers repeat themselves."""
    insert = insert_into(connection, bounce)
    values = {
        "event_id": row.event_id,
        "kind": row.kind,
        "severity": row.severity,
        "status": row.status,
        "reason": row.reason,
        "delivery_id": row.delivery_id,
        "subscriber_id": row.subscriber_id,
        "at": int(row.at.timestamp()),
    }
    statement = insert.values(values).on_conflict_do_nothing(index_elements=["event_id"]).returning(bounce.c.id)
    return connection.execute(statement).first() is not None


def is_recorded(connection: Connection, event_id: str) -> bool:
    """Whether a report of this event is stored."""
    return connection.execute(select(bounce.c.id).where(bounce.c.event_id == event_id)).first() is not None


def addressee_of_delivery(
    connection: Connection, delivery_id: int, subscriber_id: int | None = None
) -> Addressee | None:
    """Whom a delivery went to; None when the person was erased, the delivery never was, or it was not `subscriber_id`'s."""
    query = (
        select(subscriber, delivery.c.finished_at, campaign.c.series)
        .join(delivery, delivery.c.subscriber_id == subscriber.c.id)
        .join(campaign, campaign.c.id == delivery.c.campaign_id)
        .where(delivery.c.id == delivery_id)
    )
    if subscriber_id is not None:
        query = query.where(subscriber.c.id == subscriber_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    sent_at = datetime.fromtimestamp(row.finished_at, UTC) if row.finished_at else None
    changed_at = datetime.fromtimestamp(row.updated_at, UTC)
    return Addressee(row.id, row.address, bytes(row.address_hash), changed_at, delivery_id, row.series, sent_at)


def addressee_by_hash(connection: Connection, address_hash: bytes) -> Addressee | None:
    """The subscriber whose address has this keyed hash."""
    row = connection.execute(select(subscriber).where(subscriber.c.address_hash == address_hash)).first()
    if row is None:
        return None
    return Addressee(row.id, row.address, bytes(row.address_hash), datetime.fromtimestamp(row.updated_at, UTC))


def soft_bounces(connection: Connection, subscriber_id: int) -> list[tuple[datetime, int | None]]:
    """When a subscriber's mail bounced softly, the newest first, and which delivery each was."""
    query = (
        select(bounce.c.at, bounce.c.delivery_id)
        .where(bounce.c.subscriber_id == subscriber_id, bounce.c.severity == "soft")
        .order_by(bounce.c.at.desc())
        .limit(400)
    )
    return [(datetime.fromtimestamp(row.at, UTC), row.delivery_id) for row in connection.execute(query)]


def count_unmatched(connection: Connection) -> int:
    """Reports that could not be tied to anybody and wait for a person."""
    return connection.execute(select(func.count()).where(bounce.c.subscriber_id.is_(None))).scalar_one()
