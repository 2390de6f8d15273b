"""What the gates before a page ask the database: who the seeds are, who the canary is, how its copies fared.

Times are seconds since 1970; callers hold the lock of `store.campaigns.planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from newsletter.store.planning import DUE, seed_list


class Fate(NamedTuple):
    """How the copies of a page that went out so far fared; `under_way` are not final yet."""

    copies: int
    under_way: int
    bounced: int
    complained: int


def missing_seeds(connection: Connection, addresses: Sequence[str]) -> list[str]:
    """The addresses that no active subscriber has."""
    if not addresses:
        return []
    names, bound = seed_list(addresses)
    known = set(
        connection.execute(
            text(f"SELECT lower(address) FROM subscriber WHERE state = 'active' AND lower(address) IN ({names})"), bound
        ).scalars()
    )
    return [address for address in addresses if address.lower() not in known]


def mail_seeds(
    connection: Connection,
    campaign_id: int,
    page_id: str,
    email_hash: str,
    addresses: Sequence[str],
    now: int,
    give_up_at: int,
) -> int:
    """Make a delivery of a page for each seed: their first, or one more copy if they had the page before; how many."""
    names, bound = seed_list(addresses)
    return connection.execute(
        text(
            f"""
            INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, email_hash, state, due_at, give_up_at)
            SELECT :campaign, s.id, :page_id, coalesce((SELECT max(d.copy) + 1 FROM delivery d
                WHERE d.subscriber_id = s.id AND d.campaign_id = :campaign AND d.page_id = :page_id), 0),
                :hash, 'due', :now, :give_up_at
            FROM subscriber s WHERE s.state = 'active' AND lower(s.address) IN ({names})
            """
        ),
        {
            **bound,
            "campaign": campaign_id,
            "page_id": page_id,
            "hash": email_hash,
            "now": now,
            "give_up_at": give_up_at,
        },
    ).rowcount


def first_after_canary(
    connection: Connection, campaign_id: int, since: int, now: int, page_id: str, readers: int
) -> tuple[int, int] | None:
    """The (due time, subscriber) of the first reader behind the first `readers` who are due; None: nobody is."""
    row = connection.execute(
        text(
            f"SELECT e.due_at, e.subscriber_id FROM enrollment e WHERE {DUE} AND e.next_page_id = :page_id "
            "ORDER BY e.due_at, e.subscriber_id LIMIT 1 OFFSET :readers"
        ),
        {"campaign": campaign_id, "since": since, "now": now, "page_id": page_id, "readers": readers},
    ).first()
    return None if row is None else (row.due_at, row.subscriber_id)


def fate_of(connection: Connection, campaign_id: int, page_id: str, email_hash: str) -> Fate:
    """How the copies of this version of a page fared."""
    row = connection.execute(
        text(
            """
            SELECT count(*), coalesce(sum(CASE WHEN d.state IN ('due', 'claimed') THEN 1 ELSE 0 END), 0),
                   coalesce(sum(CASE WHEN d.state = 'failed' OR EXISTS (SELECT 1 FROM bounce b
                       WHERE b.delivery_id = d.id AND b.kind = 'bounce') THEN 1 ELSE 0 END), 0),
                   coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM bounce b
                       WHERE b.delivery_id = d.id AND b.kind = 'complaint') THEN 1 ELSE 0 END), 0)
            FROM delivery d WHERE d.campaign_id = :campaign AND d.page_id = :page_id AND d.email_hash = :hash
            """
        ),
        {"campaign": campaign_id, "page_id": page_id, "hash": email_hash},
    ).one()
    return Fate(*(int(count) for count in row))
