"""The journal of one sending process: which final dots may have left, and which replies came.

An append to this file (a microsecond) survives a killed process at once, since the kernel holds it; a commit to
the database for every message would cost more than sending it. Power loss is met in groups: `release` names the
deliveries that may go out next and returns when that is on the disk, so that after a power failure, when the last
appends may be missing, exactly the released ones without a known reply are in doubt.

Records are a length, a CRC-32 and a payload; a torn or zeroed tail ends the reading. A journal is locked (flock) as
long as its process lives, however that process ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from newsletter.delivery.append_file import AppendFile, is_still
from newsletter.store.deliveries import Outcome

SUFFIX = ".journal"
ROTATE_AT = 16 * 1024 * 1024
"""Octets after which the journal is written anew with only what is open."""

_HEAD = struct.Struct("<II")
_KEY = struct.Struct("<Bqi")
_OUTCOME = struct.Struct("<qqqi?")

_HEADER, _RELEASED, _INTENT, _OUTCOME_KIND, _RETURNED = range(5)

_PAIR = struct.Struct("<qi")
_NO_RECORD = b""
"""Stands in memory for a released key: its record names many, and is made anew when it is needed again."""


class Key(NamedTuple):
    """One attempt at one delivery."""

    id: int
    attempts: int


@dataclass(frozen=True)
class Replay:
    """What a dead process left behind. `is_whole` is False after a reboot: the last appends may be missing.

    `released` were about to go out, `intents` had their final dot on its way, `outcomes` have a known reply.
    """

    worker: str
    is_whole: bool
    released: frozenset[Key]
    intents: frozenset[Key]
    outcomes: tuple[Outcome, ...]

    @property
    def in_doubt(self) -> frozenset[Key]:
        """What may have been sent, and nobody knows."""
        return self.intents if self.is_whole else self.intents | self.released


class Journal:
    """Append-only; `release` may be called from another thread than the rest."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Create the journal of `worker` in `folder`. Raises OSError (disk full, no permission)."""
        self.worker = worker
        self.path = folder / f"{worker}{SUFFIX}"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._open: dict[Key, bytes] = {}
        self._backlog: list[bytes] = []
        self._file = self._create(self.path, b"")
        _sync_folder(folder)

    def release(self, keys: Sequence[Key]) -> None:
        """These may go out next. Returns when that is on the disk. Raises OSError; then they may not go out."""
        record = _release_record(keys)
        with self._lock:
            if self._file.size >= ROTATE_AT:
                with self._syncing:  # nobody syncs a file that is being closed
                    self._rotate()
            self._file.append(record)
            self._open.update(dict.fromkeys(keys, _NO_RECORD))
        with self._syncing:
            self._file.sync()

    def write(self, outcomes: Iterable[Outcome], intent: Key | None) -> None:
        """Append replies and the intent to send one more. Raises OSError: the intent may not be acted on, and the
        replies are kept in memory and go first into the next append."""
        with self._lock:
            for found in outcomes:
                record = _frame(_pack_outcome(found))
                self._open[Key(found.id, found.attempts)] = record
                self._backlog.append(record)
            record = _frame(_KEY.pack(_INTENT, *intent)) if intent is not None else _NO_RECORD
            self._file.append(b"".join((*self._backlog, record)))
            self._backlog.clear()
            if intent is not None:
                self._open[intent] = record

    def hand_back(self, key: Key) -> None:
        """What was intended was surely not sent. Raises OSError."""
        with self._lock:
            record = _frame(_KEY.pack(_RETURNED, *key))
            self._open[key] = record
            self._backlog.append(record)
            self._file.append(b"".join(self._backlog))
            self._backlog.clear()

    def forget(self, keys: Iterable[Key]) -> None:
        """The database knows."""
        with self._lock:
            for key in keys:
                self._open.pop(key, None)

    def close(self, *, keep: bool = False) -> None:
        """Let go of the journal, and take it away if nothing is open; not with `keep`: claims it does not name may be
        left, and without a journal nobody could say that they were not sent."""
        with self._lock:
            if not self._open and not keep:
                self.path.unlink(missing_ok=True)
            self._file.close()

    def _rotate(self) -> None:
        path = self.path.with_suffix(".new")
        released = [key for key, record in self._open.items() if record is _NO_RECORD]
        fresh = self._create(path, _release_record(released) + b"".join(self._open.values()))
        try:
            path.replace(self.path)
        except OSError:
            fresh.close()
            path.unlink()
            raise
        _sync_folder(self.path.parent)
        self._file.close()
        self._file = fresh

    def _create(self, path: Path, data: bytes) -> AppendFile:
        header = _frame(bytes([_HEADER]) + json.dumps({"worker": self.worker, "boot": boot_id()}).encode())
        file = AppendFile(path)
        try:
            file.append(header + data)
            file.sync()
        except OSError:
            file.close()
            path.unlink()
            raise
        return file


