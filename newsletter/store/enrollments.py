"""Enrollments: each subscriber's way through a campaign. Many rows at a time, in statements that never load them.

Times are seconds since 1970. Callers hold the lock of `newsletter.store.campaigns.planning`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    Row,
    Text,
    and_,
    case,
    column,
    exists,
    func,
    literal,
    select,
    text,
    values,
)

from newsletter.campaigns.due import NO_PREFERENCES, Preferences
from newsletter.store.id_lists import among, id_list
from newsletter.store.preferences import WEEKDAYS
from newsletter.store.tables import enrollment, subscriber, suppression
from newsletter.store.upsert import insert_into

PREFERENCES = "p.pace, p.paused_until, p.weekdays, p.hour"

NEXT_PAGE = """(SELECT cp.page_id FROM campaign_page cp WHERE cp.campaign_id = e.campaign_id AND NOT EXISTS (
    SELECT 1 FROM delivery x WHERE x.subscriber_id = e.subscriber_id AND x.campaign_id = e.campaign_id
                               AND x.page_id = cp.page_id AND x.copy >= e.round * 100) ORDER BY cp.position LIMIT 1)"""
"""The first page in order that is not behind the reader of enrollment `e`: what `progress.next_page` says, in SQL."""


class ZoneStart(NamedTuple):
    """For newcomers whose own zone is `name`: the zone they read in, and when their first page is due (None: never)."""

    name: str
    zone: str
    due: int | None


class Enrolled(NamedTuple):
    """An enrollment with what its due time depends on."""

    subscriber_id: int
    state: str
    zone: str
    next_page_id: str | None
    due_at: int | None
    enrolled_at: int
    last_sent_at: int | None
    own_zone: str
    preferences: Preferences

    @property
    def counted_from(self) -> int:
        """What the next due time is counted from."""
        return self.enrolled_at if self.last_sent_at is None else self.last_sent_at


class Change(NamedTuple):
    """The new values of an enrollment, or of many that went out together; `last_sent_at` None leaves it as it is."""

    state: str
    zone: str
    next_page_id: str | None
    due_at: int | None
    last_sent_at: int | None


def rows_changed(connection: Connection, result: CursorResult[Any]) -> int:
    """How many rows a statement changed that begins with WITH: Python's sqlite3 does not count those."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("SELECT changes()").scalar_one())
    return result.rowcount


def take_changed(connection: Connection, limit: int, before: int) -> list[int]:
    """Subscribers that were added or changed, not yet seen by the scheduler; from now on they count as seen.

    Only changes of seconds that are over: one more change in the same second must not be missed.
    """
    return list(
        connection.execute(
            text(
                "UPDATE subscriber SET planned_at = updated_at WHERE id IN (SELECT id FROM subscriber "
                "WHERE updated_at > planned_at AND updated_at < :before ORDER BY id LIMIT :limit) RETURNING id"
            ),
            {"limit": limit, "before": before},
        ).scalars()
    )


def zones_among(connection: Connection, who: ColumnElement[bool]) -> list[str]:
    """The zones, as the subscribers gave them, of those that `who` selects."""
    return list(connection.execute(select(subscriber.c.zone).where(who).distinct()).scalars())


@dataclass(frozen=True)
class People:
    """Some subscribers: those with given ids, or those in a range of ids (above `low`, at most `high`)."""

    ids: tuple[int, ...] | None = None
    low: int = 0
    high: int = 0

    @property
    def condition(self) -> ColumnElement[bool]:
        """Over the table subscriber."""
        if self.ids is not None:
            return subscriber.c.id.in_(self.ids)
        return and_(subscriber.c.id > self.low, subscriber.c.id <= self.high)

    def where(self, connection: Connection, name: str = "e.subscriber_id") -> str:
        """Over the column `name`, with the values of `bound`."""
        return f"{name} > :low AND {name} <= :high" if self.ids is None else f"{name} {among(connection)}"

    def bound(self, connection: Connection) -> dict[str, Any]:
        """The values that `where` needs."""
        return {"low": self.low, "high": self.high} if self.ids is None else {"ids": id_list(connection, self.ids)}


