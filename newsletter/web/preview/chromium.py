"""A headless Chromium that takes pictures of pages, spoken to over a pipe: no port is opened, no driver is needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Literal

from newsletter.errors import MissingToolError, ServiceError

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave",
)
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)

ARGUMENTS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    # A mail shows what lies on this machine; a proxy that nobody answers keeps all else away.
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)

LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Chromium reads its pipe at descriptor 3 and answers at 4; no shell can name descriptors above 9 everywhere."""

ANSWER_LIMIT = 64_000_000
TALLEST = 16_000
"""Pixels of height at most: Chromium's own limit of a texture."""


def find_chromium() -> str:
    """The program of an installed Chromium. Raises MissingToolError when there is none."""
    for name in (*PROGRAMS, *APPLICATIONS):
        found = shutil.which(name)
        if found:
            return found
    raise MissingToolError(
        "taking pictures needs Chromium or Chrome, and none is installed",
        remedy="Debian, Ubuntu: apt install chromium. Fedora: dnf install chromium. macOS: brew install --cask chromium.",
    )


class Chromium:
    """One running Chromium with one empty page."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, answers: int) -> None:
        self._process, self._to, self._answers = process, to, answers
        self._numbers, self._rest = count(1), b""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")
        self._ask("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self, file: Path, *, width: int, scheme: Literal["light", "dark"], phone: bool = False) -> bytes:
        """The HTML `file` from top to end as a PNG; `width` in CSS pixels, a `phone` has two pixels for each.

        Raises ServiceError when Chromium ends or answers that it can't.
        """
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        metrics = {"width": width, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self._ask("Emulation.setDeviceMetricsOverride", height=800, **metrics)
        answer = self._ask("Page.navigate", url=file.resolve().as_uri())
        if answer.get("errorText"):
            raise ServiceError(f"Chromium can't open it: {answer['errorText']}", where=file)
        self._await("Page.loadEventFired")
        size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        height = min(max(1, round(size["height"])), TALLEST // (2 if phone else 1))
        self._ask("Emulation.setDeviceMetricsOverride", height=height, **metrics)
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        question: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            question["sessionId"] = self._session
        with suppress(BrokenPipeError):  # the answer that does not come tells
            os.write(self._to, json.dumps(question).encode() + b"\0")
        answer = self._read(lambda message: message.get("id") == number)
        if "error" in answer:
            raise ServiceError(f"Chromium can't do it: {method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def _await(self, event: str) -> None:
        self._read(lambda message: message.get("method") == event)

    def _read(self, wanted: Any) -> dict[str, Any]:
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._answers, 1 << 20)
                if not part or len(self._rest) > ANSWER_LIMIT:
                    raise ServiceError("Chromium has ended", remedy="Start it by hand to see why.")
                self._rest += part
            line, _, self._rest = self._rest.partition(b"\0")
            message: dict[str, Any] = json.loads(line)
            if wanted(message):
                return message


@contextmanager
def running_chromium() -> Iterator[Chromium]:
    """A Chromium for as long as the block runs. Raises MissingToolError when none is installed."""
    program = find_chromium()
    if os.name != "posix":
        raise MissingToolError("pictures are taken on Linux and macOS only", remedy="Use --export, or WSL.")
    questions, to = os.pipe()
    answers, back = os.pipe()
    questions, back = _out_of_the_way(questions), _out_of_the_way(back)
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", LAUNCHER, str(questions), str(back), program, *_arguments(profile)],
            pass_fds=(questions, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )
        os.close(questions)
        os.close(back)
        try:
            yield Chromium(process, to, answers)
        finally:
            os.close(to)
            os.close(answers)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _out_of_the_way(end: int) -> int:
    """The same end of a pipe under a number that is neither 3 nor 4."""
    moved = [end]
    while moved[-1] in (3, 4):
        moved.append(os.dup(moved[-1]))
    for passed in moved[:-1]:
        os.close(passed)
    return moved[-1]


def _arguments(profile: str) -> tuple[str, ...]:
    # Chromium refuses its sandbox to root, as in most containers; what it opens here runs no scripts.
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    return (*ARGUMENTS, *root, f"--user-data-dir={profile}")
