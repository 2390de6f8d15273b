"""Erasing a person (GDPR Article 17): nothing stays but a keyed hash that keeps imports from bringing them back."""

from __future__ import annotations

from newsletter.audience.addresses import fold, validate
from newsletter.clock import Clock
from newsletter.message.keys import KeyRing, address_hash
from newsletter.store.confirmations import forget_confirmations
from newsletter.store.database import Database
from newsletter.store.subscribers import remove_subscriber, subscriber_by_hash
from newsletter.store.suppressions import forget_address


def erase(database: Database, ring: KeyRing, address: str, clock: Clock) -> bool:
    """Erase the person with this address; whether they were here. If not, an import is refused all the same.

    With the person go their tags, preferences, consents, enrollments, deliveries and bounces. SQLite overwrites the
    deleted rows with zeros and empties its write-ahead log. Raises DataError for what is no address.
    """
    digest = address_hash(ring, fold(validate(address)))
    with database.transaction() as connection:
        if not database.is_postgresql:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        person = subscriber_by_hash(connection, digest)
        if person is not None:
            remove_subscriber(connection, person.id)
        forget_confirmations(connection, digest)
        forget_address(connection, digest, at=clock.now())
    if not database.is_postgresql:
        with database.engine.connect() as connection:
            connection.rollback()
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return person is not None
