"""The service in a process of its own, to be killed:
`python -m tests.delivery.child DATABASE_URL FOLDER PORT CONNECTIONS UNTIL_IDLE [DIE_IN_COMMIT]`."""

from __future__ import annotations

import itertools
import random
import signal
import sys
from pathlib import Path

from sqlalchemy import event

from newsletter.clock import SystemClock
from newsletter.delivery.service import Options, Service
from newsletter.store.database import Database, open_database
from tests.delivery.world import RING, a_relay, settings_for


def main(url: str, folder: str, port: str, connections: str, until_idle: str, die_in_commit: str = "0") -> None:
    database = open_database(url)
    if die_in_commit != "0":
        die_in(database, int(die_in_commit))
    relay = a_relay(int(port), connections=int(connections), messages_per_connection=1000)
    service = Service(
        settings_for(database, Path(folder), relay),
        database,
        RING,
        SystemClock(),
        plan=None,
        options=Options(until_idle=until_idle == "yes"),
        log=sys.stderr,
        environment={},
    )
    print(service.run().sent)


def die_in(database: Database, number: int) -> None:
    """End this process by force in the middle of its commit of that `number`: within a millisecond of its beginning."""
    commits = itertools.count(1)

    def begin(*_: object) -> None:
        if next(commits) == number:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the system ends the process, Python hears nothing of it
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 1e-3))

    event.listen(database.engine, "commit", begin)


if __name__ == "__main__":
    main(*sys.argv[1:])
