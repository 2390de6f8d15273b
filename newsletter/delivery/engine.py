"""The sending engine: claims → parcels → relays → outcomes, on one event loop with a few threads beside it.

Every message goes this way: its row is claimed (database); it is built and signed, its going out made durable, and
it is asked whether the person may still be mailed (packer); it waits at most a moment in a relay's queue;
intent (journal), final dot, reply (journal); and the outcome is written to the database with some hundred others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from newsletter.config import RelaySettings
from newsletter.delivery.books import Books
from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.ledger import Ledger
from newsletter.delivery.log import DeliveryLog
from newsletter.delivery.packer import Built, Packer
from newsletter.delivery.pool import RelayPool
from newsletter.delivery.routing import Router
from newsletter.delivery.scribe import Scribe
from newsletter.delivery.signing import SigningProcesses
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.delivery.steady import steady
from newsletter.delivery.tally import Tally
from newsletter.errors import StoreError
from newsletter.store.deliveries import Claim
from newsletter.store.traffic import Traffic

GROUP = 128
"""Parcels packed together: one sync of the journal and one look at the suppressions for all of them."""

MORSEL = 8
"""Messages built in one go on the event loop: well under a millisecond."""

SIGNED_TOGETHER = 32
"""Messages built in one go and sent to a signing process: a question to it costs as much as four messages."""

CLAIM = 500
"""Rows claimed together."""

POLL_EVERY = 0.5


class Engine:
    """Sends what is due until told to stop. It is the office of its relay pools."""

    def __init__(
        self,
        ledger: Ledger,
        packer: Packer,
        journal: Journal,
        relays: Mapping[str, RelaySettings],
        log: DeliveryLog,
        *,
        timeouts: Timeouts,
        limit: int | None = None,
        signing: SigningProcesses | None = None,
    ) -> None:
        self.ledger = ledger
        self.clock = ledger.clock
        self.tally = Tally()
        self.log = log
        self._packer = packer
        self._signing = signing
        self._most_packing = signing.count + 1 if signing else 2
        self._group = 2 * SIGNED_TOGETHER if signing else GROUP
        self._journal = journal
        self._timeouts = timeouts
        self._limit = limit
        self._router = Router({name: RelayPool(name, relay, timeouts, self) for name, relay in relays.items()})
        self._claimed: deque[Claim] = deque()
        self._claim_in_doubt = False
        self._scribe = Scribe(ledger, journal, log, self._learn)
        self._books = Books(journal, self._scribe, self.tally, log, ledger.now, self.nudge)
        self._packing = 0
        self._exhausted = False  # the last look found nothing due
        self._stopping = False
        self._is_aborted = False
        self._fault: BaseException | None = None
        self._something = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="pack")

    # running

    async def run(self) -> None:
        """Send until `stop`. Claims that were not sent are released, outcomes written, before this returns."""
        watch = self._spawn(self._watch())
        writer = self._spawn(self._scribe.write_on())
        try:
            if self._signing is not None:
                await self._signing.start()
            await self._learn_traffic()
            while not self._stopping:
                self._something.clear()
                await self._claim_more()
                self._pack_more()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_EVERY):
                        await self._something.wait()
                if self._fault is not None:
                    raise self._fault
            await self._wind_up()
        finally:
            self.stop()  # also after a fault: nothing new is taken while connections say goodbye
            watch.cancel()
            writer.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._router.close()
            if self._signing is not None:
                await self._signing.close()
            self._threads.shutdown(wait=True)
            self._scribe.close()

    def stop(self) -> None:
        """Finish the messages in hand and leave."""
        self._stopping = True
        self._router.finish()
        self._something.set()

    def abort(self) -> None:
        """Leave now: connections are cut, what had its final dot on the way becomes uncertain."""
        self._is_aborted = True
        self.stop()
        self._router.drop("stopped by the operator")

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in hand and nothing was due when last looked."""
        return self._exhausted and self._scribe.is_done and not (self._books.held or self._packing)

    @property
    def is_done(self) -> bool:
        """Whether as many as `limit` asks for were handled."""
        return self._limit is not None and self.tally.handled >= self._limit and self._scribe.is_done

    def apply(self, relays: Mapping[str, RelaySettings]) -> None:
        """New settings of the relays, while running."""
        for parcel in self._router.apply(relays, lambda name, relay: RelayPool(name, relay, self._timeouts, self)):
            self._books.put_back(parcel.claim, 0)
        self._spawn(self._hasten())

    # what the pools ask of their office

    def may_send(self) -> bool:
        """Whether anything may be taken now."""
        return self._books.journal_works and not self._stopping

    def nudge(self) -> None:
        """There is room, or there may be something due."""
        self._something.set()

    def commit(self, pool: RelayPool, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        """See `Books.commit`."""
        return self._books.commit(pool, answered, starting)

    def hand_back(self, parcel: Parcel) -> None:
        """See `Books.hand_back`."""
        self._books.hand_back(parcel)

    def mark_uncertain(self, pool: RelayPool, parcel: Parcel, reason: str) -> None:
        """See `Books.mark_uncertain`."""
        self._books.mark_uncertain(pool, parcel, reason)

    def report_relay(self, pool: RelayPool, stage: Stage, reply: Reply, *, alert: bool) -> None:
        """See `Books.report_relay`."""
        self._books.report_relay(pool, stage, reply, alert=alert)

    def ask_again(self, pool: RelayPool) -> None:
        """Ask about the parcels in the pool's queue again; then let it go on."""
        pool.is_asking = True
        self._spawn(self._ask_again(pool))

    # the way of a message

    async def _claim_more(self) -> None:
        wanted = min(CLAIM, self._router.claim_ahead)
        if len(self._claimed) >= wanted // 2 or not self._router.is_any_open or not self._books.journal_works:
            return
        if self._limit is not None:
            wanted = min(wanted, self._limit - self.tally.handled - len(self._books.held))
        if wanted <= 0:
            return
        if self._claim_in_doubt and self._scribe.is_done:  # rows whose outcome waits to be written are not strays
            held = frozenset(self._books.held)
            if await self._scribe.ask(lambda: self.ledger.release_others(held)) is None:
                return
            self._claim_in_doubt = False
        self._exhausted = False  # what is claimed now is due no more in the database, and in hand only a moment later
        claims = await self._scribe.ask(lambda: self.ledger.claim(wanted))
        if claims is None:
            self._claim_in_doubt = True  # it may have been committed, and only the answer be lost
            return
        # One in hand can be due in the database: it was put back, and the answer to that was lost.
        claims = [claim for claim in claims if claim.id not in self._books.held]
        self._claimed.extend(claims)
        self._books.held.update(claim.id for claim in claims)
        self._exhausted = not claims and not await self._is_due_now()

    async def _is_due_now(self) -> bool:
        """After a claim that brought nothing: all it met may have been suppressed, or its campaign's hour is full."""
        moment = await self._scribe.ask(self.ledger.next_due)
        if moment is not None and moment <= self.ledger.now():
            if not self.ledger.is_holding_back:
                self._something.set()
            return True
        return False

    async def _hasten(self) -> None:
        await self._scribe.ask(self.ledger.hasten)
        self.nudge()

    def _pack_more(self) -> None:
        while self._claimed and self._packing < self._most_packing:
            room = min(self._router.room - self._packing * self._group, self._group)
            if room <= 0:
                return
            group = [self._claimed.popleft() for _ in range(min(room, len(self._claimed)))]
            self._packing += 1
            self._spawn(self._pack(group))

    async def _pack(self, group: list[Claim]) -> None:
        loop = asyncio.get_running_loop()
        try:
            built = Built([], [])
            morsel = SIGNED_TOGETHER if self._signing else MORSEL
            for start in range(0, len(group), morsel):
                part = await self._build(group[start : start + morsel])
                built.parcels.extend(part.parcels)
                built.broken.extend(part.broken)
                await asyncio.sleep(0)  # connections come first
            refused = await loop.run_in_executor(self._threads, self._packer.clear, built.parcels)
        except StoreError as error:
            self._claimed.extendleft(reversed(group))
            await self._scribe.rest(error)
        except OSError as error:
            self._claimed.extendleft(reversed(group))
            self._books.lose_journal(error)
        else:
            self._receive_packed(built, refused)
        finally:
            self._packing -= 1
            self._something.set()

    async def _build(self, claims: list[Claim]) -> Built:
        if self._signing is None:
            return self._packer.build(claims)
        drafted = self._packer.draft(claims)
        return drafted.signed(await self._signing.sign(drafted.signables))

    def _receive_packed(self, built: Built, refused: Mapping[int, str]) -> None:
        now = self.ledger.now()
        self._books.drop_refused(refused)
        self._books.fail_broken(built.broken)
        allowed = [parcel for parcel in built.parcels if parcel.claim.id not in refused] if refused else built.parcels
        for parcel, wait in self._router.route(allowed, self.clock.now().timestamp()):
            self._books.put_back(parcel.claim, now + int(wait) + 1)

    async def _ask_again(self, pool: RelayPool) -> None:
        parcels = list(pool.queue)
        moment = steady()
        refused = await self._scribe.ask(
            lambda: self.ledger.refuse([parcel.claim for parcel in parcels]), self._threads
        )
        pool.is_asking = False
        if refused is None:
            return
        self._books.drop_refused(refused)
        if refused:
            lost = [parcel.claim for parcel in pool.queue if refused.get(parcel.claim.id) == "lost"]
            pool.queue = deque(parcel for parcel in pool.queue if parcel.claim.id not in refused)
            if lost:
                await self._scribe.ask(lambda: self.ledger.disclaim(lost), self._threads)
        for parcel in parcels:
            parcel.checked_at = max(parcel.checked_at, moment)
        pool.wake()

    # the end

    async def _wind_up(self) -> None:
        """Wait for the messages in hand, release the rest, write everything down."""
        while (self._packing or self._router.handed_out) and self._fault is None:
            await asyncio.sleep(0.01)
        left = [*self._claimed, *self._router.take_all()]
        self._claimed.clear()
        self._books.held.difference_update(claim.id for claim in left)
        while left and self._fault is None and await self._scribe.ask(lambda: self.ledger.release(left)) is None:
            self._leave_if_aborted()
        self._journal.forget([Key(claim.id, claim.attempts) for claim in left])
        while not self._scribe.is_done and self._fault is None:
            if self._scribe.is_failing:
                self._leave_if_aborted()
            self._scribe.hurry()
            await asyncio.sleep(0.01)
        if self._fault is not None:
            raise self._fault

    def _leave_if_aborted(self) -> None:
        """Wait no longer for a database that does not answer."""
        if self._is_aborted:
            raise StoreError("the database does not answer", remedy="What it lacks is in the journal for the next run.")

    # watching

    async def _watch(self) -> None:
        pause = min(1.0, self._timeouts.dot / 4, self._timeouts.command / 4)
        while True:
            await asyncio.sleep(pause)
            self._router.watch()
            self.tally.resting = self._router.resting
            if not self._books.journal_works and self._books.try_journal():
                self._router.wake()
                self.nudge()

    async def _learn_traffic(self) -> None:
        for name in self._router.names:
            traffic = await self._scribe.ask(partial(self.ledger.traffic, name))
            if traffic is not None:
                self._learn({name: traffic})

    def _learn(self, traffic: Mapping[str, Traffic]) -> None:
        self._router.learn(traffic, self.clock.now().timestamp())
        self._something.set()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_end)
        return task

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """A task that failed in a way nobody thought of ends the run: the journal knows what was sent."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fault = task.exception()
            self._something.set()
