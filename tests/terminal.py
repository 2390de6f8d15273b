"""A command on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

# A shell without job control starts what it puts in the background deaf to Ctrl-C; here nobody is in the background.
ON_THIS_TERMINAL = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
NEWSLETTER = [sys.executable, "-m", "newsletter"]


class Terminal:
    """A command on a pseudo-terminal, `columns` wide; what it shows is in `text`, without colours and cursor moves."""

    def __init__(self, folder: Path, columns: int, *arguments: str, **environment: str) -> None:
        self._raw = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        without_size = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_THIS_TERMINAL, *NEWSLETTER, *arguments],
            cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**without_size, "TERM": "xterm-256color", "PYTHONPATH": os.getcwd(), **environment},
        )  # fmt: skip
        os.close(slave)

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._raw.decode("utf-8", "replace")).replace("\r", "\n")

    def read_until(self, condition: Callable[[str], bool], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition(self.text):
            assert time.monotonic() < deadline, self.text[-2000:]
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self._raw += os.read(self._master, 65536)
                except OSError:  # Linux: the other side is closed
                    return

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def end(self) -> int:
        self.read_until(lambda text: False)
        os.close(self._master)
        return self.process.wait(20)
