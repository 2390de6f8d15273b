"""The service in a process of its own, to be killed: `python -m tests.delivery.child DATABASE_URL FOLDER PORT CONNECTIONS`."""

from __future__ import annotations

import sys
from pathlib import Path

from newsletter.clock import SystemClock
from newsletter.delivery.service import Options, Service
from newsletter.store.database import open_database
from tests.delivery.world import a_relay, settings_for


def main(url: str, folder: str, port: str, connections: str, until_idle: str) -> None:
    database = open_database(url)
    relay = a_relay(int(port), connections=int(connections), messages_per_connection=1000)
    service = Service(
        settings_for(database, Path(folder), relay),
        database,
        SystemClock(),
        plan=None,
        options=Options(until_idle=until_idle == "yes"),
        log=sys.stderr,
        environment={},
    )
    print(service.run().sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
