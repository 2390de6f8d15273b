"""What a crash costs: `python benchmarks/crash.py [--store sqlite postgresql] [--kills 50] [--only NAME …]`.

A real SMTP server on loopback keeps every message that it acknowledges or was about to. The sender runs in a process of
its own; it is killed, or its relay, its disk or its database is taken away, again and again; then it is let run to the
end, and each message is counted: lost (recorded as sent, never kept, or still due), doubled (kept twice), uncertain
(listed for a person). Prints a table and, as its last line, JSON; exits 1 if anything was lost or doubled, or if one blow
made more deliveries uncertain than there are connections. Needs PostgreSQL, and root for the small disk (a tmpfs).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from newsletter.errors import StoreError
from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade
from tests.databases import create_postgresql_database, postgresql_program, postgresql_server
from tests.delivery.servers import CLOSE, KeepingServer, Script, Session, free_port
from tests.delivery.world import scalars, seed, states

CONNECTIONS = 8
DISK = 48 * 1024 * 1024


@dataclass
class Result:
    """`resumed` are seconds from the start of a new process (interpreter and imports included), or from the return of
    what was taken away, to the first message that the server kept."""

    name: str
    store: str
    messages: int
    blows: int = 0
    lost: int = 0
    doubled: int = 0
    uncertain: int = 0
    most_uncertain_at_once: int = 0
    resumed: list[float] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.lost and not self.doubled and self.most_uncertain_at_once <= CONNECTIONS


class Trial:
    """One scenario on one store: a database with messages due, and a relay that keeps what it gets."""

    def __init__(self, name: str, store: str, url: str, folder: Path, messages: int, cluster: str) -> None:
        self.result = Result(name, store, messages)
        self.url = url
        self.folder = folder
        self.cluster = cluster
        self.chance = random.Random(f"{name} {store}")
        self.database: Database = open_database(url)
        upgrade(self.database)
        seed(self.database, messages)
        self.kept_before: list[str] = []
        self.server = KeepingServer(hesitate)
        self.child: subprocess.Popen[bytes] | None = None
        self._uncertain_before = 0
        self._blows_before = 0

    def start(self, *, until_idle: bool = False, die_in_commit: int = 0) -> None:
        """Start the sender."""
        arguments = [self.url, self.folder, self.server.port, CONNECTIONS, "yes" if until_idle else "no", die_in_commit]
        command = [sys.executable, "-m", "tests.delivery.child", *map(str, arguments)]
        with (self.folder.parent / "child.log").open("ab") as log:
            self.child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9; and let the server read what the kernel had of the sender, lest it be taken for mail of the next one."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
        deadline = time.monotonic() + 30.0
        while self.server.open and time.monotonic() < deadline:
            time.sleep(0.002)

    def stop(self) -> None:
        """As an operator does: what is in hand is finished."""
        if self.child is not None:
            self.child.terminate()
            self.child.wait(timeout=60)

    def wait_for_mail(self, *, or_end: bool = False, seconds: float = 90.0) -> None:
        """Until the server has kept one more message. Ends the whole script when none comes."""
        before = self.count_kept()
        deadline = time.monotonic() + seconds
        while self.count_kept() == before:
            if or_end and self.child is not None and self.child.poll() is not None:
                return
            if time.monotonic() > deadline:
                log = (self.folder.parent / "child.log").read_text(errors="replace")
                raise SystemExit(f"{self.result.name}: the sender did not go on\n{log[-3000:]}")
            time.sleep(0.002)

    def count_kept(self) -> int:
        return len(self.kept_before) + len(self.server.kept)

    def note_resumed(self, started: float) -> None:
        """Mail flows again: recovery is over, so what the blows before made uncertain is in the database."""
        self.result.resumed.append(round(time.monotonic() - started, 2))
        self.note_uncertain()

    def note_uncertain(self) -> None:
        found = count_uncertain(self.database)
        blows = max(1, self.result.blows - self._blows_before)
        at_once = -(-(found - self._uncertain_before) // blows)
        self.result.most_uncertain_at_once = max(self.result.most_uncertain_at_once, at_once)
        self._uncertain_before, self._blows_before = found, self.result.blows

    def replace_server(self) -> None:
        """A new server on the same port, without what the old one knew."""
        self.kept_before += self.server.recipients
        port, self.server = self.server.port, KeepingServer(hesitate)
        self.server.port = port

    def settle(self) -> None:
        """Let the sender run to the end and count."""
        self.server.script = lambda session, verb, argument: None
        self.start(until_idle=True)
        assert self.child is not None
        self.child.wait(timeout=300)
        time.sleep(0.3)
        self.note_uncertain()
        received = Counter([*self.kept_before, *self.server.recipients])
        everybody = scalars(
            self.database, "SELECT s.address FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id ORDER BY d.id"
        )
        found = dict(zip(everybody, states(self.database).values(), strict=True))
        result = self.result
        result.doubled = sum(count - 1 for count in received.values())
        result.lost = sum(1 for address, state in found.items() if state == "sent" and not received[str(address)])
        result.lost += sum(1 for state in found.values() if state not in ("sent", "uncertain"))
        result.uncertain = count_uncertain(self.database)


def hesitate(session: Session, verb: str, argument: str) -> bytes | None:
    if verb == ".":
        time.sleep(0.002)  # so that many kills fall between the final dot and its reply, and mail lasts for all blows
    return None


def keep_and_break_off(session: Session, verb: str, argument: str) -> bytes | None:
    return CLOSE if verb in (".", "CONNECT") else None


def count_uncertain(database: Database) -> int:
    return int(str(scalars(database, "SELECT count(*) FROM delivery WHERE state = 'uncertain'")[0]))


def kill_the_sender(trial: Trial, blows: int) -> None:
    """At five kinds of instant in turn: any while sending, twice; between a final dot and its reply, by the server that
    has just read the dot; in the middle of a commit, by a timer set at its beginning; any from the process's start on."""
    with trial.server:
        for number in range(blows):
            kind = ("any", "reply", "any", "commit", "start")[number % 5]
            started = time.monotonic()
            trial.start(die_in_commit=trial.chance.randint(3, 16) if kind == "commit" else 0)
            if kind == "start":
                time.sleep(trial.chance.uniform(0.0, 3.0))
                trial.kill()
                trial.result.blows += 1
                continue
            trial.wait_for_mail(or_end=kind == "commit")
            trial.note_resumed(started)
            if kind == "any":
                time.sleep(trial.chance.uniform(0.0, 0.25))
            elif kind == "reply":
                trial.server.script = kill_after(trial, trial.chance.randint(1, 200))
            if kind != "any" and trial.child is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):  # everything was sent before it came to that
                    trial.child.wait(timeout=10)
            trial.kill()
            trial.server.script = hesitate
            trial.result.blows += 1
        trial.settle()


