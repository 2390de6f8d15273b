"""One reader in one campaign: found, shown, skipped ahead, started again. Times are seconds since 1970.

Callers that change something hold the lock of `store.campaigns.planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select, text

from newsletter.store.editing import UNDER_WAY
from newsletter.store.id_lists import among, id_list
from newsletter.store.tables import subscriber


class Reader(NamedTuple):
    """A subscriber and their enrollment (None: not enrolled)."""

    subscriber_id: int
    address: str
    subscriber_state: str
    suppressed: str | None
    state: str | None
    zone: str | None
    next_page_id: str | None
    due_at: int | None
    round: int | None
    enrolled_at: int | None
    last_sent_at: int | None


class Sent(NamedTuple):
    """A delivery of one reader. `finished_at` is None while it is under way."""

    id: int
    page_id: str
    copy: int
    email_hash: str | None
    state: str
    due_at: int
    attempts: int
    reply: str | None
    finished_at: int | None


def reader_at(connection: Connection, campaign_id: int, series: str, address: str) -> Reader | None:
    """The reader with this address (capitals do not matter); None when nobody has it."""
    row = connection.execute(
        text(
            """
            SELECT s.id, s.address, s.state, (SELECT min(x.reason) FROM suppression x
                       WHERE x.address_hash = s.address_hash AND x.scope IN ('', :series)),
                   e.state, e.zone, e.next_page_id, e.due_at, e.round, e.enrolled_at, e.last_sent_at
            FROM subscriber s LEFT JOIN enrollment e ON e.subscriber_id = s.id AND e.campaign_id = :campaign
            WHERE lower(s.address) = lower(:address)
            """
        ),
        {"campaign": campaign_id, "series": series, "address": address},
    ).first()
    return None if row is None else Reader(*row)


def is_among(connection: Connection, condition: ColumnElement[bool], subscriber_id: int) -> bool:
    """Whether `condition`, over the table subscriber, selects this one."""
    found = connection.execute(select(subscriber.c.id).where(subscriber.c.id == subscriber_id, condition))
    return found.first() is not None


def deliveries_of(connection: Connection, campaign_id: int, subscriber_id: int) -> list[Sent]:
    """Everything this campaign sent or will send a reader now, in the order it was made."""
    rows = connection.execute(
        text(
            "SELECT id, page_id, copy, email_hash, state, due_at, attempts, reply, finished_at FROM delivery "
            "WHERE subscriber_id = :subscriber AND campaign_id = :campaign ORDER BY id"
        ),
        {"subscriber": subscriber_id, "campaign": campaign_id},
    )
    return [Sent(*row) for row in rows]


def withdraw(connection: Connection, campaign_id: int, subscriber_id: int, now: int) -> None:
    """Cancel a reader's next page, if it is planned and has not been claimed by a sender. Errata and copies sent again
    are other mails, and leave."""
    connection.execute(
        text(
            "UPDATE delivery SET state = 'cancelled', finished_at = :now, moved = 1 WHERE subscriber_id = :subscriber "
            "AND campaign_id = :campaign AND state = 'due' AND EXISTS (SELECT 1 FROM enrollment e "
            "WHERE e.subscriber_id = delivery.subscriber_id AND e.campaign_id = delivery.campaign_id "
            "AND e.next_page_id = delivery.page_id AND delivery.copy = e.round * 100)"
        ),
        {"subscriber": subscriber_id, "campaign": campaign_id, "now": now},
    )


def put_behind(connection: Connection, campaign_id: int, subscriber_id: int, page_id: str, now: int) -> None:
    """Put a page behind a reader without sending it."""
    connection.execute(
        text(
            "INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, state, due_at, finished_at, moved) "
            "SELECT :campaign, e.subscriber_id, :page_id, e.round * 100, 'passed', :now, :now, 1 FROM enrollment e "
            "WHERE e.subscriber_id = :subscriber AND e.campaign_id = :campaign ON CONFLICT DO NOTHING"
        ),
        {"subscriber": subscriber_id, "campaign": campaign_id, "page_id": page_id, "now": now},
    )


def begin_round(connection: Connection, campaign_id: int, subscriber_id: int) -> None:
    """From now on nothing is behind this reader; what they had stays in the ledger."""
    connection.execute(
        text("UPDATE enrollment SET round = round + 1 WHERE subscriber_id = :subscriber AND campaign_id = :campaign"),
        {"subscriber": subscriber_id, "campaign": campaign_id},
    )


def enroll_again(connection: Connection, campaign_id: int, subscriber_id: int, now: int) -> None:
    """Count from now, as if the reader had just been enrolled."""
    connection.execute(
        text(
            "UPDATE enrollment SET enrolled_at = :now, last_sent_at = NULL "
            "WHERE subscriber_id = :subscriber AND campaign_id = :campaign"
        ),
        {"subscriber": subscriber_id, "campaign": campaign_id, "now": now},
    )


def make_active(connection: Connection, campaign_id: int, subscriber_id: int) -> None:
    """A reader whose page is not under way goes on; the scheduler computes the due time (state `ended` asks for it)."""
    connection.execute(
        text(
            "UPDATE enrollment AS e SET state = 'ended' WHERE e.subscriber_id = :subscriber "
            f"AND e.campaign_id = :campaign AND e.state <> 'left' AND NOT {UNDER_WAY}"
        ),
        {"subscriber": subscriber_id, "campaign": campaign_id},
    )


def send_copy(
    connection: Connection,
    campaign_id: int,
    subscriber_id: int,
    page_id: str,
    email_hash: str,
    now: int,
    give_up_at: int,
) -> None:
    """One more copy of a page for one reader, with a Message-ID of its own."""
    connection.execute(
        text(
            "INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, email_hash, state, due_at, give_up_at) "
            "SELECT :campaign, :subscriber, :page_id, coalesce(max(d.copy) + 1, 0), :hash, 'due', :now, :give_up_at "
            "FROM delivery d WHERE d.subscriber_id = :subscriber AND d.campaign_id = :campaign AND d.page_id = :page_id"
        ),
        {
            "campaign": campaign_id,
            "subscriber": subscriber_id,
            "page_id": page_id,
            "hash": email_hash,
            "now": now,
            "give_up_at": give_up_at,
        },
    )


_GOT_AN_OLD_ONE = """d.campaign_id = :campaign AND d.page_id = :page_id AND d.state = 'sent' AND NOT d.email_hash {alike}
    AND NOT EXISTS (SELECT 1 FROM delivery n WHERE n.subscriber_id = d.subscriber_id AND n.campaign_id = d.campaign_id
                    AND n.page_id = d.page_id AND n.copy > d.copy AND n.state NOT IN ('passed', 'cancelled'))"""


def send_errata(
    connection: Connection, campaign_id: int, page_id: str, versions: Sequence[str], now: int, give_up_at: int
) -> int:
    """Mail the first of `versions` to everybody whose last copy of a page was none of them; how many."""
    return connection.execute(
        text(
            f"""
            INSERT INTO delivery (campaign_id, subscriber_id, page_id, copy, email_hash, state, due_at, give_up_at)
            SELECT d.campaign_id, d.subscriber_id, d.page_id, d.copy + 1, :hash, 'due', :now, :give_up_at
            FROM delivery d WHERE {_GOT_AN_OLD_ONE.format(alike=among(connection, "versions"))} ON CONFLICT DO NOTHING
            """
        ),
        {
            "campaign": campaign_id,
            "page_id": page_id,
            "hash": versions[0],
            "versions": id_list(connection, versions),
            "now": now,
            "give_up_at": give_up_at,
        },
    ).rowcount


def count_errata(connection: Connection, campaign_id: int, page_id: str, versions: Sequence[str]) -> int:
    """How many `send_errata` would mail."""
    old = _GOT_AN_OLD_ONE.format(alike=among(connection, "versions"))
    return int(
        connection.execute(
            text(f"SELECT count(*) FROM delivery d WHERE {old}"),
            {"campaign": campaign_id, "page_id": page_id, "versions": id_list(connection, versions)},
        ).scalar_one()
    )


def cancel_deliveries(connection: Connection, campaign_id: int, now: int) -> int:
    """Whatever has not been claimed by a sender will never leave; how many."""
    return connection.execute(
        text(
            "UPDATE delivery SET state = 'cancelled', finished_at = :now, moved = 1 "
            "WHERE campaign_id = :campaign AND state = 'due'"
        ),
        {"campaign": campaign_id, "now": now},
    ).rowcount
