"""A file whose appends survive a killed process without a system call for each: it is mapped into memory.

The kernel holds the pages of a shared mapping just as it holds what `write` gave it. But `write` takes three times as
long, and it lets go of the interpreter: the thread that serves the sockets then had to win it back from the database's
threads, 10 µs of waiting for every message.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from pathlib import Path

RESERVED_TOGETHER = 256 * 1024
"""Octets; some two thousand messages."""


class AppendFile:
    """A new file at `path`, locked (flock) as long as its process lives, however that ends. What follows the last append
    is zeros. `sync` may be called from another thread than `append`."""

    def __init__(self, path: Path) -> None:
        """Create it. Raises OSError (disk full, no permission); then there is no file."""
        self.size = 0
        self._path = path
        self._descriptor = _open_locked(path)
        try:
            self._map = self._reserve(0, RESERVED_TOGETHER)
        except OSError:
            os.close(self._descriptor)
            path.unlink()
            raise

    def append(self, data: bytes) -> None:
        """Append `data`, wholly or not at all. Raises OSError (disk full)."""
        end = self.size + len(data)
        if end > len(self._map):
            self._map = self._reserve(len(self._map), -(-end // RESERVED_TOGETHER) * RESERVED_TOGETHER)
        self._map[self.size : end] = data
        self.size = end

    def sync(self) -> None:
        """Return when all that was appended is on the disk. Raises OSError."""
        full_sync = getattr(fcntl, "F_FULLFSYNC", None)
        if full_sync is None:
            os.fdatasync(self._descriptor)
        else:  # macOS: fsync stops at the drive's cache, and need not look at what was written through a map
            self._map.flush()
            fcntl.fcntl(self._descriptor, full_sync)

    def close(self) -> None:
        """Let go of it, and of its lock."""
        self._map.close()
        os.close(self._descriptor)

    def _reserve(self, start: int, end: int) -> mmap.mmap:
        """A map of all up to `end`. From `start` on it holds zeros that the disk has room for: touching a page that it
        has no room for would end the process (SIGBUS)."""
        try:
            if os.pwrite(self._descriptor, bytes(end - start), start) != end - start:
                raise OSError(errno.ENOSPC, "the disk is full", str(self._path))
            return mmap.mmap(self._descriptor, end)
        except OSError:
            os.ftruncate(self._descriptor, start)
            raise


def is_still(path: Path, descriptor: int) -> bool:
    """Whether `descriptor` is the file that is now at `path`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _open_locked(path: Path) -> int:
    """A new file of ours alone. Between its making and its lock another process may take it for a dead one's, and
    remove it: two workers that start at the same moment."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if is_still(path, descriptor):
            return descriptor
        os.close(descriptor)
