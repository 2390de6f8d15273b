"""`newsletter serve` and `newsletter demo` end when they are told to, in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal

ROOT = Path(__file__).parent.parent.parent


def test_told_to_end_it_answers_the_open_request_first(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text('[sender]\naddress = "letters@news.example.org"\n')
    server = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "serve", "--port", "0"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert server.stdout is not None
    port = int(server.stdout.readline().partition(" (Ctrl-C")[0].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as visitor:
        visitor.sendall(
            b"POST /u/nonsense HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\nConnection: close\r\n\r\nList-Un"
        )
        time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.poll() is None
        visitor.sendall(b"subscribe=One-Click")
        answer = visitor.recv(100)
    _, errors = server.communicate(timeout=15)
    assert answer.startswith(b"HTTP/1.1 ")
    assert (server.returncode, errors) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_ends_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    terminal = Terminal(ROOT, 100, "demo", "--port", "0", TMPDIR=str(tmp_path))
    terminal.read_until(lambda text: "Ctrl-C ends it" in text, seconds=60)
    terminal.process.send_signal(number)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text
    assert list(tmp_path.iterdir()) == []
