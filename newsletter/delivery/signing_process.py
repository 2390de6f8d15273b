"""A process that does nothing but sign: `python -m newsletter.delivery.signing_process`, started by `signing.py`.

Frames go both ways over its pipes: four octets of length, then a `marshal` of one list. The first frame in holds the
keys (PKCS #8), each later one pairs of a key's number and what to sign; the answer holds the signatures. It ends when
its standard input does, so also when the process that started it was killed.
"""

from __future__ import annotations

import marshal
import signal
import struct
import sys
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.serialization import load_der_private_key

from newsletter.message.dkim import Key, signature

LENGTH = struct.Struct("<I")


def frame(entries: list[Any]) -> bytes:
    """One frame. `marshal` is a third of `pickle`'s cost, and both ends are the same interpreter."""
    payload = marshal.dumps(entries)
    return LENGTH.pack(len(payload)) + payload


def main() -> None:
    """Sign until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    source, target = sys.stdin.buffer, sys.stdout.buffer
    keys: list[Key] = [load_der_private_key(der, password=None) for der in _read(source)]  # type: ignore[misc]
    while batch := _read(source):
        target.write(frame([signature(keys[number], data) for number, data in batch]))
        target.flush()


def _read(source: BinaryIO) -> list[Any]:
    """The next frame; empty at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return []
    entries: list[Any] = marshal.loads(source.read(LENGTH.unpack(head)[0]))  # noqa: S302 - our own parent's
    return entries


if __name__ == "__main__":
    main()
