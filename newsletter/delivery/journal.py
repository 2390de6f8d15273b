"""The journal of one sending process: which final dots may have left, and which replies came.

An append to this file (a few microseconds) survives a killed process at once, since the kernel holds it; a commit to
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
        self._open: dict[Key, bytes] = {}
        self._backlog: list[bytes] = []
        self._descriptor, self._size = self._create(self.path)
        _sync_folder(folder)

    def release(self, keys: Sequence[Key]) -> None:
        """These may go out next. Returns when that is on the disk. Raises OSError; then they may not go out."""
        record = _release_record(keys)
        with self._lock:
            self._rotate_if_long()
            self._append(record)
            self._open.update(dict.fromkeys(keys, _NO_RECORD))
            descriptor = os.dup(self._descriptor)  # rotation may close the original while this one is synced
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)

    def write(self, outcomes: Iterable[Outcome], intent: Key | None) -> None:
        """Append replies and the intent to send one more. Raises OSError: the intent may not be acted on, and the
        replies are kept in memory and go first into the next append."""
        with self._lock:
            for found in outcomes:
                record = _frame(_pack_outcome(found))
                self._open[Key(found.id, found.attempts)] = record
                self._backlog.append(record)
            record = _frame(_KEY.pack(_INTENT, *intent)) if intent is not None else _NO_RECORD
            self._append(b"".join((*self._backlog, record)))
            self._backlog.clear()
            if intent is not None:
                self._open[intent] = record

    def hand_back(self, key: Key) -> None:
        """What was intended was surely not sent. Raises OSError."""
        with self._lock:
            record = _frame(_KEY.pack(_RETURNED, *key))
            self._open[key] = record
            self._backlog.append(record)
            self._append(b"".join(self._backlog))
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
            os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            self._cut()
            raise
        if written != len(data):
            self._cut()
            raise OSError(28, "the disk is full", str(self.path))
        self._size += written

    def _cut(self) -> None:
        """Take a record that was written in part away again: what follows it could not be read."""
        os.ftruncate(self._descriptor, self._size)

    def _rotate_if_long(self) -> None:
        if self._size < ROTATE_AT:
            return
        fresh = self.path.with_suffix(".new")
        descriptor, size = self._create(fresh)
        released = [key for key, record in self._open.items() if record is _NO_RECORD]
        data = _release_record(released) + b"".join(self._open.values())
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "the disk is full", str(fresh))
            _sync(descriptor)
            fresh.replace(self.path)
        except OSError:
            os.close(descriptor)
            fresh.unlink()
            raise
        _sync_folder(self.path.parent)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, size + len(data)

    def _create(self, path: Path) -> tuple[int, int]:
        header = _frame(bytes([_HEADER]) + json.dumps({"worker": self.worker, "boot": boot_id()}).encode())
        descriptor = _open_locked(path)
        try:
            if os.write(descriptor, header) != len(header):  # what follows a torn header could not be read
                raise OSError(28, "the disk is full", str(path))
            _sync(descriptor)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
        return descriptor, len(header)


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
            if not _is_still(path, descriptor):  # its owner lives and has just written it anew
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


def _open_locked(path: Path) -> int:
    """A new file of ours alone. Between its making and its lock another process may take it for a dead one's, and
    remove it: two workers that start at the same moment."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync(descriptor: int) -> None:
    full_sync = getattr(fcntl, "F_FULLFSYNC", None)
    if full_sync is not None:
        fcntl.fcntl(descriptor, full_sync)  # macOS: its fsync stops at the drive's cache
    else:
        os.fdatasync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
