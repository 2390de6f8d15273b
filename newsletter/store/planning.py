"""From due enrollments to deliveries, and from finished deliveries back: the queries of the scheduler.

An enrollment is due at a moment in (`since`, `now`], where `since` is the campaign's `planned_until`: what was due
before that has its delivery. Times are seconds since 1970; callers hold the lock of `store.campaigns.planning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from newsletter.campaigns.due import Preferences
from newsletter.store.enrollments import NEXT_PAGE, PREFERENCES, preferences_from, rows_changed
from newsletter.store.id_lists import among, id_list

DUE = "e.campaign_id = :campaign AND e.state = 'active' AND e.due_at > :since AND e.due_at <= :now"


class Finished(NamedTuple):
    """What deliveries have in common that are final and whose readers have not been moved on.

    With it what their readers' enrollments have in common (None: a seed's copy).
    """

    campaign_id: int
    page_id: str
    is_copy: bool
    state: str
    finished_at: int
    enrollment_state: str | None
    zone: str | None
    next_page_id: str | None
    due_at: int | None
    after_it: str | None
    preferences: Preferences


class Readers(NamedTuple):
    """The deliveries of a group, and their readers."""

    delivery_ids: list[int]
    subscriber_ids: list[int]


def refresh_statistics(connection: Connection) -> None:
    """Tell PostgreSQL's planner that very much has changed: its autovacuum looks minutes later.

    Measured with 300,000 readers, processor time: planning takes a quarter less when it is told after an enrolment. Then
    it must be told again before many are moved on, which takes a fifth longer with figures from before the planning.
    SQLite does without.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE enrollment")
        connection.exec_driver_sql("ANALYZE delivery")


def anything_due(connection: Connection, campaign_id: int, since: int, now: int) -> bool:
    """Whether any enrollment is due."""
    found = connection.execute(
        text(f"SELECT 1 FROM enrollment e WHERE {DUE} LIMIT 1"), {"campaign": campaign_id, "since": since, "now": now}
    )
    return found.first() is not None


def anything_finished(connection: Connection) -> bool:
    """Whether any delivery waits for its reader to be moved on."""
    found = connection.execute(text("SELECT 1 FROM delivery WHERE finished_at IS NOT NULL AND moved = 0 LIMIT 1"))
    return found.first() is not None


def anything_changed(connection: Connection, before: int) -> bool:
    """Whether any subscriber was added or changed."""
    found = connection.execute(
        text("SELECT 1 FROM subscriber WHERE updated_at > planned_at AND updated_at < :before LIMIT 1"),
        {"before": before},
    )
    return found.first() is not None


def next_due(connection: Connection, campaign_id: int, since: int) -> int | None:
    """When the next enrollment is due."""
    earliest: int | None = connection.execute(
        text(
            "SELECT min(e.due_at) FROM enrollment e WHERE e.campaign_id = :campaign AND e.state = 'active' "
            "AND e.due_at > :since"
        ),
        {"campaign": campaign_id, "since": since},
    ).scalar_one()
    return earliest


_PLAN = f"""
INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, email_hash, state, due_at, give_up_at)
SELECT e.campaign_id, e.subscriber_id, e.next_page_id, e.round * 100, cp.email_hash, 'due', e.due_at, :give_up_at
FROM enrollment e JOIN campaign_page cp ON cp.campaign_id = e.campaign_id AND cp.page_id = e.next_page_id
WHERE {DUE} ORDER BY e.subscriber_id"""


def plan_due(connection: Connection, campaign_id: int, since: int, now: int, give_up_at: int) -> int:
    """Turn every due enrollment into a delivery, in one statement; how many.

    The statement that skips deliveries which are there already costs half as much again (measured on both databases),
    so it runs only when the plain one meets such a row, which takes an operator's or a crash's help.
    """
    bound = {"campaign": campaign_id, "since": since, "now": now, "give_up_at": give_up_at}
    try:
        with connection.begin_nested():
            return connection.execute(text(_PLAN), bound).rowcount
    except IntegrityError:
        return connection.execute(text(f"{_PLAN} ON CONFLICT DO NOTHING"), bound).rowcount


def zones_due(connection: Connection, campaign_id: int, since: int, now: int, page_id: str | None = None) -> list[str]:
    """The zones in which somebody is due (for `page_id`, if given)."""
    rows = connection.execute(
        text(f"SELECT DISTINCT e.zone FROM enrollment e WHERE {DUE} {_page(page_id)}"),
        {"campaign": campaign_id, "since": since, "now": now} | _page_value(page_id),
    )
    return list(rows.scalars())


