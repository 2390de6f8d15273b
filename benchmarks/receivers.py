"""Which mail servers take what we send, unchanged: `python benchmarks/receivers.py [--messages 200]`. As root, on Debian.

Postfix, aiosmtpd, Exim and OpenSMTPD run on loopback from scratch configurations, with TLS by an authority of our own.
Exim and OpenSMTPD can't be installed beside Postfix; their packages are fetched (apt-get download) and unpacked into a
temporary folder, and the users that they run as are made for the time being. Each gets the same signed mails over
STARTTLS and implicit TLS (OpenSMTPD in plain text, see there), by every AUTH mechanism that it knows; what it hands on is
compared octet by octet, and judged by dkimpy (rsa and ed25519) and OpenDKIM (rsa). Exits 1 if anything is missing,
changed or found bad.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import pwd
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade
from tests.delivery.arrivals import (
    Keys,
    dkimpy_finds_good,
    is_identical,
    keys_in,
    message_id,
    opendkim_finds_good,
    send_all,
    signed,
    start_again,
)
from tests.delivery.receivers import Receiver, aiosmtpd, exim, opensmtpd, postfix
from tests.delivery.servers import KeepingServer
from tests.delivery.world import an_email, seed

PACKAGES = ("exim4-daemon-light", "opensmtpd", "libidn12")
USERS = ("Debian-exim", "opensmtpd", "opensmtpq")
OPENSMTPD_FOLDERS = {"/var/lib/opensmtpd/empty": 0o755, "/var/spool/smtpd": 0o711}


@contextmanager
def unpacked() -> Iterator[Path]:
    """The packages that Debian won't install beside Postfix, in a folder."""
    with tempfile.TemporaryDirectory(prefix="newsletter-packages-") as folder:
        Path(folder).chmod(0o755)
        subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        for package in Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
        yield Path(folder)


@contextmanager
def borrowed_users() -> Iterator[None]:
    """Users and folders that Exim and OpenSMTPD want; what was not there before is taken away again."""
    made = [name for name in USERS if not any(entry.pw_name == name for entry in pwd.getpwall())]
    for name in made:
        subprocess.run(["useradd", "-r", "-M", "-s", "/usr/sbin/nologin", name], check=True)
    fresh = [folder for folder in OPENSMTPD_FOLDERS if not Path(folder).exists()]
    for folder in fresh:
        Path(folder).mkdir(parents=True)
        Path(folder).chmod(OPENSMTPD_FOLDERS[folder])
    try:
        yield
    finally:
        for folder in fresh:
            subprocess.run(["rm", "-r", folder], check=True)
        for name in made:
            subprocess.run(["userdel", name], check=True, stderr=subprocess.DEVNULL)


def try_one(
    receiver: Receiver,
    security: str,
    mechanism: str,
    arrived: Callable[[], list[bytes]],
    database: Database,
    folder: Path,
    keys: Keys,
    expected: dict[str, bytes],
) -> bool:
    """Send everything once through `receiver`; print a line; whether all is well."""
    start_again(database)
    before = len(arrived())
    tally = send_all(database, folder, keys, receiver.relay(security, mechanism))
    deadline = time.monotonic() + 120
    while len(arrived()) - before < len(expected) and time.monotonic() < deadline:
        time.sleep(0.1)
    messages = arrived()[before:]
    identical = sum(is_identical(message, expected[message_id(message)]) for message in messages)
    dkimpy = sum(dkimpy_finds_good(message, keys) for message in messages)
    opendkim = sum(opendkim_finds_good(message, keys, folder) for message in messages)
    counts = f"{tally.sent:>8}{len(messages):>10}{identical:>11}{dkimpy:>9}{opendkim:>10}"
    print(f"{receiver.name:12}{security:10}{mechanism or 'none':10}{counts}", flush=True)
    return {tally.sent, len(messages), identical, dkimpy, opendkim} == {len(expected)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Postfix, Exim and OpenSMTPD start as root only.")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own next version
    good = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newsletter-receivers-")))
        packages = stack.enter_context(unpacked())
        stack.enter_context(borrowed_users())
        keys = keys_in(folder)
        database = open_database(f"sqlite:///{folder}/newsletter.db")
        stack.callback(database.close)
        upgrade(database)
        seed(database, arguments.messages, email=an_email(size=20_000))
        expected = signed(database, folder, keys)
        home = stack.enter_context(KeepingServer())
        programs = packages / "usr" / "sbin"
        libraries = packages / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
        receivers = [
            stack.enter_context(postfix(home.port)),
            stack.enter_context(exim(home.port, programs / "exim4", libraries, "Debian-exim")),
            stack.enter_context(opensmtpd(home.port, programs / "smtpd")),
        ]
        inbox, shelf = stack.enter_context(aiosmtpd())
        columns = f"{'sent':>8}{'arrived':>10}{'identical':>11}{'dkimpy':>9}{'opendkim':>10}"
        print(f"{'receiver':12}{'TLS':10}{'AUTH':10}{columns}")
        for receiver in (*receivers, inbox):
            for security in receiver.ports:
                for mechanism in receiver.mechanisms or ("",):
                    arrived = (
                        (lambda: [data for _, data in shelf.kept])
                        if receiver is inbox
                        else (lambda: [kept.data for kept in home.kept])
                    )
                    good.append(try_one(receiver, security, mechanism, arrived, database, folder, keys, expected))
    print(f"{arguments.messages} mails of {len(next(iter(expected.values()))):,} octets each, signed twice")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
