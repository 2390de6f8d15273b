"""One `newsletter run` per SQLite database: a lock that the system lets go of however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from newsletter.errors import AlreadyRunningError


class RunLock:
    """Held from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock. Raises AlreadyRunningError, which names the process that holds it."""
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise AlreadyRunningError(
                f"another `newsletter run` (process {holder or 'unknown'}) is sending from this database",
                where=self.path.with_suffix(""),
                remedy="Stop it first, or use PostgreSQL, where any number of them share the work.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go. The file stays: taking it away would let two processes hold two locks."""
        os.close(self._descriptor)
