"""What changing a campaign midway does to its readers. Callers hold the lock of `store.campaigns.planning`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, case, exists, func, select, text

from newsletter.store.enrollments import People
from newsletter.store.id_lists import among, id_list
from newsletter.store.tables import enrollment, subscriber, suppression

EVERYBODY = People(low=0, high=2**62)

UNDER_WAY = """EXISTS (SELECT 1 FROM delivery d WHERE d.subscriber_id = e.subscriber_id
    AND d.campaign_id = e.campaign_id AND d.page_id = e.next_page_id AND d.copy = e.round * 100 AND d.moved = 0)"""


def count_audience(connection: Connection, condition: ColumnElement[bool], series: str) -> tuple[int, int]:
    """How many active, unsuppressed subscribers `condition` selects, and how many of them have no time zone."""
    suppressed = exists().where(
        suppression.c.address_hash == subscriber.c.address_hash, suppression.c.scope.in_(("", series))
    )
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(case((subscriber.c.zone == "", 1), else_=0)), 0)).where(
            subscriber.c.state == "active", ~suppressed, condition
        )
    ).one()
    return int(row[0]), int(row[1])


def count_outside(connection: Connection, campaign_id: int, condition: ColumnElement[bool]) -> int:
    """How many readers under way `condition`, over the table subscriber, does not select (any more)."""
    return connection.execute(
        select(func.count())
        .select_from(enrollment.join(subscriber, subscriber.c.id == enrollment.c.subscriber_id))
        .where(enrollment.c.campaign_id == campaign_id, enrollment.c.state.in_(("active", "paused")), ~condition)
    ).scalar_one()


def count_page(
    connection: Connection, campaign_id: int, page_id: str, versions: Sequence[str] | None
) -> tuple[int, int]:
    """(readers of the campaign, those of them who are past the page or, if versions are given, have got one of them)."""
    had = (
        ""
        if versions is None
        else f"AND d.email_hash {among(connection)} AND d.state IN ('sent', 'claimed', 'uncertain')"
    )
    row = connection.execute(
        text(
            "SELECT (SELECT count(*) FROM enrollment e WHERE e.campaign_id = :campaign), (SELECT count(*) FROM delivery d "
            "JOIN enrollment e ON e.subscriber_id = d.subscriber_id AND e.campaign_id = d.campaign_id WHERE "
            f"d.campaign_id = :campaign AND d.page_id = :page_id AND d.copy = e.round * 100 AND d.state <> 'cancelled' {had})"
        ),
        {"campaign": campaign_id, "page_id": page_id}
        | ({} if versions is None else {"ids": id_list(connection, versions)}),
    ).one()
    return int(row[0]), int(row[1])


def earliest(connection: Connection, campaign_id: int, page_id: str) -> int | None:
    """When the first reader whose next page it is will get it."""
    found: int | None = connection.execute(
        text(
            "SELECT min(e.due_at) FROM enrollment e WHERE e.campaign_id = :campaign AND e.state = 'active' "
            "AND e.next_page_id = :page_id"
        ),
        {"campaign": campaign_id, "page_id": page_id},
    ).scalar_one()
    return found


def withdraw_page(connection: Connection, campaign_id: int, page_id: str, now: int) -> int:
    """A page was deleted: what has not left yet never will; its readers go on with the page after it; how many.

    What was never tried leaves no trace, so that the page can still reach its readers if it comes back. What was tried
    stays in the ledger: it may have arrived.
    """
    bound = {"campaign": campaign_id, "page_id": page_id}
    untried = connection.execute(
        text(
            "DELETE FROM delivery WHERE campaign_id = :campaign AND state = 'due' AND page_id = :page_id "
            "AND attempts = 0"
        ),
        bound,
    ).rowcount
    tried = connection.execute(
        text(
            "UPDATE delivery SET state = 'cancelled', finished_at = :now, moved = 1 WHERE campaign_id = :campaign "
            "AND state = 'due' AND page_id = :page_id"
        ),
        bound | {"now": now},
    ).rowcount
    return untried + tried


def swap_email(connection: Connection, campaign_id: int, page_id: str, email_hash: str) -> int:
    """A page was edited: what has not been tried yet goes out in the new version; a retry keeps the version it began with."""
    return connection.execute(
        text(
            "UPDATE delivery SET email_hash = :hash WHERE campaign_id = :campaign AND state = 'due' "
            "AND page_id = :page_id AND attempts = 0"
        ),
        {"campaign": campaign_id, "page_id": page_id, "hash": email_hash},
    ).rowcount


def revive(connection: Connection, campaign_id: int, planned_until: int) -> int:
    """Readers whose due time was planned, but who have no delivery under way, are due again; how many.

    Their page was withdrawn, or an operator moved them. The scheduler computes their due time anew.
    """
    return connection.execute(
        text(
            "UPDATE enrollment AS e SET due_at = :soon WHERE e.campaign_id = :campaign AND e.state = 'active' "
            f"AND e.due_at <= :planned_until AND NOT {UNDER_WAY}"
        ),
        {"campaign": campaign_id, "planned_until": planned_until, "soon": planned_until + 1},
    ).rowcount


def take_back_planned(connection: Connection, campaign_id: int, planned_until: int) -> int:
    """Deliveries that were planned and never tried are taken back, to be planned anew; how many.

    Not those of a page whose canary is being watched: they are what is watched.
    """
    return connection.execute(
        text(
            """
            DELETE FROM delivery WHERE campaign_id = :campaign AND state = 'due' AND attempts = 0 AND EXISTS (
                SELECT 1 FROM enrollment e JOIN campaign_page cp
                    ON cp.campaign_id = e.campaign_id AND cp.page_id = e.next_page_id
                WHERE e.subscriber_id = delivery.subscriber_id AND e.campaign_id = delivery.campaign_id
                  AND e.state = 'active' AND e.due_at <= :planned_until AND e.next_page_id = delivery.page_id
                  AND delivery.copy = e.round * 100 AND (cp.canary_at IS NULL OR cp.opened_at IS NOT NULL))
            """
        ),
        {"campaign": campaign_id, "planned_until": planned_until},
    ).rowcount


def resume_finished(connection: Connection, campaign_id: int) -> int:
    """Evergreen: readers who have finished and for whom there is a page again go on; how many."""
    return connection.execute(
        text(
            "UPDATE enrollment SET state = 'ended' WHERE campaign_id = :campaign AND state = 'finished' "
            "AND next_page_id IS NOT NULL"
        ),
        {"campaign": campaign_id},
    ).rowcount
