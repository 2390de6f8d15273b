"""Deliveries of which nobody knows whether the relay took them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, text

from newsletter.store.id_lists import among, id_list


class Uncertain(NamedTuple):
    """A delivery of which nobody knows whether the relay took it."""

    id: int
    campaign: str
    page_id: str
    address: str
    reason: str
    due_at: int


def uncertain(connection: Connection, campaign_id: int | None = None, limit: int = 1000) -> list[Uncertain]:
    """The uncertain deliveries of one campaign or of all, for `newsletter campaign status`."""
    rows = connection.execute(
        text(
            f"""
            SELECT d.id, c.name, d.page_id, s.address, d.reply, d.due_at
            FROM delivery d JOIN campaign c ON c.id = d.campaign_id JOIN subscriber s ON s.id = d.subscriber_id
            WHERE d.state = 'uncertain' {"AND d.campaign_id = :campaign" if campaign_id is not None else ""}
            ORDER BY d.id LIMIT :limit
            """
        ),
        {"limit": limit} | ({} if campaign_id is None else {"campaign": campaign_id}),
    )
    return [
        Uncertain(row[0], row[1], row[2], row[3], (row[4] or "").removeprefix("uncertain: "), row[5]) for row in rows
    ]


def mark_uncertain(connection: Connection, worker: str, ids: Iterable[int], reason: str, now: int, pause: int) -> int:
    """The final dot may have reached the relay, the reply did not reach us.

    By the campaign's crash policy: `hold` keeps the delivery `uncertain` for a person to decide; `resend` makes it
    due once more after `pause` seconds, under the same Message-ID, and holds it if that is uncertain again.
    Returns rows changed.
    """
    wanted = list(ids)
    if not wanted:
        return 0
    again = """EXISTS (SELECT 1 FROM campaign c WHERE c.id = delivery.campaign_id AND c.crash_policy = 'resend')
               AND coalesce(reply, '') NOT LIKE 'uncertain:%'"""
    return connection.execute(
        text(
            f"""
            UPDATE delivery SET attempts = attempts + 1, reply_code = NULL, reply = :reason,
                state = CASE WHEN {again} THEN 'due' ELSE 'uncertain' END,
                worker = CASE WHEN {again} THEN NULL ELSE worker END,
                due_at = CASE WHEN {again} THEN :later ELSE due_at END
            WHERE id {among(connection)} AND worker = :worker AND state = 'claimed'
            """
        ),
        {
            "ids": id_list(connection, wanted),
            "worker": worker,
            "reason": f"uncertain: {reason}",
            "later": now + pause,
        },
    ).rowcount


def resolve_uncertain(connection: Connection, ids: Iterable[int], state: str, now: int) -> int:
    """A person decides about uncertain deliveries: `sent` (it arrived), `due` (send it again, same Message-ID) or
    `failed`. Returns how many were uncertain."""
    if state not in ("sent", "due", "failed"):
        raise ValueError(f"an uncertain delivery becomes sent, due or failed, not {state!r}")
    return connection.execute(
        text(
            "UPDATE delivery SET state = :state, worker = NULL, due_at = :due, finished_at = :finished "
            f"WHERE id {among(connection)} AND state = 'uncertain'"
            if state == "due"
            else "UPDATE delivery SET state = :state, worker = NULL, finished_at = :finished "
            f"WHERE id {among(connection)} AND state = 'uncertain'"
        ),
        {"ids": id_list(connection, list(ids)), "state": state, "finished": None if state == "due" else now}
        | ({"due": now} if state == "due" else {}),
    ).rowcount
