"""What a crash costs: `python benchmarks/crash.py [--kills 50] [--only NAME …]`.

A real SMTP server on loopback keeps every message it acknowledges, and every message it was about to. The sender runs in
a process of its own and is ended by force, again and again; then it is let run to the end, and each message is counted:
lost (recorded as sent, never kept), doubled (kept twice), uncertain (listed for a person). Prints a table and, as its
last line, JSON; exits 1 if anything was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade
from tests.databases import create_postgresql_database, postgresql_server
from tests.delivery.servers import KeepingServer, Session, free_port
from tests.delivery.world import scalars, seed, states

CONNECTIONS = 8


@dataclass
class Result:
    """`resumed` are the seconds from starting again to the first message, interpreter start included."""

    name: str
    messages: int
    blows: int = 0
    lost: int = 0
    doubled: int = 0
    uncertain: int = 0
    most_uncertain_at_once: int = 0
    resumed: list[float] = field(default_factory=list, repr=False)

    @property
    def is_good(self) -> bool:
        return not self.lost and not self.doubled and self.most_uncertain_at_once <= CONNECTIONS


def start(
    url: str, folder: Path, port: int, *, until_idle: bool = False, file_limit: int = 0
) -> subprocess.Popen[bytes]:
    def limit() -> None:
        if file_limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))

    command = [
        sys.executable,
        "-m",
        "tests.delivery.child",
        url,
        str(folder),
        str(port),
        str(CONNECTIONS),
        "yes" if until_idle else "no",
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the sender did not go on")
        time.sleep(0.002)


def count_uncertain(database: Database) -> int:
    return int(str(scalars(database, "SELECT count(*) FROM delivery WHERE state = 'uncertain'")[0]))


def settle(result: Result, database: Database, url: str, folder: Path, server: KeepingServer) -> None:
    """Let the sender run to the end and count."""
    last = start(url, folder, server.port, until_idle=True)
    last.wait(timeout=300)
    time.sleep(0.3)
    received = Counter(server.recipients)
    everybody = scalars(
        database, "SELECT s.address FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id ORDER BY d.id"
    )
    addresses = dict(zip(everybody, states(database).values(), strict=True))
    result.doubled = sum(count - 1 for count in received.values())
    result.lost = sum(1 for address, state in addresses.items() if state == "sent" and not received[str(address)])
    result.lost += sum(1 for state in addresses.values() if state not in ("sent", "uncertain"))
    result.uncertain = sum(1 for state in addresses.values() if state == "uncertain")


def kill_again_and_again(result: Result, database: Database, url: str, folder: Path, kills: int) -> None:
    chance = random.Random(1)
    with KeepingServer(hesitate) as server:
        for _ in range(kills):
            uncertain_before = count_uncertain(database)
            kept = len(server.kept)
            started = time.monotonic()
            child = start(url, folder, server.port)
            wait_for(lambda kept=kept, child=child: len(server.kept) > kept or child.poll() is not None)
            result.resumed.append(time.monotonic() - started)
            result.most_uncertain_at_once = max(
                result.most_uncertain_at_once, count_uncertain(database) - uncertain_before
            )
            time.sleep(chance.uniform(0.0, 0.25))
            child.kill()
            child.wait()
            result.blows += 1
        settle(result, database, url, folder, server)


def hesitate(session: Session, verb: str, argument: str) -> bytes | None:
    if verb == ".":
        time.sleep(0.0005)  # so that many kills fall between the final dot and its reply
    return None


def kill_the_relay(result: Result, database: Database, url: str, folder: Path, kills: int) -> None:
    """The relay is gone for a moment, again and again; the sender stays."""
    port = free_port()
    kept: list[object] = []
    server = KeepingServer(hesitate)
    server.port = port
    server.__enter__()
    child = start(url, folder, port)
    for _ in range(kills):
        before = len(server.kept)
        wait_for(
            lambda before=before, server=server: (
                len(server.kept) > before + 50 or "due" not in states(database).values()
            )
        )
        uncertain_before = count_uncertain(database)
        server.__exit__()
        kept += server.kept
        time.sleep(0.3)
        result.most_uncertain_at_once = max(result.most_uncertain_at_once, count_uncertain(database) - uncertain_before)
        server = KeepingServer(hesitate)
        server.port = port
        started = time.monotonic()
        server.__enter__()
        wait_for(lambda server=server: len(server.kept) > 0 or "due" not in states(database).values())
        result.resumed.append(time.monotonic() - started)
        result.blows += 1
    child.terminate()
    child.wait()
    server.kept[:0] = kept  # type: ignore[arg-type]
    settle(result, database, url, folder, server)
    server.__exit__()


def fill_the_disk(result: Result, database: Database, url: str, folder: Path, kills: int) -> None:
    """A file may not grow beyond a limit, as on a full disk: the sender must stop, then go on after a restart."""
    chance = random.Random(2)
    with KeepingServer(hesitate) as server:
        for _ in range(kills):
            before = len(server.kept)
            largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            child = start(url, folder, server.port, file_limit=largest + chance.randrange(20_000, 200_000))
            time.sleep(chance.uniform(1.0, 2.0))
            child.kill()
            child.wait()
            started = time.monotonic()
            child = start(url, folder, server.port)
            wait_for(lambda before=before: len(server.kept) > before or "due" not in states(database).values())
            result.resumed.append(time.monotonic() - started)
            child.kill()
            child.wait()
            result.blows += 1
        settle(result, database, url, folder, server)
        result.most_uncertain_at_once = result.uncertain // max(1, 2 * result.blows)


def cut_the_database(result: Result, database: Database, url: str, folder: Path, kills: int) -> None:
    """Every connection of the sender to PostgreSQL is ended by force, as a restart does."""
    import psycopg

    with KeepingServer(hesitate) as server, psycopg.connect(url, autocommit=True) as connection:
        child = start(url, folder, server.port)
        for _ in range(kills):
            before = len(server.kept)
            wait_for(lambda before=before: len(server.kept) > before or "due" not in states(database).values())
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            database.engine.dispose()
            before = len(server.kept)
            started = time.monotonic()
            wait_for(lambda before=before: len(server.kept) > before or "due" not in states(database).values())
            result.resumed.append(time.monotonic() - started)
            time.sleep(0.2)
            result.blows += 1
        child.terminate()
        child.wait()
        settle(result, database, url, folder, server)


SCENARIOS = {
    "kill -9, SQLite": (kill_again_and_again, False, 1.0),
    "kill -9, PostgreSQL": (kill_again_and_again, True, 0.4),
    "relay killed": (kill_the_relay, False, 0.2),
    "disk full": (fill_the_disk, False, 0.1),
    "database cut off": (cut_the_database, True, 0.2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--messages", type=int, default=0, help="per scenario; default 200 a kill")
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    results = []
    with ExitStack() as stack:
        server = ""
        for number, (name, (scenario, needs_postgresql, share)) in enumerate(SCENARIOS.items()):
            if arguments.only and name not in arguments.only:
                continue
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newsletter-crash-")))
            if needs_postgresql and not server:
                server = stack.enter_context(postgresql_server())
            url = (
                create_postgresql_database(server, f"crash{number}")
                if needs_postgresql
                else f"sqlite:///{folder}/newsletter.db"
            )
            database = open_database(url)
            upgrade(database)
            kills = max(2, round(arguments.kills * share))
            messages = arguments.messages or max(3000, kills * 400)
            seed(database, messages)
            result = Result(name, messages)
            scenario(result, database, url, folder, kills)
            results.append(result)
            database.close()
            print(f"{name}: {result}", file=sys.stderr)
    print(
        f"\n{'':24}{'blows':>7}{'messages':>10}{'lost':>6}{'doubled':>9}{'uncertain':>11}{'at once':>9}{'resumed in (median, most)':>28}"
    )
    for result in results:
        times = sorted(result.resumed)
        resumed = f"{times[len(times) // 2]:.1f} s, {times[-1]:.1f} s" if times else ""
        print(
            f"{result.name:24}{result.blows:>7}{result.messages:>10,}{result.lost:>6}{result.doubled:>9}{result.uncertain:>11}{result.most_uncertain_at_once:>9}{resumed:>28}"
        )
    print(json.dumps([asdict(result) for result in results]))
    sys.exit(0 if all(result.is_good for result in results) else 1)


if __name__ == "__main__":
    main()
