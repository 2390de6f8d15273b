"""The engine for outboxes that are folders: claim, build, write a file, record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from newsletter.delivery.books import fail_broken
from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.ledger import Batch, Ledger
from newsletter.delivery.log import DeliveryLog
from newsletter.delivery.outbox import Outbox
from newsletter.delivery.packer import Packer
from newsletter.delivery.smtp.reply import Stage
from newsletter.delivery.tally import Tally
from newsletter.errors import ServiceError, StoreError
from newsletter.store.deliveries import Claim, Outcome

GROUP = 100


class FilingEngine:
    """Has the shape of `Engine`; a file is written again after a crash under the same name, so nothing is uncertain."""

    def __init__(
        self, ledger: Ledger, packer: Packer, journal: Journal, outbox: Outbox, log: DeliveryLog, *, limit: int | None
    ) -> None:
        self.ledger = ledger
        self.tally = Tally()
        self.log = log
        self.is_idle = False
        self._packer = packer
        self._journal = journal
        self._outbox = outbox
        self._limit = limit
        self._claims: list[Claim] = []
        self._batch = Batch()
        self._claim_in_doubt = False
        self._stopping = False
        self._something = asyncio.Event()

    @property
    def is_done(self) -> bool:
        """Whether as many as `limit` asks for were handled."""
        return self._limit is not None and self.tally.handled >= self._limit

    def stop(self) -> None:
        """Finish the group in hand and leave."""
        self._stopping = True
        self._something.set()

    def abort(self) -> None:
        """A group takes a moment: the same as `stop`."""
        self.stop()

    def nudge(self) -> None:
        """There may be something due."""
        self._something.set()

    async def run(self) -> None:
        """File what is due until `stop`. Raises ServiceError when the folder can't be written, StoreError when the
        database does not answer at the end."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:
            await loop.run_in_executor(thread, self._guarded(self._outbox.open))
            while not self._stopping:
                self._something.clear()
                self.is_idle = False
                try:
                    filed = await loop.run_in_executor(thread, self._guarded(self._file_group))
                except StoreError as error:
                    self.log.store_away(error)
                    filed = 0
                self.is_idle = not filed
                if not filed:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.5):
                            await self._something.wait()
            await loop.run_in_executor(thread, self._guarded(self._settle))

    def _guarded(self, work: Callable[[], int | None]) -> Callable[[], int | None]:
        def guarded() -> int | None:
            try:
                return work()
            except OSError as error:
                raise ServiceError(
                    f"can't be written: {error.strerror}", where=self._outbox.folder, remedy="Free space, or --outbox."
                ) from error

        return guarded

    def _file_group(self) -> int:
        self._settle()
        wanted = GROUP if self._limit is None else min(GROUP, self._limit - self.tally.handled)
        if wanted <= 0:
            return 0
        self._claim_in_doubt = True
        self._claims = self.ledger.claim(wanted)
        self._claim_in_doubt = False
        count = len(self._claims)
        try:
            self._fill(self._claims, self._batch)
        finally:
            self._settle()
        return count

    def _settle(self) -> None:
        """Write down what was filed and release the rest; also what an earlier group left when the database was away."""
        if self._claim_in_doubt:  # it may have been committed, and only the answer be lost
            self.ledger.release_others(frozenset())
            self._claim_in_doubt = False
        if not self._claims:
            return
        self._outbox.sync()
        written = {found.id for found in self._batch.outcomes}
        self.ledger.write_down(self._batch)
        self.ledger.release([claim for claim in self._claims if claim.id not in written])
        self._journal.forget([Key(claim.id, claim.attempts) for claim in self._claims])
        self._claims, self._batch = [], Batch()

    def _fill(self, claims: list[Claim], batch: Batch) -> None:
        built = self._packer.build(claims)
        refused = self._packer.clear(built.parcels)
        now = self.ledger.now()
        self.tally.unsent += len(refused)
        for claim, reason in built.broken:
            fail_broken(claim, reason, now, batch, self.tally, self.log)
        for parcel in built.parcels:
            if self._stopping:
                return
            if parcel.claim.id in refused:
                continue
            reply = self._outbox.keep(parcel)
            claim = parcel.claim
            outcome = Outcome(claim.id, claim.attempts, "sent", now, relay="outbox", code=reply.code, reply=reply.text)
            batch.outcomes.append(outcome)
            self.tally.sent += 1
            self.tally.octets += parcel.octets
            self.log.delivery(parcel, "outbox", Stage.DOT, reply, outcome)
