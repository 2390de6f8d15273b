"""Memory of the sender with a million deliveries due: `python benchmarks/memory.py [--due N] [--seconds S]`.

A million people and as many deliveries that are due, mails of 35 KB, are put into a database; the sender, in a process of
its own, mails to Debian's smtp-sink for that long, then is stopped as by Ctrl-C. Prints how much was sent and the largest
resident size of the process as the kernel saw it (VmHWM). Exits 1 when that is more than 150 MB.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import text

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from newsletter.store.database import Database, open_database
from newsletter.store.emails import save_email
from newsletter.store.migrations import upgrade
from tests.databases import create_postgresql_database, postgresql_server
from tests.delivery.servers import smtp_sink
from tests.delivery.world import NOW, a_campaign, an_email

MOST = 150.0


def fill(database: Database, count: int) -> None:
    """Everybody is due, on a few thousand domains."""
    with database.transaction() as connection:
        campaign = a_campaign(connection)
        email = save_email(connection, an_email(size=33_000), now=0)
        counting = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
        digest = "convert_to('hash' || n, 'UTF8')" if database.is_postgresql else "CAST('hash' || n AS BLOB)"
        connection.execute(
            text(
                "INSERT INTO subscriber (address, address_hash, name, attributes, state, created_at, updated_at) "
                f"{counting} SELECT 'reader' || n || '@domain' || (n % 5000) || '.example', {digest}, 'Reader ' || n, "
                f"'{{}}', 'active', 0, 0 FROM numbers"
            ),
            {"count": count},
        )
        connection.execute(
            text(
                "INSERT INTO delivery (campaign_id, subscriber_id, page_id, email_hash, state, due_at, give_up_at) "
                "SELECT :campaign, id, 'welcome', :email, 'due', :at, 0 FROM subscriber"
            ),
            {"campaign": campaign, "email": email, "at": NOW - 60},
        )


def peak_mb(process: int) -> float:
    """The largest resident size so far."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(url: str, folder: Path, due: int, seconds: float) -> float:
    """Seed, send for `seconds`, stop; prints a line and returns the peak."""
    database = open_database(url)
    upgrade(database)
    started = time.monotonic()
    fill(database, due)
    print(f"{due:,} due after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    with smtp_sink() as port:
        command = [sys.executable, "-m", "tests.delivery.child", url, str(folder), str(port), "8", "no"]
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        peak, deadline = 0.0, time.monotonic() + seconds
        while time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.5)
            peak = peak_mb(child.pid)
        child.send_signal(signal.SIGINT)
        sent = int(child.communicate(timeout=60)[0])
    with database.reading() as connection:
        counts = dict(connection.execute(text("SELECT state, count(*) FROM delivery GROUP BY state")).all())
    database.close()
    kind = "PostgreSQL" if database.is_postgresql else "SQLite"
    print(f"{kind}: {due:,} due, {sent:,} sent in {seconds:.0f} s ({counts}), at most {peak:.0f} MB resident")
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--due", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--store", nargs="*", default=["sqlite"], choices=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    peaks = []
    for store in arguments.store:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newsletter-memory-")))
            url = f"sqlite:///{folder}/newsletter.db"
            if store == "postgresql":
                url = create_postgresql_database(stack.enter_context(postgresql_server()), "memory")
            peaks.append(measure(url, folder, arguments.due, arguments.seconds))
    sys.exit(max(peaks) > MOST)


if __name__ == "__main__":
    main()
