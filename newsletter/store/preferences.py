"""What a person chose: pace, a pause, weekdays and an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from newsletter.store.tables import preference, subscriber

WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
PACES = (50, 100, 200, 400)
"""Per cent of the campaign's delay: twice as fast, as planned, half as fast, a quarter."""


@dataclass(frozen=True)
class Preference:
    """`pace` is per cent of the campaign's delay; empty `weekdays` and `hour` None mean the campaign's."""

    pace: int = 100
    paused_until: datetime | None = None
    weekdays: tuple[str, ...] = ()
    hour: int | None = None


def preference_of(connection: Connection, subscriber_id: int) -> Preference:
    """What a person chose; the defaults if nothing."""
    row = connection.execute(select(preference).where(preference.c.subscriber_id == subscriber_id)).one_or_none()
    if row is None:
        return Preference()
    until = None if row.paused_until is None else datetime.fromtimestamp(row.paused_until, UTC)
    return Preference(row.pace, until, tuple(day for day in row.weekdays.split(",") if day), row.hour)


def save_preference(connection: Connection, subscriber_id: int, chosen: Preference, *, at: datetime) -> None:
    """Write what a person chose; the scheduler hears of it and computes their due times anew."""
    values = {
        "pace": chosen.pace,
        "paused_until": None if chosen.paused_until is None else int(chosen.paused_until.timestamp()),
        "weekdays": ",".join(chosen.weekdays),
        "hour": chosen.hour,
    }
    statement = update(preference).where(preference.c.subscriber_id == subscriber_id).values(values)
    if not connection.execute(statement).rowcount:
        connection.execute(insert(preference).values(subscriber_id=subscriber_id, **values))
    touch(connection, subscriber_id, at=at)


def touch(connection: Connection, subscriber_id: int, *, at: datetime) -> None:
    """Mark a person as changed, which is how the scheduler hears of it."""
    statement = update(subscriber).where(subscriber.c.id == subscriber_id)
    connection.execute(statement.values(updated_at=int(at.timestamp())))
