"""The keys by which a database knows its people: with others, nobody who has left would be recognised."""

from __future__ import annotations

from pathlib import Path

from newsletter.audience.addresses import fold
from newsletter.errors import SettingsError
from newsletter.message.keys import KeyRing, address_hash, load_keys, passing_keys, read_keys
from newsletter.store.database import Database
from newsletter.store.subscribers import newest_addresses
from newsletter.store.suppressions import is_anyone_suppressed

ASKED = 5
"""People whose hash is computed again. One alone may differ: what IDNA makes of a rare script changes over the years."""


def keys_of(database: Database, path: Path) -> KeyRing:
    """The keys in the file `path`, made there for a database that knows nobody yet.

    Raises SettingsError for a file that is lost, can't be used, or belongs to another database.
    """
    return knows_by(database, path) or load_keys(path)


def keys_to_look(database: Database, path: Path) -> KeyRing:
    """As `keys_of`, but no file is made: where there is none and nobody is known, the keys are kept nowhere."""
    return knows_by(database, path) or (read_keys(path) if path.exists() else passing_keys())


def knows_by(database: Database, path: Path) -> KeyRing | None:
    """The keys in `path` by which the database knows its people; None: it knows nobody. Raises as `keys_of`."""
    with database.reading() as connection:
        known = newest_addresses(connection, ASKED)
        if not known and not is_anyone_suppressed(connection):
            return None
    ring = read_keys(path)
    if known and not any(address_hash(ring, fold(address)) == digest for address, digest in known):
        raise SettingsError(
            "these keys are not those of the database: nobody who has left would be recognised",
            where=path,
            remedy="Restore the key file that belongs to it; the links in mails that have left need it, too.",
        )
    return ring
