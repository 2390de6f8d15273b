"""What is behind readers: rows of `delivery`, also for pages that they were never sent (`passed`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from newsletter.store.campaigns import Campaign
from newsletter.store.enrollments import People


def pass_over(
    connection: Connection, campaign_id: int, pages: Sequence[tuple[str, str]], people: People, enrolled_at: int
) -> None:
    """Put pages behind readers who were enrolled at `enrolled_at`: for each zone its own, as (zone, page id)."""
    if not pages:
        return
    rows = ", ".join(f"(:zone{number}, :page{number})" for number in range(len(pages)))
    bound: dict[str, Any] = {}
    for number, (zone, page_id) in enumerate(pages):
        bound |= {f"zone{number}": zone, f"page{number}": page_id}
    connection.execute(
        text(
            f"""
            WITH gone(zone, page_id) AS (VALUES {rows})
            INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, state, due_at, finished_at, moved)
            SELECT e.campaign_id, e.subscriber_id, gone.page_id, e.round * 100, 'passed', e.enrolled_at, e.enrolled_at, 1
            FROM enrollment e JOIN gone ON gone.zone = e.zone
            WHERE e.campaign_id = :campaign AND e.enrolled_at = :enrolled_at AND {people.where(connection)}
            ON CONFLICT DO NOTHING
            """
        ),
        bound | {"campaign": campaign_id, "enrolled_at": enrolled_at} | people.bound(connection),
    )


def pass_over_inserted(connection: Connection, campaign_id: int, page_id: str, now: int) -> int:
    """A page was inserted: put it behind the readers who have had a page that comes after it; how many.

    What `newsletter.campaigns.progress.passed_over` says, in SQL, over the order in force.
    """
    return connection.execute(
        text(
            """
            INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, state, due_at, finished_at, moved)
            SELECT e.campaign_id, e.subscriber_id, :page_id, e.round * 100, 'passed', :now, :now, 1 FROM enrollment e
            WHERE e.campaign_id = :campaign AND EXISTS (
                SELECT 1 FROM delivery d
                JOIN campaign_page later ON later.campaign_id = d.campaign_id AND later.page_id = d.page_id
                JOIN campaign_page inserted ON inserted.campaign_id = d.campaign_id AND inserted.page_id = :page_id
                WHERE d.subscriber_id = e.subscriber_id AND d.campaign_id = e.campaign_id
                  AND d.copy >= e.round * 100 AND later.position > inserted.position)
            ON CONFLICT DO NOTHING
            """
        ),
        {"campaign": campaign_id, "page_id": page_id, "now": now},
    ).rowcount


def pages_behind(connection: Connection, campaign_id: int, subscriber_id: int) -> dict[str, str]:
    """The pages behind one reader: page id → state of its delivery."""
    rows = connection.execute(
        text(
            "SELECT page_id, state FROM delivery WHERE subscriber_id = :subscriber AND campaign_id = :campaign "
            "AND copy >= 100 * (SELECT coalesce(max(e.round), 0) FROM enrollment e "
            "WHERE e.subscriber_id = :subscriber AND e.campaign_id = :campaign) ORDER BY id"
        ),
        {"subscriber": subscriber_id, "campaign": campaign_id},
    )
    return {row.page_id: row.state for row in rows}


def welcome_back(connection: Connection, campaign: Campaign, people: People) -> None:
    """Readers who had left because they were suppressed, and are not any more, may go on where they were.

    The delivery that was suppressed was never sent, so it may be made anew. Their state is `ended` until they get a
    due time.
    """
    back = f"""SELECT e.subscriber_id FROM enrollment e JOIN subscriber s ON s.id = e.subscriber_id
        WHERE e.campaign_id = :campaign AND e.state = 'left' AND s.state = 'active' AND {people.where(connection)}
          AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_hash = s.address_hash
                          AND x.scope IN ('', :series))"""
    bound = {"campaign": campaign.id, "series": campaign.series} | people.bound(connection)
    connection.execute(
        text(
            f"DELETE FROM delivery WHERE campaign_id = :campaign AND state = 'suppressed' AND subscriber_id IN ({back})"
        ),
        bound,
    )
    connection.execute(
        text(f"UPDATE enrollment SET state = 'ended' WHERE campaign_id = :campaign AND subscriber_id IN ({back})"),
        bound,
    )