def enroll(
    connection: Connection,
    campaign_id: int,
    series: str,
    who: ColumnElement[bool],
    starts: Sequence[ZoneStart],
    first_page: str,
    now: int,
) -> int:
    """Enroll the active, unsuppressed subscribers that `who` selects and that are not enrolled yet; how many."""
    if not starts:
        return 0
    zones = (
        values(column("name", Text), column("zone", Text), column("due", BigInteger), name="start")
        .data([(start.name, start.zone, -1 if start.due is None else start.due) for start in starts])
        .cte("start")
    )
    suppressed = exists().where(
        suppression.c.address_hash == subscriber.c.address_hash, suppression.c.scope.in_(("", series))
    )
    chosen = (
        select(
            subscriber.c.id,
            literal(campaign_id),
            case((zones.c.due < 0, "ended"), else_="active"),
            zones.c.zone,
            literal(first_page),
            func.nullif(zones.c.due, -1),
            literal(now, BigInteger),
        )
        .join(zones, zones.c.name == subscriber.c.zone)
        .where(subscriber.c.state == "active", ~suppressed, who)
    )
    statement = (
        insert_into(connection, enrollment)
        .from_select(["subscriber_id", "campaign_id", "state", "zone", "next_page_id", "due_at", "enrolled_at"], chosen)
        .on_conflict_do_nothing()
    )
    return rows_changed(connection, connection.execute(statement, execution_options={"preserve_rowcount": True}))


_ENROLLED = f"""
SELECT e.subscriber_id, e.state, e.zone, e.next_page_id, e.due_at, e.enrolled_at, e.last_sent_at, s.zone AS own_zone,
       {PREFERENCES}
FROM enrollment e JOIN subscriber s ON s.id = e.subscriber_id LEFT JOIN preference p ON p.subscriber_id = s.id
WHERE e.campaign_id = :campaign"""


def enrolled_among(connection: Connection, campaign_id: int, people: People) -> list[Enrolled]:
    """The enrollments of these people."""
    rows = connection.execute(
        text(f"{_ENROLLED} AND {people.where(connection)}"), {"campaign": campaign_id} | people.bound(connection)
    )
    return [_enrolled(row) for row in rows]


def enrolled_after(connection: Connection, campaign_id: int, after: int, limit: int) -> list[Enrolled]:
    """The next `limit` enrollments by subscriber id; for walking through all of them in parts."""
    rows = connection.execute(
        text(f"{_ENROLLED} AND e.subscriber_id > :after ORDER BY e.subscriber_id LIMIT :limit"),
        {"campaign": campaign_id, "after": after, "limit": limit},
    )
    return [_enrolled(row) for row in rows]


def newcomers_with_preferences(connection: Connection, campaign_id: int, people: People, now: int) -> list[Enrolled]:
    """Those enrolled at `now` who have preferences of their own."""
    own = f"e.subscriber_id IN (SELECT subscriber_id FROM preference WHERE {people.where(connection, 'subscriber_id')})"
    rows = connection.execute(
        text(f"{_ENROLLED} AND e.enrolled_at = :now AND {own}"),
        {"campaign": campaign_id, "now": now} | people.bound(connection),
    )
    return [_enrolled(row) for row in rows]


_CHANGE_ONE = """UPDATE enrollment SET state = ?, zone = ?, next_page_id = ?, due_at = ?,
    last_sent_at = coalesce(?, last_sent_at) WHERE subscriber_id = ? AND campaign_id = ?"""
