"""What becomes of each message: first in the journal, then in the batch for the database, in the tally and in the log."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from newsletter.delivery.fate import Fate
from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.ledger import Batch, Refusal
from newsletter.delivery.log import DeliveryLog
from newsletter.delivery.outcome import Judge
from newsletter.delivery.pool import RelayPool
from newsletter.delivery.scribe import Scribe
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.tally import Tally
from newsletter.store.deliveries import Claim, Outcome


class Books:
    """The books of one engine; `now` gives seconds since 1970, `nudge` tells the engine that something has changed."""

    def __init__(
        self,
        journal: Journal,
        scribe: Scribe,
        tally: Tally,
        log: DeliveryLog,
        now: Callable[[], int],
        nudge: Callable[[], None],
    ) -> None:
        self.held: set[int] = set()
        """Claims of which no outcome is known yet."""
        self.journal_works = True
        self._journal = journal
        self._scribe = scribe
        self._tally = tally
        self._log = log
        self._now = now
        self._judge = Judge(now)
        self._nudge = nudge

    def commit(self, pool: RelayPool, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        """Judge the replies; make them and the intent durable; then note what follows. See `Clerk.commit`."""
        judged = [
            (parcel, stage, reply, *self._judge(parcel.claim, pool, stage, reply)) for parcel, stage, reply in answered
        ]
        works = True
        try:
            key = Key(starting.claim.id, starting.claim.attempts) if starting is not None else None
            self._journal.write([entry[4] for entry in judged], key)
        except OSError as error:
            works = False
            self.lose_journal(error)
        for parcel, stage, reply, verdict, outcome in judged:
            self._note(pool, parcel, stage, reply, outcome)
            if verdict.fate is Fate.SENT:
                pool.prosper(parcel.domain)
                continue
            if outcome.state == "failed":
                self._batch.refusals.append(Refusal(outcome.id, outcome.attempts, reply))
            self._judge.apply(pool, parcel, stage, reply, verdict, self._batch.alerts)
        if answered:
            self._batch.handed[pool.name] += len(answered)
            self._scribe.hurry_if_many()
            if not self.held:  # nothing is in hand: no need to wait for more
                self._scribe.hurry()
        return works

    def hand_back(self, parcel: Parcel) -> None:
        """It was surely not sent: it is due again, as it was."""
        try:
            self._journal.hand_back(Key(parcel.claim.id, parcel.claim.attempts))
        except OSError as error:
            self.lose_journal(error)
        self.put_back(parcel.claim, 0)

    def mark_uncertain(self, pool: RelayPool, parcel: Parcel, reason: str) -> None:
        """Its final dot may have reached the relay."""
        self._tally.uncertain += 1
        self.held.discard(parcel.claim.id)
        self._batch.uncertain.append((parcel.claim, reason))
        self._batch.handed[pool.name] += 1
        self._log.uncertain(parcel, pool.name, reason)
        self._scribe.hurry()

    def report_relay(self, pool: RelayPool, stage: Stage, reply: Reply, *, alert: bool) -> None:
        """Tell the operator that the relay rests, or (250) works again."""
        subject = f"relay:{pool.name}"
        if reply.code == 250:
            self._batch.cleared.add(subject)
            self._batch.alerts.pop(subject, None)
            self._log.relay_works(pool.name)
            return
        self._log.relay_rests(pool.name, stage, reply, pool.rest_left)
        while pool.queue:  # to other relays, or to this one later
            self.put_back(pool.queue.popleft().claim, 0)
        if alert:
            self._batch.cleared.discard(subject)
            self._batch.alerts[subject] = f"{stage.value}: {reply}"
            self._scribe.hurry()

    def put_back(self, claim: Claim, due_at: int) -> None:
        """It was not tried: it is due again, not before `due_at`."""
        self._settle(Outcome(claim.id, claim.attempts, "due", self._now(), due_at, relay=claim.last_relay, tried=False))
        self._nudge()

    def fail_broken(self, broken: Iterable[tuple[Claim, str]]) -> None:
        """No message could be made of them."""
        for claim, reason in broken:
            self.held.discard(claim.id)
            fail_broken(claim, reason, self._now(), self._batch, self._tally, self._log)

    def drop_refused(self, refused: Mapping[int, str]) -> None:
        """They may not go out any more; the database knows."""
        self.held.difference_update(refused)
        self._tally.unsent += len(refused)
        for delivery_id, reason in refused.items():
            self._log.refused(delivery_id, reason)
        if refused:
            self._nudge()

    def lose_journal(self, error: OSError) -> None:
        """Without it nothing is sent."""
        if self.journal_works:
            self._log.journal_away(os.strerror(error.errno) if error.errno else str(error))
        self.journal_works = False

    def try_journal(self) -> bool:
        """Whether it can be written again."""
        try:
            self._journal.write((), None)
            self._journal.release(())
        except OSError:
            return False
        self.journal_works = True
        self._log.journal_back()
        return True

    @property
    def _batch(self) -> Batch:
        return self._scribe.batch

    def _note(self, pool: RelayPool, parcel: Parcel, stage: Stage, reply: Reply, outcome: Outcome) -> None:
        if outcome.state == "sent":
            self._tally.sent += 1
            self._tally.octets += parcel.octets
        elif outcome.state == "failed":
            self._tally.failed += 1
        elif outcome.tried:
            self._tally.deferred += 1
        self._settle(outcome)
        self._log.delivery(parcel, pool.name, stage, reply, outcome)

    def _settle(self, outcome: Outcome) -> None:
        self.held.discard(outcome.id)
        self._batch.outcomes.append(outcome)


def fail_broken(claim: Claim, reason: str, now: int, batch: Batch, tally: Tally, log: DeliveryLog) -> None:
    """Write down that no message could be made of `claim`: it has failed, and the operator is told."""
    tally.failed += 1
    batch.outcomes.append(Outcome(claim.id, claim.attempts, "failed", now, reply=f"not sent: {reason}"))
    batch.alerts[f"campaign:{claim.campaign_id}"] = f"page {claim.page_id} can't be merged: {reason}"
    log.broken(claim, reason)
