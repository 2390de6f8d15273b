"""Which addresses a file has named so far, in flat memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from types import TracebackType


class SeenAddresses:
    """The row in which each address first stood.

    It lies in a nameless SQLite database, which moves to a temporary file as it grows: a million addresses as a
    Python set would take 100 MB. The first eight bytes of the hash stand for it; that two of a million are alike
    is less likely than 1 : 10⁷.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, cached_statements=0)  # each is new and large
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, row INTEGER NOT NULL)")
        self._connection.execute("BEGIN")

    def __enter__(self) -> SeenAddresses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def rows(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """The first row of each address that has been seen."""
        keys = {_key(digest): digest for digest in hashes}
        wanted = ",".join(map(str, keys))
        found = self._connection.execute(f"SELECT key, row FROM seen WHERE key IN ({wanted})")  # noqa: S608 – numbers
        return {keys[key]: row for key, row in found}

    def add(self, rows: Mapping[bytes, int]) -> None:
        """Remember where addresses stood first."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)", [(_key(digest), row) for digest, row in rows.items()]
        )


def _key(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big", signed=True)