def kill_after(trial: Trial, dots: int) -> Script:
    """Kill the sender when the server has read that many final dots, before it says anything to the last of them."""
    left = [dots]

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == ".":
            left[0] -= 1
            if left[0] == 0 and trial.child is not None:
                trial.child.kill()
                trial.child.wait()
        return None

    return script


def kill_the_relay(trial: Trial, blows: int) -> None:
    """The relay is gone for a moment, again and again; the sender stays. Every second time it goes while it keeps what it
    has read and says nothing any more: exactly those messages must not be sent again."""
    trial.server.port = free_port()
    trial.server.__enter__()
    trial.start()
    for _ in range(blows):
        trial.wait_for_mail()
        time.sleep(trial.chance.uniform(0.1, 0.4))
        if trial.result.blows % 2:
            trial.server.keep_anyway = True
            trial.server.script = keep_and_break_off
            time.sleep(0.02)
        trial.server.__exit__()
        time.sleep(trial.chance.uniform(0.2, 2.0))
        trial.replace_server()
        trial.result.blows += 1
        started = time.monotonic()
        trial.server.__enter__()
        trial.wait_for_mail()
        trial.note_resumed(started)
    trial.stop()
    trial.settle()
    trial.server.__exit__()


def fill_the_disk(trial: Trial, blows: int) -> None:
    """The disk with the journal (and the SQLite file) is filled to its last octet while mail goes out; every second time
    the sender is killed too while it is full."""
    ballast = trial.folder / "ballast"
    with trial.server:
        trial.start()
        for number in range(blows):
            trial.wait_for_mail()
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            time.sleep(1.5)
            if number % 2:
                trial.kill()
            trial.result.blows += 1
            ballast.unlink()
            started = time.monotonic()
            if number % 2:
                trial.start()
            trial.wait_for_mail()
            trial.note_resumed(started)
        trial.stop()
        trial.settle()


