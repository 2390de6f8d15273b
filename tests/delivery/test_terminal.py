"""What `newsletter run` shows: on a real terminal, wide and narrow, and in a file."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from newsletter.store.database import Database
from tests.delivery.servers import CLOSE, KeepingServer, Session, free_port
from tests.delivery.world import seed, states, write_keys
from tests.terminal import NEWSLETTER, Terminal

SETTINGS = """\
[sender]
address = "letters@news.example.org"
[web]
url = "https://news.example.org"
[relay]
host = "127.0.0.1"
port = {port}
security = "plain"
connections = 2
{more}
"""


def project(folder: Path, port: int, more: str = "") -> Path:
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=port, more=more))
    write_keys(folder)
    return folder


def mixed(session: Session, verb: str, argument: str) -> bytes | None:
    """Something of everything: sent, deferred, failed, uncertain."""
    if verb == ".":
        time.sleep(0.005)
        return CLOSE if session.recipient.startswith("reader5@") else None
    if verb == "RCPT" and argument.startswith("TO:<reader3@"):
        return b"450 4.2.0 come back later\r\n"
    if verb == "RCPT" and argument.startswith("TO:<reader4@"):
        return b"550 5.1.1 unknown\r\n"
    return None


@pytest.mark.parametrize("columns", [100, 40])
def test_progress_shows_counts_rate_and_time_left_and_ctrl_c_ends_it(
    sqlite_database: Database, tmp_path: Path, columns: int
) -> None:
    seed(sqlite_database, 4000)
    with KeepingServer(mixed) as server:
        terminal = Terminal(project(tmp_path, server.port), columns, "run")
        figures = (r"\d+ sent", r"\d+/s", r"[\d,]+ due", r"0:\d\d:\d\d left", "1 deferred", "1 failed", "1 uncertain")
        terminal.read_until(lambda text: all(re.search(figure, text) for figure in figures))
        shown = terminal.text
        terminal.press_ctrl_c()
        assert terminal.end() == 0
        kept = len(server.kept)
    assert max(map(len, shown.splitlines())) <= columns
    assert "Ctrl-C ends the messages in hand" in shown
    assert re.search(rf"sent {kept:,}, deferred 1, failed 1, uncertain 1\n", terminal.text)
    assert "campaign status" in terminal.text  # where to see the uncertain one
    found = list(states(sqlite_database).values())
    assert "claimed" not in found and found.count("sent") == kept


def test_a_relay_that_rests_says_why_on_the_terminal(sqlite_database: Database, tmp_path: Path) -> None:
    seed(sqlite_database, 3)
    refuse = lambda session, verb, argument: b"535 5.7.8 wrong password [red]\r\n" if verb == "AUTH" else None  # noqa: E731
    with KeepingServer(refuse, extensions=("AUTH PLAIN",)) as server:
        folder = project(tmp_path, server.port, 'username = "ann"')
        terminal = Terminal(folder, 100, "run", NEWSLETTER_RELAY_PASSWORD="secret")
        terminal.read_until(lambda text: "resting: main" in text)
        terminal.press_ctrl_c()
        assert terminal.end() == 0
    assert "main rests for 600 s: AUTH: 535 5.7.8 wrong password [red]" in " ".join(terminal.text.split())
    assert "secret" not in terminal.text


def test_in_a_file_there_is_a_line_per_delivery_and_nothing_that_steers_a_terminal(
    sqlite_database: Database, tmp_path: Path
) -> None:
    ids = seed(sqlite_database, 8)
    with KeepingServer(mixed) as server:
        folder = project(tmp_path, server.port)
        with (tmp_path / "log").open("wb") as log:
            done = subprocess.run(
                [*NEWSLETTER, "run", "--until-idle"],
                cwd=folder, stdout=subprocess.PIPE, stderr=log, check=False, timeout=60,
                env={**os.environ, "PYTHONPATH": os.getcwd()},
            )  # fmt: skip
    written = (tmp_path / "log").read_text()
    assert done.returncode == 0 and done.stdout == b"sent 5, deferred 1, failed 1, uncertain 1\n"
    assert "\x1b" not in written
    for key in ids:
        assert sum(f"delivery={key} " in line for line in written.splitlines()) == 1
    for event in ("sent", "deferred", "failed", "uncertain"):
        assert f"event='{event}'" in written


def test_a_relay_that_is_down_does_not_fill_the_terminal(sqlite_database: Database, tmp_path: Path) -> None:
    seed(sqlite_database, 3)
    terminal = Terminal(project(tmp_path, free_port()), 100, "run")
    terminal.read_until(lambda text: text.count("main rests for") >= 2)
    terminal.press_ctrl_c()
    assert terminal.end() == 0
    assert "nothing takes mail there (connection refused)" in " ".join(terminal.text.split())
    assert terminal.text.count("main rests for") < 6
