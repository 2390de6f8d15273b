"""How fast the engine sends, beside C: `python benchmarks/send.py [--rounds 15] [--messages 12000] [--only NAME …]`.

Needs Debian's `postfix` (smtp-sink, smtp-source); installs nothing. Each round runs the anchor (`smtp-source -d -s 16`
at the same size on the wire) and every configuration once, in turn, against one smtp-sink on loopback. The engine does
all its work: claim, merge, MIME, unsubscribe token, DKIM, suppressions asked, journal, SMTP, outcome in the database
(SQLite synchronous=FULL, PostgreSQL fsync=on). Prints paired medians and, as its last line, JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent))

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from sqlalchemy import text

from newsletter.clock import SystemClock
from newsletter.compose.email import Email
from newsletter.config import DatabaseSettings, DkimSettings, RelaySettings, SenderSettings, Settings, WebSettings
from newsletter.delivery.ledger import Batch, Ledger
from newsletter.delivery.service import Options, Service
from newsletter.message.keys import passing_keys
from newsletter.store.database import open_database
from newsletter.store.deliveries import Claim
from newsletter.store.emails import save_email
from newsletter.store.migrations import upgrade
from newsletter.store.traffic import Traffic

BODY_OCTETS = 33_000


def an_email(octets: int) -> Email:
    """A page in the size of a real one: about 37 KB on the wire, some of it not ASCII."""
    line = '<p style="margin:0 0 16px">A dojo is a room for learning; ünïons are rooms where people who work learn together.</p>\n'
    html = (
        "<!DOCTYPE html>\n<html><body><p>Hello {{ first_name|default('you') }}</p>\n"
        + line * max(1, (octets - 3000) // 125)
        + '<a href="{{ unsubscribe_url|href }}">Leave</a> <a href="{{ preferences_url|href }}">Preferences</a></body></html>\n'
    )
    words = "A dojo is a room for learning.\n" * (1600 // 31 if octets > 5000 else 5)
    plain = f"Hello {{{{ name|default('you') }}}}\n\n{words}\nLeave: {{{{ unsubscribe_url }}}}\n"
    return Email(
        "unions", "welcome", "welcome", "Welcome, {{ first_name|default('you') }}", "", html, plain, "en", "ltr"
    )


@dataclass(frozen=True)
class Configuration:
    name: str
    key: str = ""
    postgresql: bool = False
    octets: int = BODY_OCTETS


CONFIGURATIONS = (
    Configuration("unsigned"),
    Configuration("ed25519", "ed25519"),
    Configuration("rsa-2048", "rsa"),
    Configuration("unsigned, PostgreSQL", postgresql=True),
    Configuration("ed25519, PostgreSQL", "ed25519", postgresql=True),
    Configuration("unsigned, 2 KB", octets=1000),
)


@contextmanager
def sink() -> Iterator[int]:
    """smtp-sink, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    process = subprocess.Popen(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own with fsync on; its URL with `{name}`."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="newsletter-pg-", ignore_cleanup_errors=True) as folder:
        if as_postgres:
            shutil.chown(folder, "postgres", "postgres")
        data = f"{folder}/data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust"], check=True, **quiet, **as_postgres
        )
        options = [
            f"--unix_socket_directories={folder}",
            "--listen_addresses=",
            "--shared_buffers=256MB",
            "--max_wal_size=4GB",
        ]
        server = subprocess.Popen([programs / "postgres", "-D", data, *options], **quiet, **as_postgres)
        import psycopg

        try:
            while True:
                try:
                    with psycopg.connect(
                        f"postgresql://postgres@/postgres?host={folder}", autocommit=True
                    ) as connection:
                        connection.execute("CREATE DATABASE bench")
                    break
                except psycopg.OperationalError:
                    time.sleep(0.1)
            yield f"postgresql://postgres@/bench?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown; SIGTERM waits until every client has left
            server.wait()


def dkim_of(kind: str, folder: Path) -> dict[str, DkimSettings]:
    """A fresh key in a file of mode 0600."""
    if not kind:
        return {}
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / f"{kind}.pem"
    file.touch(0o600)
    file.write_bytes(pem)
    return {"main": DkimSettings(selector="bench", domain="news.example.org", key_file=file)}


