"""`newsletter run` and `newsletter worker`: recover, plan, send, until stopped."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TextIO

import schedule
from sqlalchemy.engine import make_url

from newsletter.bounces.policy import SoftLimit
from newsletter.clock import Clock
from newsletter.config import Settings, load_settings
from newsletter.delivery.engine import Engine
from newsletter.delivery.filing import FilingEngine
from newsletter.delivery.journal import Journal, boot_id
from newsletter.delivery.ledger import Ledger
from newsletter.delivery.lock import RunLock
from newsletter.delivery.log import DeliveryLog
from newsletter.delivery.outbox import Outbox
from newsletter.delivery.pace import Pacemaker
from newsletter.delivery.packer import Packer
from newsletter.delivery.recovery import keep_alive, recover, say_goodbye
from newsletter.delivery.signing import SigningProcesses
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.delivery.tally import Tally
from newsletter.errors import NewsletterError, SettingsError, StoreError
from newsletter.message.keys import KeyRing, load_signers
from newsletter.store.database import Database

Plan = Callable[[], object]
"""Turns what is due by the calendar into due deliveries."""


@dataclass(frozen=True)
class Options:
    """What the command line says. `outbox` None: the relays of the settings."""

    outbox: Outbox | None = None
    limit: int | None = None
    until_idle: bool = False
    timeouts: Timeouts = Timeouts()


class Service:
    """One process that sends. `plan` is None for a worker, which leaves planning to others."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        ring: KeyRing,
        clock: Clock,
        *,
        plan: Plan | None,
        options: Options,
        log: TextIO | None,
        environment: Mapping[str, str],
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.ring = ring
        self.clock = clock
        self.worker = worker_name()
        self.log = DeliveryLog(settings.log, log, tell)
        self.engine: Engine | FilingEngine | None = None
        self.tally = Tally()
        self._plan = plan
        self._options = options
        self._environment = environment
        self._stopping = threading.Event()
        self._signals = 0

    def run(self) -> Tally:
        """Send until stopped, or until nothing is due, or `limit` is reached.

        Raises AlreadyRunningError when another process sends from the same SQLite file, SettingsError, StoreError
        when the database can't be used at the start, OSError when the journal can't be made.
        """
        with ExitStack() as held:
            folder = journal_folder(self.settings)
            folder.mkdir(parents=True, exist_ok=True)
            if not self.database.is_postgresql:
                lock = RunLock(lock_path(self.settings))
                lock.acquire()
                held.callback(lock.release)
            if self.database.is_postgresql:
                keep_alive(self.database, self.worker)
                held.callback(self._say_goodbye)
            journal = Journal(folder, self.worker)
            held.push(partial(self._leave, journal, folder))
            self._recover(folder)
            spare_the_collector()
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGINT, signal.SIGTERM):  # an event loop leaves the system's handlers behind
                    held.callback(signal.signal, number, signal.getsignal(number))
            with asyncio.Runner(loop_factory=fastest_loop()) as runner:
                runner.run(self._run(journal))
        return self.tally

    def _leave(self, journal: Journal, folder: Path, fault: type[BaseException] | None, *_: object) -> None:
        """After a fault, claims of this process are left: its own journal tells what became of them."""
        journal.close(keep=fault is not None)
        if fault is not None:
            with suppress(StoreError, OSError):  # then the next run does it
                self._recover(folder)

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop, and only messages in hand are finished."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Finish the messages in hand and leave. From any thread."""
        self._stopping.set()

    async def _run(self, journal: Journal) -> None:
        pacemaker = Pacemaker(is_alone=not self.database.is_postgresql)
        ledger = Ledger(self.database, self.worker, self.clock, self._soft_limit(), pacemaker)
        signers = load_signers(self.settings)
        packer = Packer(self.settings, ledger, journal, self.ring, signers)
        engine: Engine | FilingEngine
        if self._options.outbox is not None:
            engine = FilingEngine(ledger, packer, journal, self._options.outbox, self.log, limit=self._options.limit)
        else:
            engine = Engine(
                ledger,
                packer,
                journal,
                self.settings.relays,
                self.log,
                timeouts=self._options.timeouts,
                limit=self._options.limit,
                signing=SigningProcesses(signers) if any(signer.is_slow for signer in signers) else None,
            )
        self.engine, self.tally = engine, engine.tally
        self._listen(asyncio.get_running_loop())
        planner = threading.Thread(target=self._tick_on, args=(asyncio.get_running_loop(),), name="plan", daemon=True)
        planner.start()
        guard = asyncio.create_task(self._guard(engine))
        try:
            await engine.run()
        finally:
            self._stopping.set()
            guard.cancel()
            await asyncio.to_thread(planner.join)
            self.log.flush()

    def _soft_limit(self) -> SoftLimit:
        bounces = self.settings.bounces
        return SoftLimit(bounces.soft_limit, bounces.reset_days)

    def _recover(self, folder: Path) -> None:
        now = int(self.clock.now().timestamp())
        for entry in recover(self.database, folder, now, self._soft_limit()):
            self.log.recovered(*entry)

    # the thread that plans

    def _tick_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """`schedule` drives what happens every so often: planning, signs of life, counting what is due."""
        ticker = schedule.Scheduler()
        jobs: list[tuple[float, Callable[[], object]]] = [(1.0, self._count_due)]
        if self._plan is not None:
            jobs.append((1.0, self._plan_once))
        if self.database.is_postgresql:
            jobs += [(10.0, lambda: keep_alive(self.database, self.worker)), (5.0, self._recover_others)]
        for seconds, job in jobs:
            ticker.every(int(seconds)).seconds.do(self._guarded(job))
        ticker.run_all()
        while not self._stopping.wait(0.1):
            with suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(self._nudge)
            ticker.run_pending()

    def _guarded(self, job: Callable[[], object]) -> Callable[[], None]:
        """A job that raises would end the thread, and nothing would be planned any more while sending goes on."""

        def guarded() -> None:
            try:
                job()
            except NewsletterError as error:
                self.log.trouble(str(error))
            except Exception as error:  # noqa: BLE001 - the one place: said in the log, tried again in its turn
                self.log.trouble(f"{type(error).__name__}: {error}")

        return guarded

    def _plan_once(self) -> None:
        if self._plan is not None:
            self._plan()

    def _recover_others(self) -> None:
        self._recover(journal_folder(self.settings))

    def _count_due(self) -> None:
        self.tally.due = Ledger(self.database, self.worker, self.clock).count_due()

    def _nudge(self) -> None:
        if self.engine is not None and self.engine.is_idle:
            self.engine.nudge()

    def _say_goodbye(self) -> None:
        with suppress(StoreError):  # the lease runs out by itself
            say_goodbye(self.database, self.worker)

    # signals, settings, the end

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self._read_settings)

    def _on_signal(self) -> None:
        self._signals += 1
        self._stopping.set()
        if self.engine is not None:
            self.engine.stop()
            if self._signals > 1:
                self.engine.abort()

    async def _guard(self, engine: Engine | FilingEngine) -> None:
        """Look around: told to stop, settings changed, nothing left to do."""
        stamp = self._stamp()
        quiet = 0
        while True:
            await asyncio.sleep(0.05 if self._options.until_idle else 0.2)
            self.log.flush()
            if self._stopping.is_set():
                engine.stop()
            if (fresh := self._stamp()) != stamp:
                stamp = fresh
                self._read_settings()
            if engine.is_done:
                self.stop()
            if self._options.until_idle:
                quiet = quiet + 1 if engine.is_idle else 0
                if quiet >= 2 and await self._nothing_follows(engine):
                    self.stop()

    async def _nothing_follows(self, engine: Engine | FilingEngine) -> bool:
        """The planner may find more now that deliveries are final; the engine may send that while it is asked."""
        before = self.tally.handled + self.tally.unsent
        found = await asyncio.to_thread(self._found_more)
        return not found and engine.is_idle and self.tally.handled + self.tally.unsent == before

    def _found_more(self) -> bool:
        self._guarded(self._plan_once)()
        try:
            return Ledger(self.database, self.worker, self.clock).count_due() > 0
        except StoreError as error:
            self.log.trouble(str(error))
            return True

    def _stamp(self) -> float:
        if self.settings.file is None:
            return 0.0
        try:
            return self.settings.file.stat().st_mtime
        except OSError:
            return 0.0

    def _read_settings(self) -> None:
        """Rates, relays and connections change while running; the rest needs a restart."""
        if self.settings.file is None or not isinstance(self.engine, Engine):
            return
        try:
            fresh = load_settings(self.settings.file, self._environment)
        except SettingsError as error:
            self.log.settings_refused(str(error))
            return
        self.settings = replace(self.settings, relays=fresh.relays)
        self.engine.apply(fresh.relays)
        self.log.settings_read()


def worker_name() -> str:
    """Tells this process from every other, on any machine, before or after a restart."""
    host = "".join(sign if sign.isalnum() else "-" for sign in socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{time.time_ns():x}-{boot_id()[:8]}"


def database_file(settings: Settings) -> Path | None:
    """The SQLite file itself, whatever links lead to it; None for PostgreSQL."""
    address = make_url(settings.database.url)
    if address.get_backend_name() != "sqlite" or not address.database:
        return None
    return settings.path(Path(address.database)).resolve()


def journal_folder(settings: Settings) -> Path:
    """Where journals are: beside the SQLite file, so that they share its disk and its backups; else in the project."""
    file = database_file(settings)
    return (file.parent if file else settings.root) / "journal"


def lock_path(settings: Settings) -> Path:
    """The lock beside the SQLite file."""
    file = database_file(settings)
    if file is None:
        raise SettingsError("only a SQLite file has a lock")
    return file.with_name(f"{file.name}.lock")


def spare_the_collector() -> None:
    """Let the cycle collector look less often, and never at what lives as long as the process.

    A message is a few dozen tuples and no cycle; looking at all modules every 700 of them took a twelfth of the time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, if it is installed: a fifth less CPU; never required."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
