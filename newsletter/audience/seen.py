"""Which addresses a file has named so far, in flat memory."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from types import TracebackType

_EIGHT_BYTES = struct.Struct(">q").unpack_from


class SeenAddresses:
    """The row in which each address first stood.

    It lies in a nameless SQLite database, which moves to a temporary file as it grows: a million addresses as a
    Python set would take 100 MB. The first eight bytes of the hash stand for it; that two of a million are alike
    is less likely than 1 : 10⁷.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, cached_statements=0)  # each is new and large
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA cache_size = -32768")  # 32 MiB: more than a million addresses fill
        self._connection.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, row INTEGER NOT NULL)")
        self._connection.execute("BEGIN")

    def __enter__(self) -> SeenAddresses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def note(self, rows: Sequence[tuple[bytes, int]]) -> dict[bytes, int]:
        """Remember in which row each address stands; when any of them stood before, the first row of each.

        Empty when all are new, as nearly always: then one walk over the tree is enough.
        """
        pairs = sorted((_key(digest), row) for digest, row in rows)  # neighbours in the tree, the first row first
        before = self._connection.total_changes
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", pairs)
        if self._connection.total_changes - before == len(pairs):
            return {}
        digests = {_key(digest): digest for digest, _ in rows}
        wanted = ",".join(map(str, digests))
        found = self._connection.execute(f"SELECT key, row FROM seen WHERE key IN ({wanted})")  # noqa: S608 – numbers
        return {digests[key]: row for key, row in found}


def _key(digest: bytes) -> int:
    key: int = _EIGHT_BYTES(digest)[0]
    return key
