"""Running `newsletter` as a person does, in a project's folder."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from newsletter.cli import main


@dataclass(frozen=True)
class Done:
    """What a command printed and the exit code it left with."""

    returncode: int
    stdout: str
    stderr: str


def newsletter(*arguments: str, folder: Path, **environment: str) -> Done:
    """Run the command line in this process (starting Python for each test would take most of the time)."""
    printed, complained = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in "12")
    with (
        contextlib.chdir(folder),
        _environment({"COLUMNS": "200", "NO_COLOR": "1", **environment}),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complained),
    ):
        try:
            main(list(arguments))
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0
    return Done(code, _text_of(printed), _text_of(complained))


def _text_of(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
