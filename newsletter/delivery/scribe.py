"""Asks and tells the database from the event loop: questions in threads, outcomes some hundred at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.ledger import Batch, Ledger
from newsletter.delivery.log import DeliveryLog
from newsletter.errors import StoreError
from newsletter.store.traffic import Traffic

WRITE_AT = 500
"""Outcomes written together, or fewer after WRITE_EVERY seconds."""

WRITE_EVERY = 0.2

PAUSE = 0.5
"""Seconds before a database that did not answer is asked again."""

T = TypeVar("T")


class Scribe:
    """Keeps what is to be written down in `batch` until the database has it, however long that takes."""

    def __init__(
        self, ledger: Ledger, journal: Journal, log: DeliveryLog, on_written: Callable[[Mapping[str, Traffic]], None]
    ) -> None:
        self.batch = Batch()
        self.is_failing = False
        """Whether the database did not answer when something was written last."""
        self._ledger = ledger
        self._journal = journal
        self._log = log
        self._on_written = on_written
        self._writing = False
        self._hurry = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    @property
    def is_done(self) -> bool:
        """Whether everything is written down."""
        return not (self.batch or self._writing)

    def hurry(self) -> None:
        """Write now."""
        self._hurry.set()

    def hurry_if_many(self) -> None:
        """Write now if that is worth a transaction."""
        if len(self.batch.outcomes) >= WRITE_AT:
            self._hurry.set()

    async def write_on(self) -> None:
        """Write until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WRITE_EVERY):
                    await self._hurry.wait()
            self._hurry.clear()
            if self.batch:
                await self._write_batch()

    async def ask(self, question: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T | None:
        """Ask the database in a thread; None when it did not answer, after a pause."""
        try:
            return await asyncio.get_running_loop().run_in_executor(threads or self._thread, question)
        except StoreError as error:
            await self.rest(error)
            return None

    async def rest(self, error: StoreError) -> None:
        """The database did not answer: say so, and leave it alone for a moment."""
        self._log.store_away(error)
        await asyncio.sleep(PAUSE)

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=True)

    async def _write_batch(self) -> None:
        batch, self.batch = self.batch, Batch()
        self._writing = True
        try:
            traffic = None
            while traffic is None:
                traffic = await self.ask(lambda: self._ledger.write_down(batch))
                self.is_failing = traffic is None
        finally:
            self._writing = False
        self._journal.forget([Key(found.id, found.attempts) for found in batch.outcomes])
        self._journal.forget([Key(claim.id, claim.attempts) for claim, _ in batch.uncertain])
        self._on_written(traffic)
