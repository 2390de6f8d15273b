"""Real databases for tests: a SQLite file and a PostgreSQL server on a Unix socket in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

REMEDY = "Install PostgreSQL 13 or newer (Debian: apt-get install postgresql; macOS: brew install postgresql)."


def postgresql_program(name: str) -> str:
    """The path of a PostgreSQL program: on PATH, or where Debian keeps the versions side by side."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    found = shutil.which(name) or next(
        (str(folder / name) for folder in reversed(folders) if (folder / name).exists()), None
    )
    if found is None:
        raise RuntimeError(f"{name} is not installed, and the tests run on a real PostgreSQL. {REMEDY}")
    return found


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server of its own; yields its URL up to the database name: format it with `name=`.

    PostgreSQL refuses to run as root, so root starts it as the user postgres. It listens on a Unix socket only.
    """
    as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="newsletter-pg-", ignore_cleanup_errors=True) as folder:
        if as_postgres:
            shutil.chown(folder, "postgres", "postgres")
        data = Path(folder) / "data"
        subprocess.run(
            [postgresql_program("initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust", "-N"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_postgres,
        )  # fmt: skip
        options = {"unix_socket_directories": folder, "listen_addresses": "", "fsync": "off", "full_page_writes": "off"}
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            server = subprocess.Popen(
                [postgresql_program("postgres"), "-D", str(data), *(f"--{key}={value}" for key, value in options.items())],
                stdout=sink, stderr=sink, cwd=folder, **as_postgres,
            )  # fmt: skip
        try:
            url = f"postgresql://postgres@/{{name}}?host={folder}"
            _wait_for(url.format(name="postgres"), server, log)
            yield url
        finally:
            server.send_signal(signal.SIGQUIT)  # immediate: nothing in it is worth a checkpoint
            server.wait(20)


def create_postgresql_database(server: str, name: str, *, template: str = "template0") -> str:
    """Create the database `name` as a copy of `template`; returns its URL."""
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return server.format(name=name)


def drop_postgresql_database(server: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    with psycopg.connect(server.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
