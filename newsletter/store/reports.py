"""Figures about campaigns, for people. Times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text


class Progress(NamedTuple):
    """How far one reader is. `sent` counts the pages they got."""

    address: str
    state: str
    zone: str
    next_page_id: str | None
    due_at: int | None
    sent: int
    last_sent_at: int | None


def count_readers(connection: Connection, campaign_id: int) -> Mapping[str, int]:
    """State of the enrollment → readers."""
    rows = connection.execute(
        text("SELECT state, count(*) FROM enrollment WHERE campaign_id = :id GROUP BY state"), {"id": campaign_id}
    )
    return {state: int(count) for state, count in rows}


def count_deliveries(connection: Connection, campaign_id: int) -> Mapping[str, int]:
    """State of the delivery → deliveries."""
    rows = connection.execute(
        text("SELECT state, count(*) FROM delivery WHERE campaign_id = :id GROUP BY state"), {"id": campaign_id}
    )
    return {state: int(count) for state, count in rows}


def count_sent_by_page(connection: Connection, campaign_id: int) -> Mapping[str, int]:
    """Page id → readers who got it."""
    rows = connection.execute(
        text(
            "SELECT page_id, count(DISTINCT subscriber_id) FROM delivery WHERE campaign_id = :id AND state = 'sent' "
            "GROUP BY page_id"
        ),
        {"id": campaign_id},
    )
    return {page_id: int(count) for page_id, count in rows}


def progress_of_readers(connection: Connection, campaign_id: int, after: str, limit: int) -> list[Progress]:
    """The next `limit` readers by address, and how far each is."""
    rows = connection.execute(
        text(
            """
            SELECT s.address, e.state, e.zone, e.next_page_id, e.due_at,
                   (SELECT count(DISTINCT d.page_id) FROM delivery d WHERE d.subscriber_id = e.subscriber_id
                        AND d.campaign_id = e.campaign_id AND d.state = 'sent'),
                   (SELECT max(d.finished_at) FROM delivery d WHERE d.subscriber_id = e.subscriber_id
                        AND d.campaign_id = e.campaign_id AND d.state = 'sent')
            FROM enrollment e JOIN subscriber s ON s.id = e.subscriber_id
            WHERE e.campaign_id = :id AND s.address > :after ORDER BY s.address LIMIT :limit
            """
        ),
        {"id": campaign_id, "after": after, "limit": limit},
    )
    return [Progress(*row) for row in rows]
