"""What the engine asks of the database, each in one transaction. Called from threads; knows no event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from newsletter.bounces.policy import Report, SoftLimit, apply_report
from newsletter.bounces.verdict import Kind
from newsletter.clock import Clock
from newsletter.delivery.pace import Pacemaker
from newsletter.delivery.smtp.reply import Reply
from newsletter.delivery.steady import steady
from newsletter.store import deliveries, traffic, uncertain
from newsletter.store.alerts import clear_alert, raise_alert
from newsletter.store.bounces import addressee_of_delivery
from newsletter.store.campaigns import RunningCampaign, running_campaigns
from newsletter.store.database import Database
from newsletter.store.deliveries import Claim, Outcome
from newsletter.store.traffic import Traffic

RESEND_PAUSE = 15 * 60
"""Seconds before an uncertain delivery is sent again, if its campaign says so (RFC 1047: the relay may still be busy)."""


class Refusal(NamedTuple):
    """A permanent refusal of one attempt at a delivery, for the bounce path."""

    id: int
    attempts: int
    reply: Reply


@dataclass
class Batch:
    """What is to be written down together."""

    outcomes: list[Outcome] = field(default_factory=list)
    uncertain: list[tuple[Claim, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    alerts: dict[str, str] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    handed: Counter[str] = field(default_factory=Counter)  # relay → messages it answered

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.uncertain or self.refusals or self.alerts or self.cleared)


class Ledger:
    """The deliveries of one worker. With a `pacemaker` campaigns keep to their limits per hour."""

    def __init__(
        self,
        database: Database,
        worker: str,
        clock: Clock,
        soft_limit: SoftLimit | None = None,
        pacemaker: Pacemaker | None = None,
    ) -> None:
        self.soft_limit = soft_limit or SoftLimit()
        self.is_holding_back = False  # the last claim left out what is due
        self._is_in_doubt = False
        self._pacemaker = pacemaker
        self.database = database
        self.worker = worker
        self.clock = clock

    def now(self) -> int:
        """Seconds since 1970."""
        return int(self.clock.now().timestamp())

    def claim(self, limit: int) -> list[Claim]:
        """Take what is due. Raises StoreError."""
        if self._is_in_doubt:
            # Its batch may be in the database or not: what it puts back, and would be claimed here, would be put back a
            # second time while it is on its way.
            self.is_holding_back = True
            return []
        now = self.now()
        with self.database.transaction() as connection:
            campaigns = running_campaigns(connection)
            room = self._room(connection, campaigns, now)
            claims = deliveries.claim(connection, self.worker, campaigns, limit, now, room)
        self.is_holding_back = bool(room)
        if self._pacemaker is not None and room:
            for found in claims:
                self._pacemaker.take(found.campaign_id, now=now)
        return claims

    def _room(self, connection: Connection, campaigns: Iterable[RunningCampaign], now: int) -> Mapping[int, int]:
        if self._pacemaker is None:
            return {}
        moment = steady()
        self._pacemaker.follow({campaign.id: campaign.per_hour for campaign in campaigns if campaign.per_hour})
        for key in self._pacemaker.unlearned(moment):
            hours = traffic.sent_by_hour(connection, key, now)
            self._pacemaker.learn(key, *hours, now=now, moment=moment)
        return self._pacemaker.room(now=now, moment=moment)

    def next_due(self) -> int | None:
        """When the next delivery is due. Raises StoreError."""
        with self.database.reading() as connection:
            return deliveries.next_due(connection)

    def count_due(self) -> int:
        """How many are due now. Raises StoreError."""
        with self.database.reading() as connection:
            return deliveries.count_due(connection, self.now())

    def hasten(self) -> int:
        """What waits for a limit that has changed is due now; how many. Raises StoreError."""
        with self.database.transaction() as connection:
            return deliveries.hasten(connection, self.now())

    def refuse(self, claims: Sequence[Claim]) -> dict[int, str]:
        """Which of `claims` may not go out any more; their rows are put right. Raises StoreError."""
        with self.database.reading() as connection:
            refused = deliveries.refusals(connection, self.worker, claims)
        if refused:
            with self.database.transaction() as connection:
                deliveries.put_back(connection, self.worker, refused, self.now())
        return refused

    def disclaim(self, claims: Iterable[Claim]) -> int:
        """These were surely not sent, and others may have taken them for a dead worker's: what they hold as uncertain
        is due again; how many. Raises StoreError."""
        now = self.now()
        outcomes = [
            Outcome(claim.id, claim.attempts, "due", now, relay=claim.last_relay, tried=False) for claim in claims
        ]
        with self.database.transaction() as connection:
            return deliveries.record(connection, self.worker, outcomes)

    def release(self, claims: Iterable[Claim]) -> int:
        """These were not sent; returns how many were ours. Raises StoreError."""
        with self.database.transaction() as connection:
            return deliveries.release(connection, self.worker, [claim.id for claim in claims])

    def release_others(self, held: frozenset[int]) -> int:
        """Claims in this worker's name of which it knows nothing: their commit went through, the answer was lost.

        Raises StoreError.
        """
        with self.database.transaction() as connection:
            mine = deliveries.claims_by_worker(connection).get(self.worker, [])
            return deliveries.release(connection, self.worker, [key for key, _ in mine if key not in held])

    def write_down(self, batch: Batch) -> dict[str, Traffic]:
        """Record everything in `batch`; returns the traffic of the relays in it, of all workers.

        Raises StoreError; then nothing can be claimed until the same batch is written down.
        """
        self._is_in_doubt = True
        found = self._write_down(batch)
        self._is_in_doubt = False
        return found

    def _write_down(self, batch: Batch) -> dict[str, Traffic]:
        now = self.now()
        with self.database.transaction() as connection:
            deliveries.record(connection, self.worker, batch.outcomes)
            for claim, reason in batch.uncertain:
                uncertain.mark_uncertain(connection, self.worker, [claim.id], reason, now, RESEND_PAUSE)
            for refusal in batch.refusals:
                write_refusal(connection, refusal, now, self.soft_limit)
            for subject, message in batch.alerts.items():
                raise_alert(connection, subject, message, now)
            for subject in batch.cleared:
                clear_alert(connection, subject, now)
            for relay, sent in batch.handed.items():
                traffic.add_traffic(connection, relay, now // 3600, sent)
            return {relay: traffic.traffic_of(connection, relay, now) for relay in batch.handed}

    def traffic(self, relay: str) -> Traffic:
        """What went through `relay` lately. Raises StoreError."""
        with self.database.reading() as connection:
            return traffic.traffic_of(connection, relay, self.now())


def write_refusal(connection: Connection, refusal: Refusal, now: int, limit: SoftLimit) -> None:
    """A permanent refusal in the dialogue is a bounce whose origin is proven: our relay said it to us."""
    from newsletter.bounces.reasons import (
        classify_reply,  # its phrases take a tenth of the start, and most runs need none
    )

    reply = refusal.reply
    addressee = addressee_of_delivery(connection, refusal.id)
    if addressee is None:  # erased meanwhile
        return
    # A bare 521 or 556 says that the domain takes no mail at all (RFC 7504): 5.1.10, null MX.
    status = reply.status or ("5.1.10" if reply.code in (521, 556) else "")
    report = Report(
        event_id=f"reply:{refusal.id}:{refusal.attempts}",
        kind=Kind.BOUNCE,
        verdict=classify_reply(reply.code, status, reply.text),
        at=datetime.fromtimestamp(now, UTC),
    )
    apply_report(connection, report, addressee, limit)
