"""Senders in processes of their own, to be killed, stopped and woken."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from newsletter.store.database import Database
from tests.delivery.servers import Session

ROOT = Path(__file__).parent.parent.parent
CONNECTIONS = 4
STARTED: list[subprocess.Popen[str]] = []


def start(database: Database, folder: Path, port: int, *, until_idle: bool = False) -> subprocess.Popen[str]:
    """Start one; it ends with the test at the latest."""
    url = database.engine.url.render_as_string(hide_password=False)
    arguments = [url, str(folder), str(port), str(CONNECTIONS), "yes" if until_idle else "no"]
    command = [sys.executable, "-m", "tests.delivery.child", *arguments]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    STARTED.append(child)
    return child


def put_to_sleep(child: subprocess.Popen[str], database: Database) -> None:
    """SIGSTOP, as a laptop's lid, at a moment when the process is in no transaction: others go on writing."""
    while True:
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(0.02)
        if not _anybody_writes(database):
            return
        os.kill(child.pid, signal.SIGCONT)
        time.sleep(0.01)


def _anybody_writes(database: Database) -> bool:
    if database.is_postgresql:
        with database.reading() as connection:
            others = "datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
            return bool(connection.execute(text(f"SELECT count(*) FROM pg_stat_activity WHERE {others}")).scalar_one())
    with closing(sqlite3.connect(str(database.engine.url.database), timeout=0.1, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
    return False


def kill_all() -> None:
    """Whatever a test that failed has left behind."""
    while STARTED:
        child = STARTED.pop()
        if child.poll() is None:
            child.kill()
            child.communicate()


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)  # those who are waited for need the processor more


def slowly(session: Session, verb: str, argument: str) -> bytes | None:
    if verb == ".":
        time.sleep(0.001)
    return None
