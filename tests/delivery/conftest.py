"""Run the real service against a real server."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsletter.config import RelaySettings
from newsletter.delivery.outbox import Outbox
from newsletter.delivery.service import Options, Service
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.delivery.tally import Tally
from newsletter.store.database import Database
from tests.delivery.processes import kill_all
from tests.delivery.world import RING, StillClock, settings_for

QUICK = Timeouts(connect=2.0, greeting=1.0, command=1.0, data=1.0, block=1.0, dot=1.0, quit=1.0)


class Runner:
    """Runs the service in this thread; a second thread stops it when `until` holds, or after `seconds`."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.clock = StillClock()
        self.log = io.StringIO()
        self.service: Service | None = None

    def make(
        self,
        *relays: RelaySettings,
        outbox: Outbox | None = None,
        limit: int | None = None,
        until_idle: bool = True,
        timeouts: Timeouts = QUICK,
        **named: RelaySettings,
    ) -> Service:
        self.service = Service(
            settings_for(self.database, self.folder, *relays, **named),
            self.database,
            RING,
            self.clock,
            plan=None,
            options=Options(outbox=outbox, limit=limit, until_idle=until_idle, timeouts=timeouts),
            log=self.log,
            environment={},
        )
        return self.service

    def run(
        self,
        *relays: RelaySettings,
        seconds: float = 10.0,
        until: Callable[[Tally], bool] | None = None,
        **options: object,
    ) -> Tally:
        service = self.make(*relays, **{"until_idle": until is None, **options})  # type: ignore[arg-type]
        over = threading.Event()

        def watch() -> None:
            passed = 0.0
            while not over.wait(0.02):
                passed += 0.02
                if passed > seconds or (until is not None and until(service.tally)):
                    service.stop()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            return service.run()
        finally:
            over.set()
            watcher.join()


@pytest.fixture(autouse=True)
def _no_sender_is_left() -> Iterator[None]:
    yield
    kill_all()


@pytest.fixture
def runner(sqlite_database: Database, tmp_path: Path) -> Runner:
    return Runner(sqlite_database, tmp_path)