_CHANGE_MANY = text(
    """
    UPDATE enrollment e SET state = c.state, zone = c.zone, next_page_id = c.next_page_id, due_at = c.due_at,
        last_sent_at = coalesce(c.last_sent_at, e.last_sent_at)
    FROM unnest(CAST(:subscriber_id AS BIGINT[]), CAST(:state AS TEXT[]), CAST(:zone AS TEXT[]),
                CAST(:next_page_id AS TEXT[]), CAST(:due_at AS BIGINT[]), CAST(:last_sent_at AS BIGINT[]))
        AS c(subscriber_id, state, zone, next_page_id, due_at, last_sent_at)
    WHERE e.subscriber_id = c.subscriber_id AND e.campaign_id = :campaign_id
    """
)


def change(connection: Connection, campaign_id: int, changes: Mapping[Change, Sequence[int]]) -> None:
    """Write the new values of enrollments: each change for the subscribers it holds for."""
    rows = [(*step, subscriber_id, campaign_id) for step, readers in changes.items() for subscriber_id in readers]
    if not rows:
        return
    if connection.dialect.name == "postgresql":  # one statement: a round trip for each row costs ten times as much
        *values, subscriber_ids, _ = map(list, zip(*rows, strict=True))
        columns = dict(zip(Change._fields, values, strict=True))
        connection.execute(_CHANGE_MANY, {**columns, "subscriber_id": subscriber_ids, "campaign_id": campaign_id})
    else:
        connection.exec_driver_sql(_CHANGE_ONE, rows)  # SQLAlchemy's way with each row takes longer than the update


def find_next_pages(
    connection: Connection,
    campaign_id: int,
    people: People,
    *,
    enrolled_at: int | None = None,
    without: Literal["finished", "ended"] = "finished",
) -> int:
    """Look up anew which page comes next for these people (enrolled at `enrolled_at`, if given).

    Whoever's page is under way is left alone, and is moved on when it is final. Who has no page left has finished; or
    has `ended` and goes on when there is one again. Returns how many have none left who had one.
    """
    who, had = f"e.campaign_id = :campaign AND {people.where(connection)}", ""
    bound: dict[str, Any] = {"campaign": campaign_id} | people.bound(connection)
    if enrolled_at is not None:
        who += " AND e.enrolled_at = :enrolled_at"
        # most newcomers have nothing behind them and keep the first page: a look costs less than writing their rows
        had = "AND EXISTS (SELECT 1 FROM delivery h WHERE h.subscriber_id = e.subscriber_id AND h.campaign_id = e.campaign_id)"
        bound["enrolled_at"] = enrolled_at
    connection.execute(
        text(
            f"UPDATE enrollment AS e SET next_page_id = {NEXT_PAGE} WHERE {who} {had} AND NOT EXISTS (SELECT 1 FROM "
            "delivery d WHERE d.subscriber_id = e.subscriber_id AND d.campaign_id = e.campaign_id "
            "AND d.page_id = e.next_page_id AND d.copy = e.round * 100 AND d.moved = 0)"
        ),
        bound,
    )
    return connection.execute(
        text(
            "UPDATE enrollment AS e SET state = :without, due_at = NULL "
            f"WHERE {who} AND e.next_page_id IS NULL AND e.state IN ('active', 'ended') AND e.state <> :without"
        ),
        bound | {"without": without},
    ).rowcount


def highest_subscriber(connection: Connection) -> int:
    """The highest id of a subscriber; 0 when there is none."""
    return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM subscriber")).scalar_one())


def _enrolled(row: Row[Any]) -> Enrolled:
    cells: list[Any] = [*row]
    return Enrolled._make([*cells[:8], preferences_from(*cells[8:])])


def preferences_from(pace: int | None, paused_until: int | None, weekdays: str | None, hour: int | None) -> Preferences:
    """Preferences from the columns of their row; all NULL when there is none."""
    if pace is None:
        return NO_PREFERENCES
    days = frozenset(WEEKDAYS.index(day) for day in (weekdays or "").split(",") if day in WEEKDAYS)
    return Preferences(
        pace=pace,
        paused_until=None if paused_until is None else datetime.fromtimestamp(paused_until, UTC),
        weekdays=days or None,
        hour=hour,
    )
