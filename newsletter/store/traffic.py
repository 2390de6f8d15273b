"""How much went through each relay, by the hour: what limits and warm-up go by, over all workers."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text


class Traffic(NamedTuple):
    """What went through a relay lately: this hour, the hour before, today (UTC), and days before today with traffic."""

    this_hour: int
    last_hour: int
    today: int
    days_before: int


def add_traffic(connection: Connection, relay: str, hour: int, sent: int) -> int:
    """Count messages handed to `relay` in `hour` (whole hours since 1970); returns that hour's count over all workers."""
    return int(
        connection.execute(
            text(
                "INSERT INTO traffic (relay, hour, sent) VALUES (:relay, :hour, :sent) "
                "ON CONFLICT (relay, hour) DO UPDATE SET sent = traffic.sent + excluded.sent RETURNING sent"
            ),
            {"relay": relay, "hour": hour, "sent": sent},
        ).scalar_one()
    )


def traffic_of(connection: Connection, relay: str, now: int) -> Traffic:
    """The traffic of `relay` seen from `now`, for limits per hour and warm-up."""
    hour, day = now // 3600, now // 86400
    row = connection.execute(
        text(
            """
            SELECT coalesce(sum(CASE WHEN hour = :hour THEN sent END), 0),
                   coalesce(sum(CASE WHEN hour = :hour - 1 THEN sent END), 0),
                   coalesce(sum(CASE WHEN hour >= :midnight THEN sent END), 0),
                   count(DISTINCT CASE WHEN hour < :midnight THEN hour / 24 END)
            FROM traffic WHERE relay = :relay
            """
        ),
        {"relay": relay, "hour": hour, "midnight": day * 24},
    ).one()
    return Traffic(*(int(value) for value in row))


def sent_by_hour(connection: Connection, campaign_id: int, now: int) -> tuple[int, int]:
    """Mails of a campaign that went out in this hour of the clock, and in the one before."""
    hour = now // 3600 * 3600
    row = connection.execute(
        text(
            """
            SELECT coalesce(sum(CASE WHEN finished_at >= :hour THEN 1 ELSE 0 END), 0),
                   coalesce(sum(CASE WHEN finished_at < :hour THEN 1 ELSE 0 END), 0)
            FROM delivery WHERE campaign_id = :campaign AND state = 'sent' AND finished_at >= :before
            """
        ),
        {"campaign": campaign_id, "hour": hour, "before": hour - 3600},
    ).one()
    return int(row[0]), int(row[1])
