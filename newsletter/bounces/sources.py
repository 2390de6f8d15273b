"""Where mails come from on this machine: a file, an mbox, a Maildir, a folder, a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from newsletter.bounces.parsing import MAX_BYTES
from newsletter.errors import DataError

_ENVELOPE = re.compile(rb"^From \S+.*\d\d:\d\d.*\d{4}\s*$")
"""The line between two mails of an mbox; "From here on" in somebody's text is none."""


@dataclass(frozen=True)
class Found:
    """A mail and its name: its file, with `:N` behind it where the file holds several."""

    name: str
    data: bytes


def read_source(path: Path) -> Iterator[Found]:
    """The mails at `path`: a file with one mail or an mbox, a Maildir, or any folder of mails.

    Raises DataError when there is nothing that can be read.
    """
    if path.is_dir():
        folders = [path / "new", path / "cur"] if (path / "cur").is_dir() else [path]
        for folder in folders:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and not file.name.startswith("."):
                    yield from read_source(file)
        return
    try:
        with path.open("rb") as stream:
            yield from read_stream(stream, str(path))
    except OSError as error:
        raise DataError(
            f"can't be read: {error.strerror}", where=path, remedy="Name a mail, an mbox or a Maildir."
        ) from error


def read_stream(stream: BinaryIO, name: str) -> Iterator[Found]:
    """The mails of an open file or pipe: one mail, or several in mbox form; memory holds one at a time."""
    mails = _split(stream)
    one = next(mails, b"")
    following = next(mails, None)
    if following is None:
        yield Found(name, one)
        return
    yield Found(f"{name}:1", one)
    yield Found(f"{name}:2", following)
    for number, data in enumerate(mails, start=3):
        yield Found(f"{name}:{number}", data)


def _split(stream: BinaryIO) -> Iterator[bytes]:
    first = stream.readline(MAX_BYTES)
    is_mbox = bool(_ENVELOPE.match(first))
    lines, size, blank = [first], len(first), False
    while line := stream.readline(MAX_BYTES):
        if is_mbox and blank and _ENVELOPE.match(line):
            yield b"".join(lines)
            lines, size = [], 0
        if size < MAX_BYTES:
            lines.append(line)
            size += len(line)
        blank = not line.strip()
    yield b"".join(lines)
