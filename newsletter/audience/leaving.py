"""Leaving: one place where a person's wish to get no more mail is written down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from newsletter.store.consents import Consent, ConsentKind, record_consent
from newsletter.store.preferences import touch
from newsletter.store.subscribers import StoredSubscriber
from newsletter.store.suppressions import lift, suppress, suppressions_of
from newsletter.suppression import THEIR_OWN_WISH, Reason


def leave(
    connection: Connection, person: StoredSubscriber, *, series: str, source: str, at: datetime, ip: str = ""
) -> bool:
    """Unsubscribe from a series, or from everything when `series` is ""; whether that is new. It holds at once."""
    is_new = suppress(
        connection,
        person.address_hash,
        Reason.UNSUBSCRIBED,
        at=at,
        scope=series,
        source=source,
        address=person.subscriber.address,
    )
    if is_new:
        record_consent(connection, Consent(person.id, ConsentKind.WITHDRAWN, at, scope=series, source=source, ip=ip))
        touch(connection, person.id, at=at)
    return is_new


def come_back(
    connection: Connection, person: StoredSubscriber, *, series: str, others: tuple[str, ...], at: datetime
) -> None:
    """Take back what a person said when they left: for `series` ("" for everything).

    Whoever had left everything and comes back for one series does not get the `others` again, too.
    """
    left_all = any(item.reason in THEIR_OWN_WISH for item in suppressions_of(connection, person.address_hash, ""))
    lift(connection, person.address_hash, THEIR_OWN_WISH, scope="")
    if not series:
        lift(connection, person.address_hash, THEIR_OWN_WISH)
    else:
        lift(connection, person.address_hash, THEIR_OWN_WISH, scope=series)
        for other in others if left_all else ():
            if other != series:
                suppress(
                    connection,
                    person.address_hash,
                    Reason.UNSUBSCRIBED,
                    at=at,
                    scope=other,
                    source="came back for another series",
                    address=person.subscriber.address,
                )
    touch(connection, person.id, at=at)