def defer(
    connection: Connection,
    campaign_id: int,
    since: int,
    now: int,
    until: Mapping[str, int | None],
    *,
    page_id: str | None = None,
    where: str = "",
    **bound: Any,
) -> int:
    """Make what is due wait until the moment given for its zone (None: the campaign ends before); how many.

    Zones that are not named are left alone. `where` narrows it down further, over `e`; `bound` are its values.
    """
    if not until:
        return 0
    rows = ", ".join(f"(:zone{number}, CAST(:until{number} AS BIGINT))" for number in range(len(until)))
    found: dict[str, Any] = {}
    for number, (zone, moment) in enumerate(until.items()):
        found |= {f"zone{number}": zone, f"until{number}": -1 if moment is None else moment}
    result = connection.execute(
        text(
            f"""
            WITH pause(zone, until) AS (VALUES {rows})
            UPDATE enrollment AS e SET
                due_at = (SELECT nullif(pause.until, -1) FROM pause WHERE pause.zone = e.zone),
                state = CASE WHEN (SELECT pause.until FROM pause WHERE pause.zone = e.zone) < 0
                             THEN 'ended' ELSE 'active' END
            WHERE {DUE} AND e.zone IN (SELECT pause.zone FROM pause) {_page(page_id)} {where}
            """
        ),
        found | bound | {"campaign": campaign_id, "since": since, "now": now} | _page_value(page_id),
    )
    return rows_changed(connection, result)


_HELD_BY_PLANNER = "reply = CASE WHEN attempts > 0 THEN reply END"
"""What the engine had put off now waits for its reader's hours: `store.deliveries.hasten` leaves it alone."""


def hold_deliveries(
    connection: Connection, campaign_id: int, before: int, until: Mapping[str, int], seeds: Sequence[str] = ()
) -> int:
    """Make deliveries that are due before `before` and did not leave wait until the moment of their reader's zone.

    Zones that are not named are left alone, and so are readers with preferences (`waiting_with_preferences`) and the
    addresses of `seeds`: they get each page before everybody else, whatever the hour; how many wait.
    """
    if not until:
        return 0
    others, addresses = _not_seeds(seeds)
    rows = ", ".join(f"(:zone{number}, CAST(:until{number} AS BIGINT))" for number in range(len(until)))
    found: dict[str, Any] = {}
    for number, (zone, moment) in enumerate(until.items()):
        found |= {f"zone{number}": zone, f"until{number}": moment}
    closed = f"""SELECT pause.until FROM enrollment e JOIN pause ON pause.zone = e.zone
        WHERE e.subscriber_id = d.subscriber_id AND e.campaign_id = d.campaign_id AND pause.until > d.due_at {others}
          AND NOT EXISTS (SELECT 1 FROM preference p WHERE p.subscriber_id = e.subscriber_id)"""
    result = connection.execute(
        text(
            f"""
            WITH pause(zone, until) AS (VALUES {rows})
            UPDATE delivery AS d SET due_at = ({closed}), {_HELD_BY_PLANNER}
            WHERE d.campaign_id = :campaign AND d.state = 'due' AND d.due_at < :before AND EXISTS ({closed})
            """
        ),
        found | addresses | {"campaign": campaign_id, "before": before},
    )
    return rows_changed(connection, result)