class Bench:
    """One configuration: seeded once, sent again each round."""

    def __init__(self, configuration: Configuration, folder: Path, port: int, messages: int, url: str) -> None:
        self.configuration = configuration
        self.folder = folder / configuration.name.replace(" ", "").replace(",", "-")
        self.folder.mkdir()
        self.messages = messages
        self.settings = Settings(
            root=self.folder,
            relays={"main": RelaySettings("127.0.0.1", port, "plain", connections=16, messages_per_connection=10**9)},
            dkims=dkim_of(configuration.key, self.folder),
            database=DatabaseSettings(url or f"sqlite:///{self.folder}/newsletter.db"),
            sender=SenderSettings(address="letters@news.example.org", postal_address="1 Long Road"),
            web=WebSettings(url="https://news.example.org", key_file=Path("newsletter.key")),
        )
        self.database = open_database(self.settings.database_url)
        upgrade(self.database)
        self.octets = 0
        self._seed()

    def _seed(self) -> None:
        email = an_email(self.configuration.octets)
        with self.database.transaction() as connection:
            for table in ("delivery", "subscriber", "campaign"):
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(
                text(
                    "INSERT INTO campaign (id, name, series, state, definition, created_at, updated_at) VALUES (1, 'unions', 'unions', 'running', '{}', 0, 0)"
                )
            )
            save_email(connection, email, now=0)
            rows = [
                {
                    "id": n,
                    "address": f"reader{n}@d{n % 500}.example",
                    "hash": b"%032d" % n,
                    "name": f"Reader {n}",
                    "attributes": '{"first_name": "Ann"}',
                }
                for n in range(1, self.messages + 1)
            ]
            connection.execute(
                text(
                    "INSERT INTO subscriber (id, address, address_hash, name, attributes, state, created_at, updated_at) VALUES (:id, :address, :hash, :name, :attributes, 'active', 0, 0)"
                ),
                rows,
            )
            connection.execute(
                text(
                    "INSERT INTO suppression (address_hash, scope, reason, at) SELECT address_hash, 'other', 'unsubscribed', 0 FROM subscriber WHERE id % 50 = 0 ON CONFLICT DO NOTHING"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO delivery (campaign_id, subscriber_id, page_id, email_hash, state, due_at) SELECT 1, id, 'welcome', :hash, 'due', 1 FROM subscriber"
                ),
                {"hash": email.content_hash},
            )

    def run(self) -> float:
        """Messages per second, from the first claim to the last outcome in the database."""
        with self.database.transaction() as connection:
            connection.execute(text("UPDATE delivery SET state = 'due', due_at = 1, attempts = 0, finished_at = NULL"))
        with self.database.engine.connect() as connection:
            if self.database.is_postgresql:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE delivery"))
        service = Service(
            self.settings,
            self.database,
            passing_keys(),
            SystemClock(),
            plan=None,
            options=Options(limit=self.messages),
            log=None,
            environment={},
        )
        moments: list[float] = []
        claim, write_down = Ledger.claim, Ledger.write_down

        def timed_claim(ledger: Ledger, limit: int) -> list[Claim]:
            if not moments:
                moments.append(time.perf_counter())
            return claim(ledger, limit)

        def timed_write_down(ledger: Ledger, batch: Batch) -> dict[str, Traffic]:
            written = write_down(ledger, batch)
            moments.append(time.perf_counter())
            return written

        with patch.object(Ledger, "claim", timed_claim), patch.object(Ledger, "write_down", timed_write_down):
            tally = service.run()
        assert tally.sent == self.messages, tally
        self.octets = tally.octets // tally.sent
        return self.messages / (moments[-1] - moments[0])


def anchor(port: int, messages: int, octets: int) -> float:
    """smtp-source, 16 sessions, connections kept: messages per second."""
    started = time.perf_counter()
    subprocess.run(
        ["smtp-source", "-d", "-s", "16", "-m", str(messages), "-l", str(octets), f"127.0.0.1:{port}"], check=True
    )
    return messages / (time.perf_counter() - started)


def others(port: int, count: int) -> dict[str, Callable[[], float]]:
    """What one would write without us: the standard library's and aiosmtplib's clients, and npm's nodemailer."""
    from benchmarks import send_peers

    return send_peers.runners(port, count, an_email(BODY_OCTETS))


def spread(values: list[float]) -> str:
    if len(values) < 2:
        return ""
    quarters = statistics.quantiles(values, n=4)
    return f"{quarters[0]:.2f}–{quarters[2]:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--messages", type=int, default=12_000)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--peers", action="store_true", help="smtplib, aiosmtplib and nodemailer as well")
    arguments = parser.parse_args()
    wanted = [found for found in CONFIGURATIONS if not arguments.only or found.name in arguments.only]
    rates: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newsletter-bench-")))
        port = stack.enter_context(sink())
        url = stack.enter_context(postgresql()) if any(found.postgresql for found in wanted) else ""
        benches = [Bench(found, folder, port, arguments.messages, url if found.postgresql else "") for found in wanted]
        for bench in benches:  # once to warm up and to learn the size on the wire
            if bench.configuration.postgresql:
                bench._seed()
            bench.run()
        peers = others(port, 300) if arguments.peers else {}
        for number in range(arguments.rounds):
            base: dict[str, float] = {}
            for bench in benches:
                size = f"smtp-source {bench.octets // 1000} KB"
                if size not in base:
                    base[size] = anchor(port, arguments.messages, bench.octets)
                    rates.setdefault(size, []).append(base[size])
                if bench.configuration.postgresql:
                    bench._seed()
                rate = bench.run()
                rates.setdefault(bench.configuration.name, []).append(rate)
                ratios.setdefault(bench.configuration.name, []).append(rate / base[size])
            for name, run in peers.items():
                rate = run()
                rates.setdefault(name, []).append(rate)
                ratios.setdefault(name, []).append(rate / next(iter(base.values())))
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    report(rates, ratios, arguments)


def report(rates: dict[str, list[float]], ratios: dict[str, list[float]], arguments: argparse.Namespace) -> None:
    print(f"\n{'':28}{'msgs/s':>10}{'x anchor':>10}   quartiles")
    for name, values in rates.items():
        ratio = f"{statistics.median(ratios[name]):.2f}" if name in ratios else "1"
        print(f"{name:28}{statistics.median(values):>10,.0f}{ratio:>10}   {spread(ratios.get(name, []))}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"\n{arguments.rounds} rounds of {arguments.messages:,} messages, {os.cpu_count()} cores; this process peaked at {memory} MB"
    )
    print(
        json.dumps(
            {
                "rounds": arguments.rounds,
                "messages": arguments.messages,
                "cores": os.cpu_count(),
                "rates": {name: round(statistics.median(values)) for name, values in rates.items()},
                "ratios": {name: round(statistics.median(values), 3) for name, values in ratios.items()},
                "peak_mb": memory,
            }
        )
    )


if __name__ == "__main__":
    main()