def restart_the_database(trial: Trial, blows: int) -> None:
    """PostgreSQL is stopped as by a power failure and started again; on every second blow only its connections are cut."""
    import psycopg

    with trial.server:
        trial.start()
        for number in range(blows):
            trial.wait_for_mail()
            time.sleep(trial.chance.uniform(0.0, 0.3))
            trial.result.blows += 1
            if number % 2:
                with psycopg.connect(trial.cluster.format(name="postgres"), autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> ''"
                    )
            else:
                control_postgresql(trial.cluster, "restart")
            started = time.monotonic()
            trial.wait_for_mail()
            with contextlib.suppress(StoreError):
                count_uncertain(trial.database)  # our own connection was cut, too
            trial.note_resumed(started)
        trial.stop()
        trial.settle()


def lock_the_database(trial: Trial, blows: int) -> None:
    """Another program holds the SQLite file for longer than anybody waits for a lock."""
    with trial.server:
        trial.start()
        for _ in range(blows):
            trial.wait_for_mail()
            other = sqlite3.connect(trial.folder / "newsletter.db", isolation_level=None, timeout=10)
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(60.0)
            trial.result.blows += 1
            other.execute("ROLLBACK")
            other.close()
            started = time.monotonic()
            trial.wait_for_mail()
            trial.note_resumed(started)
        trial.stop()
        trial.settle()


def control_postgresql(cluster: str, action: str) -> None:
    """Without a checkpoint, as when the power fails; it starts with the options that it had."""
    folder = cluster.partition("host=")[2]
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    command = [postgresql_program("pg_ctl"), "-D", f"{folder}/data", "-m", "immediate", "-w", action]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=action == "restart", cwd=folder, **as_postgres)  # type: ignore[call-overload]


@contextmanager
def small_disk() -> Iterator[Path]:
    """A tmpfs of its own."""
    with tempfile.TemporaryDirectory(prefix="newsletter-crash-") as folder:
        disk = Path(folder) / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", disk], check=True)
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


@contextmanager
def plain_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="newsletter-crash-") as folder:
        project = Path(folder) / "project"
        project.mkdir()
        yield project


Scenario = Callable[[Trial, int], None]
SCENARIOS: dict[str, tuple[Scenario, tuple[str, ...], float]] = {
    "sender killed": (kill_the_sender, ("sqlite", "postgresql"), 1.0),
    "relay killed": (kill_the_relay, ("sqlite", "postgresql"), 0.2),
    "disk filled": (fill_the_disk, ("sqlite", "postgresql"), 0.12),
    "database restarted": (restart_the_database, ("postgresql",), 0.2),
    "database locked": (lock_the_database, ("sqlite",), 0.04),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--store", nargs="*", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"])
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help=", ".join(SCENARIOS))
    arguments = parser.parse_args()
    started = time.monotonic()
    results = []
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql_server()) if "postgresql" in arguments.store else ""
        if cluster:
            stack.callback(control_postgresql, cluster, "stop")
        for store in arguments.store:
            for name, (scenario, stores, share) in SCENARIOS.items():
                if store not in stores or (arguments.only and name not in arguments.only):
                    continue
                with small_disk() if name == "disk filled" else plain_folder() as folder:
                    url = f"sqlite:///{folder}/newsletter.db"
                    if store == "postgresql":
                        url = create_postgresql_database(cluster, name.replace(" ", "_"))
                    blows = max(2, round(arguments.kills * share))
                    trial = Trial(name, store, url, folder, max(3000, blows * 1000), cluster)
                    try:
                        scenario(trial, blows)
                    finally:
                        trial.kill()
                    trial.database.close()
                    results.append(trial.result)
                    print(f"{time.monotonic() - started:5.0f} s  {trial.result}", file=sys.stderr, flush=True)
    print_table(results)
    print(f"{time.monotonic() - started:.0f} s; load average {os.getloadavg()[1]:.1f}; {CONNECTIONS} connections")
    print(json.dumps([asdict(result) for result in results]))
    sys.exit(0 if all(result.is_good for result in results) else 1)


def print_table(results: list[Result]) -> None:
    head = (
        f"{'blow':20}{'store':12}{'blows':>6}{'messages':>10}{'lost':>6}{'doubled':>9}{'uncertain':>11}{'at once':>9}"
    )
    print(f"\n{head}{'resumed in (median, most)':>28}")
    for result in results:
        times = sorted(result.resumed)
        resumed = f"{times[len(times) // 2]:.1f} s, {times[-1]:.1f} s" if times else ""
        print(
            f"{result.name:20}{result.store:12}{result.blows:>6}{result.messages:>10,}{result.lost:>6}"
            f"{result.doubled:>9}{result.uncertain:>11}{result.most_uncertain_at_once:>9}{resumed:>28}"
        )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the small disk and PostgreSQL are let go
    main()