def seed_list(addresses: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The addresses as a list to compare `lower(address)` with, and its values."""
    bound = {f"seed{number}": address.lower() for number, address in enumerate(addresses)}
    return ", ".join(f":{name}" for name in bound), bound


def _not_seeds(addresses: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The condition that delivery `d` goes to none of the addresses, and its values."""
    if not addresses:
        return "", {}
    names, bound = seed_list(addresses)
    seed = f"SELECT 1 FROM subscriber s WHERE s.id = d.subscriber_id AND lower(s.address) IN ({names})"
    return f"AND NOT EXISTS ({seed})", bound


def anything_to_send(connection: Connection, campaign_id: int, before: int) -> bool:
    """Whether any delivery is due before `before`."""
    found = connection.execute(
        text("SELECT 1 FROM delivery WHERE campaign_id = :campaign AND state = 'due' AND due_at < :before LIMIT 1"),
        {"campaign": campaign_id, "before": before},
    )
    return found.first() is not None


class Personal(NamedTuple):
    """Somebody with preferences of their own who is due; `id` is the subscriber's, or a waiting delivery's."""

    id: int
    zone: str
    due_at: int
    preferences: Preferences


def personal_due(
    connection: Connection,
    campaign_id: int,
    since: int,
    now: int,
    *,
    page_id: str | None = None,
    where: str = "",
    **bound: Any,
) -> list[Personal]:
    """The people with preferences among those who are due; narrowed down as in `defer`."""
    rows = connection.execute(
        text(
            f"SELECT e.subscriber_id, e.zone, e.due_at, {PREFERENCES} FROM enrollment e "
            f"JOIN preference p ON p.subscriber_id = e.subscriber_id WHERE {DUE} {_page(page_id)} {where}"
        ),
        bound | {"campaign": campaign_id, "since": since, "now": now} | _page_value(page_id),
    )
    return _personal(rows)


def waiting_with_preferences(
    connection: Connection, campaign_id: int, before: int, seeds: Sequence[str] = ()
) -> list[Personal]:
    """The deliveries to people with preferences (no `seeds`) that are due before `before` and did not leave."""
    others, addresses = _not_seeds(seeds)
    rows = connection.execute(
        text(
            f"SELECT d.id, e.zone, d.due_at, {PREFERENCES} FROM delivery d "
            "JOIN enrollment e ON e.subscriber_id = d.subscriber_id AND e.campaign_id = d.campaign_id "
            "JOIN preference p ON p.subscriber_id = d.subscriber_id "
            f"WHERE d.campaign_id = :campaign AND d.state = 'due' AND d.due_at < :before {others}"
        ),
        {"campaign": campaign_id, "before": before} | addresses,
    )
    return _personal(rows)


def _personal(rows: Iterable[Row[Any]]) -> list[Personal]:
    cells: list[list[Any]] = [[*row] for row in rows]
    return [Personal._make([*row[:3], preferences_from(*row[3:])]) for row in cells]


def hold_delivery(connection: Connection, delivery_id: int, until: int) -> None:
    """Make one delivery that did not leave wait."""
    connection.execute(
        text(f"UPDATE delivery SET due_at = :until, {_HELD_BY_PLANNER} WHERE id = :id AND state = 'due'"),
        {"until": until, "id": delivery_id},
    )


def defer_one(connection: Connection, campaign_id: int, subscriber_id: int, until: int | None) -> None:
    """Make one reader wait; None: the campaign ends before."""
    connection.execute(
        text(
            "UPDATE enrollment SET due_at = :until, state = :state "
            "WHERE campaign_id = :campaign AND subscriber_id = :subscriber"
        ),
        {
            "until": until,
            "state": "ended" if until is None else "active",
            "campaign": campaign_id,
            "subscriber": subscriber_id,
        },
    )


def pages_due(connection: Connection, campaign_id: int, since: int, now: int) -> list[str]:
    """The pages that somebody is due for."""
    rows = connection.execute(
        text(f"SELECT DISTINCT e.next_page_id FROM enrollment e WHERE {DUE}"),
        {"campaign": campaign_id, "since": since, "now": now},
    )
    return list(rows.scalars())


def finished_deliveries(connection: Connection, limit: int) -> dict[Finished, Readers]:
    """Deliveries that are final and whose readers have not been moved on, the oldest first, in groups that are alike."""
    rows = connection.execute(
        text(
            f"""
            SELECT d.id, d.subscriber_id, d.campaign_id, d.page_id, d.copy <> coalesce(e.round, 0) * 100,
                   d.state, d.finished_at,
                   e.state, e.zone, e.next_page_id, e.due_at,
                   CASE WHEN e.next_page_id = d.page_id THEN {NEXT_PAGE} END,
                   {PREFERENCES}
            FROM delivery d
            LEFT JOIN enrollment e ON e.subscriber_id = d.subscriber_id AND e.campaign_id = d.campaign_id
            LEFT JOIN preference p ON p.subscriber_id = d.subscriber_id
            WHERE d.finished_at IS NOT NULL AND d.moved = 0 ORDER BY d.id LIMIT :limit
            """
        ),
        {"limit": limit},
    )
    alike: dict[tuple[Any, ...], Readers] = {}
    for delivery_id, subscriber_id, *shared in rows:
        group = alike.setdefault(tuple(shared), Readers([], []))
        group.delivery_ids.append(delivery_id)
        group.subscriber_ids.append(subscriber_id)
    return {Finished._make([*key[:10], preferences_from(*key[10:])]): readers for key, readers in alike.items()}


def mark_moved(connection: Connection, delivery_ids: Sequence[int]) -> None:
    """The readers of these deliveries have been moved on."""
    connection.execute(
        text(f"UPDATE delivery SET moved = 1 WHERE id {among(connection)}"),
        {"ids": id_list(connection, delivery_ids)},
    )


def _page(page_id: str | None) -> str:
    return "" if page_id is None else "AND e.next_page_id = :page_id"


def _page_value(page_id: str | None) -> dict[str, str]:
    return {} if page_id is None else {"page_id": page_id}
