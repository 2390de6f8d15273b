"""After a crash: what did the process that is gone send? Its journal tells; what it can't tell is uncertain."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from newsletter.bounces.policy import SoftLimit
from newsletter.delivery.journal import Key, Replay, dead_journals, is_alive
from newsletter.delivery.ledger import RESEND_PAUSE, Refusal, write_refusal
from newsletter.delivery.smtp.reply import Reply
from newsletter.store import deliveries
from newsletter.store.database import Database
from newsletter.store.leases import is_held, let_go, take
from newsletter.store.traffic import add_traffic
from newsletter.store.uncertain import mark_uncertain

LEASE_SECONDS = 60
"""After this long without a sign of life a worker on another machine counts as dead (PostgreSQL)."""


class Recovered(NamedTuple):
    """What one dead worker left: deliveries whose outcome its journal knew, that are due again, and that are uncertain."""

    worker: str
    recorded: int
    released: int
    uncertain: int


def lease_of(worker: str) -> str:
    """The name of the lease by which a worker shows that it lives."""
    return f"worker:{worker}"


def keep_alive(database: Database, worker: str) -> bool:
    """A sign of life; False: the lease ran out and others have taken the claims over. Raises StoreError."""
    with database.transaction() as connection:
        return take(connection, lease_of(worker), worker, LEASE_SECONDS)


def say_goodbye(database: Database, worker: str) -> None:
    """Nobody need wait for the lease to run out. Raises StoreError."""
    with database.transaction() as connection:
        let_go(connection, lease_of(worker), worker)


def recover(database: Database, folder: Path, now: int, soft_limit: SoftLimit | None = None) -> list[Recovered]:
    """Settle the claims of workers that are gone: those whose journal is in `folder`, and those of other machines whose
    lease has run out.

    By the journal: no intent → due again; reply known → recorded; intent without reply → uncertain, or due again
    after a pause if the campaign says so. Without a journal every claim is uncertain: nothing is sent again blindly.
    Raises StoreError, and OSError when a journal can't be read.
    """
    found: list[Recovered] = []
    for path, replay in dead_journals(folder):
        with database.transaction() as connection:
            claims = deliveries.claims_by_worker(connection).get(replay.worker, [])
            keys = [Key(*claim) for claim in claims]
            found.append(_settle(connection, replay, keys, now))
            _follow_up(connection, replay, frozenset(keys), now, soft_limit or SoftLimit())
            let_go(connection, lease_of(replay.worker), replay.worker)
        path.unlink()
    found += _settle_without_journal(database, folder, now)
    return [entry for entry in found if entry.recorded or entry.released or entry.uncertain]


def _settle(connection: Connection, replay: Replay, claims: list[Key], now: int) -> Recovered:
    in_doubt = replay.in_doubt
    doubtful = [key.id for key in claims if key in in_doubt]
    known = {Key(outcome.id, outcome.attempts) for outcome in replay.outcomes}
    untouched = [key.id for key in claims if key not in in_doubt and key not in known]
    recorded = deliveries.record(connection, replay.worker, replay.outcomes)
    uncertain = mark_uncertain(
        connection, replay.worker, doubtful, "the sender stopped before the reply came", now, RESEND_PAUSE
    )
    released = deliveries.release(connection, replay.worker, untouched)
    return Recovered(replay.worker, recorded, released, uncertain)


def _follow_up(connection: Connection, replay: Replay, claims: frozenset[Key], now: int, soft_limit: SoftLimit) -> None:
    """What else the dead process would have written down with its outcomes: bounces, and what its relays had to do."""
    unwritten = [outcome for outcome in replay.outcomes if Key(outcome.id, outcome.attempts) in claims]
    for outcome in unwritten:
        if outcome.state == "failed":
            reply = Reply(outcome.code or 0, outcome.reply)
            write_refusal(connection, Refusal(outcome.id, outcome.attempts, reply), now, soft_limit)
    for (relay, hour), count in Counter((outcome.relay, outcome.at // 3600) for outcome in unwritten).items():
        add_traffic(connection, relay, hour, count)


def _settle_without_journal(database: Database, folder: Path, now: int) -> list[Recovered]:
    found = []
    with database.transaction() as connection:
        for worker, claims in deliveries.claims_by_worker(connection).items():
            if is_alive(folder, worker) is not None:
                continue
            if database.is_postgresql and is_held(connection, lease_of(worker)):
                continue
            ids = [delivery_id for delivery_id, _ in claims]
            reason = "the sender is gone, and so is its journal"
            uncertain = mark_uncertain(connection, worker, ids, reason, now, RESEND_PAUSE)
            found.append(Recovered(worker, 0, 0, uncertain))
    return found