def dead_journals(folder: Path) -> Iterator[tuple[Path, Replay]]:
    """The journals in `folder` whose process is gone, read. Raises OSError when one can't be read."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if not is_still(path, descriptor):  # its owner lives and has just written it anew
                continue
            with os.fdopen(os.dup(descriptor), "rb") as file:
                replay = read(file.read(), path.name.removesuffix(SUFFIX))
            yield path, replay
        finally:
            os.close(descriptor)


def is_alive(folder: Path, worker: str) -> bool | None:
    """Whether the process that writes the journal of `worker` lives; None: there is no such journal here."""
    try:
        descriptor = os.open(folder / f"{worker}{SUFFIX}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read(data: bytes, worker: str) -> Replay:
    """Replay a journal: the last record of each attempt counts. Reading ends at the first record that is not whole."""
    boot = ""
    last: dict[Key, int] = {}
    outcomes: dict[Key, Outcome] = {}
    for payload in _records(data):
        kind = payload[0]
        if kind == _HEADER:
            header = json.loads(payload[1:])
            worker, boot = header["worker"], header["boot"]
            continue
        if kind == _RELEASED:
            last.update((Key(*pair), kind) for pair in _PAIR.iter_unpack(payload[1:]))
            continue
        key = Key(*_KEY.unpack_from(payload)[1:])
        if kind == _RETURNED:
            last.pop(key, None)
            continue
        last[key] = kind
        if kind == _OUTCOME_KIND:
            outcomes[key] = _unpack_outcome(key, payload)
    return Replay(
        worker,
        is_whole=bool(boot) and boot == boot_id(),
        released=frozenset(key for key, kind in last.items() if kind == _RELEASED),
        intents=frozenset(key for key, kind in last.items() if kind == _INTENT),
        outcomes=tuple(outcomes[key] for key, kind in last.items() if kind == _OUTCOME_KIND),
    )


def boot_id() -> str:
    """What tells this run of the machine from the one before a power failure; "" where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if not length or len(payload) != length or zlib.crc32(payload) != checksum:
            return
        yield payload
        at += _HEAD.size + length


def _frame(payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _release_record(keys: Sequence[Key]) -> bytes:
    return _frame(bytes([_RELEASED]) + b"".join([_PAIR.pack(*key) for key in keys]))


def _pack_outcome(found: Outcome) -> bytes:
    texts = "\0".join((found.state, found.relay, found.reply)).encode("utf-8", "replace")
    return (
        _KEY.pack(_OUTCOME_KIND, found.id, found.attempts)
        + _OUTCOME.pack(found.at, found.due_at, found.give_up_at, found.code or 0, found.tried)
        + texts
    )


def _unpack_outcome(key: Key, payload: bytes) -> Outcome:
    at, due_at, give_up_at, code, tried = _OUTCOME.unpack_from(payload, _KEY.size)
    state, relay, reply = payload[_KEY.size + _OUTCOME.size :].decode().split("\0", 2)
    return Outcome(key.id, key.attempts, state, at, due_at, give_up_at, relay, code or None, reply, tried)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
