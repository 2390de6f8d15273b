"""Headless Chromium, spoken to over its DevTools pipe: one browser for all pictures, and no library for it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import Any

from newsletter.errors import MissingToolError, ServiceError

NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge",
)  # fmt: skip
OPTIONS = (
    "--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-quic", "--mute-audio",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
"""The last one keeps a mail from loading anything: no host name is ever looked up."""

MOVE_PIPES = """
import os, sys
ours = [os.dup(int(number)) for number in sys.argv[1:3]]
ours = [os.dup(number) if number in (3, 4) else number for number in ours]
os.dup2(ours[0], 3)
os.dup2(ours[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""DevTools reads at descriptor 3 and answers at 4; a shell can't move descriptors above 9 there."""

ANSWER_SECONDS = 30.0
FIRST_HEIGHT = 800
TALLEST = 16_000
"""Pixels; more than a GPU-less Chromium can draw at once."""


class Chromium:
    """A browser for the length of a `with` block. Raises MissingToolError when none is installed."""

    def __init__(self) -> None:
        path = next((found for name in NAMES if (found := shutil.which(name))), None)
        if path is None:
            raise MissingToolError(
                "pictures need Chromium or Chrome, and none is installed",
                where="--png",
                remedy="Install it (for example: apt install chromium), or use --export.",
            )
        self._path = path
        self._last = 0
        self._buffer = b""

    def __enter__(self) -> Chromium:
        self._profile = tempfile.TemporaryDirectory(prefix="newsletter-chromium-", ignore_cleanup_errors=True)
        theirs_in, self._commands = os.pipe()
        self._answers, theirs_out = os.pipe()
        # Root may not use the sandbox; then this is a container, and the mail can run nothing anyway.
        options = [*OPTIONS, f"--user-data-dir={self._profile.name}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", MOVE_PIPES, str(theirs_in), str(theirs_out), self._path, *options],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._commands)
        os.close(self._answers)
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._profile.cleanup()

    def screenshot(self, address: str, width: int) -> bytes:
        """The whole page at `address`, `width` CSS pixels wide, as PNG."""
        self._resize(width, FIRST_HEIGHT)
        self._ask("Page.navigate", url=address)
        self._wait_for("Page.loadEventFired")
        height = min(TALLEST, int(self._ask("Page.getLayoutMetrics")["cssContentSize"]["height"]))
        self._resize(width, height)
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def _resize(self, width: int, height: int) -> None:
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 480
        )

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        command: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            command["sessionId"] = self._session
        try:
            os.write(self._commands, json.dumps(command).encode() + b"\0")
        except OSError as error:
            raise ServiceError("Chromium ended early", where=self._path, remedy="Does it start by itself?") from error
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise ServiceError(f"Chromium refused {method}: {answer['error']['message']}", where=self._path)
                result: dict[str, Any] = answer["result"]
                return result

    def _wait_for(self, event: str) -> None:
        while self._read().get("method") != event:
            pass

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], ANSWER_SECONDS)
            data = os.read(self._answers, 1 << 20) if ready else b""
            if not data:
                raise ServiceError("Chromium does not answer", where=self._path, remedy="Does it start by itself?")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer
