"""Joining: a double opt-in, and a change of address, each confirmed by one click in a mail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from newsletter.audience.addresses import fold
from newsletter.audience.leaving import come_back
from newsletter.message.keys import KeyRing, address_hash
from newsletter.store.bulk import take_turns
from newsletter.store.confirmations import (
    Confirmation,
    confirmation_by_id,
    mark_confirmed,
    request_confirmation,
    requested_since,
)
from newsletter.store.consents import Consent, ConsentKind, record_consent
from newsletter.store.histories import enrollments_of
from newsletter.store.subscribers import (
    StoredSubscriber,
    activate,
    add_subscriber,
    change_address,
    subscriber_by_hash,
    subscriber_by_id,
    tag_subscribers,
    update_subscribers,
)
from newsletter.store.suppressions import lift, suppress, suppressions_of
from newsletter.subscriber import Subscriber
from newsletter.suppression import THEIR_OWN_WISH, Reason

BETWEEN_MAILS = timedelta(hours=24)
"""At most one confirmation for an address in this time: somebody may be typing in the addresses of others."""

ADDRESS_CHANGED = "address changed"


@dataclass(frozen=True)
class Wish:
    """What somebody asked for on a form; `wording` is what they were shown, `source` where, `series` "" for all."""

    address: str
    series: str
    name: str
    lang: str
    wording: str
    source: str
    ip: str


def ask_to_join(connection: Connection, ring: KeyRing, wish: Wish, *, at: datetime) -> bool:
    """Note the wish to join and have a confirmation mailed; whether one will be.

    None is for an address that got one within a day, that complained, bounces or is blocked. What the caller shows
    must not depend on the answer. The address is one that `validate` has accepted.
    """
    digest = address_hash(ring, fold(wish.address))
    take_turns(connection, digest)
    if requested_since(connection, digest, at - BETWEEN_MAILS) or not _may_be_asked(connection, digest):
        return False
    person = subscriber_by_hash(connection, digest)
    if person is None:
        newcomer = Subscriber(wish.address, wish.name, lang=wish.lang)
        subscriber_id = add_subscriber(connection, newcomer, digest, state="pending", at=at)
    else:
        subscriber_id = person.id
        if person.state == "pending":  # who asked before may have been a stranger, and their words would stay
            update_subscribers(connection, [replace(person.subscriber, name=wish.name, lang=wish.lang)], at=at)
    request_confirmation(
        connection,
        subscriber_id,
        "subscribe",
        address=person.subscriber.address if person else wish.address,
        address_hash=digest,
        series=wish.series,
        lang=wish.lang,
        at=at,
    )
    entry = Consent(subscriber_id, ConsentKind.REQUESTED, at, wish.series, wish.wording, wish.source, wish.ip)
    record_consent(connection, entry)
    return True


def ask_to_change_address(
    connection: Connection, ring: KeyRing, person: StoredSubscriber, address: str, *, lang: str, at: datetime
) -> bool:
    """Note the wish for another address and have a confirmation mailed there; whether one will be."""
    digest = address_hash(ring, fold(address))
    take_turns(connection, digest)
    if digest == person.address_hash or requested_since(connection, digest, at - BETWEEN_MAILS):
        return False
    if not _may_be_asked(connection, digest):
        return False
    request_confirmation(
        connection, person.id, "address", address=address, address_hash=digest, series="", lang=lang, at=at
    )
    return True


def confirm(
    connection: Connection, ring: KeyRing, confirmation_id: int, *, at: datetime, ip: str
) -> Confirmation | None:
    """Do what was asked for, once: None if the request is not known any more, or its person, or the address is taken.

    None as well where the person has another address by now: who reads the old mailbox must not join for them. Said
    again it changes nothing and gives the same answer.
    """
    wanted = confirmation_by_id(connection, confirmation_id)
    person = subscriber_by_id(connection, wanted.subscriber_id) if wanted else None
    if wanted is None or person is None:
        return None
    if wanted.confirmed_at is not None:
        return wanted
    if wanted.kind == "address":
        if not _change_address(connection, person, wanted, at=at):
            return None
    elif wanted.address_hash != person.address_hash:
        return None
    else:
        _join(connection, person, wanted, at=at)
    kind = ConsentKind.CHANGED if wanted.kind == "address" else ConsentKind.CONFIRMED
    record_consent(connection, Consent(person.id, kind, at, wanted.series, source=f"confirmation {wanted.id}", ip=ip))
    mark_confirmed(connection, wanted.id, at=at)
    return wanted


def _join(connection: Connection, person: StoredSubscriber, wanted: Confirmation, *, at: datetime) -> None:
    activate(connection, person.id, at=at)
    others = tuple({item.series for item in enrollments_of(connection, person.id)})
    come_back(connection, person, series=wanted.series, others=others, at=at)
    if wanted.series:
        tag_subscribers(connection, [(person.id, wanted.series)])


def _change_address(connection: Connection, person: StoredSubscriber, wanted: Confirmation, *, at: datetime) -> bool:
    """What holds for the person holds under the new address, too; the old one is not to be imported again.

    Only a bounce is about the address itself. A complaint or a block must not be got rid of by moving.
    """
    if subscriber_by_hash(connection, wanted.address_hash) is not None:
        return False
    change_address(connection, person.id, wanted.address, wanted.address_hash, at=at)
    lift(connection, wanted.address_hash, THEIR_OWN_WISH)
    for item in suppressions_of(connection, person.address_hash):
        if item.reason not in (Reason.BOUNCED, Reason.ERASED):
            suppress(
                connection,
                wanted.address_hash,
                item.reason,
                at=item.at,
                scope=item.scope,
                source=item.source,
                address=wanted.address,
            )
    suppress(connection, person.address_hash, Reason.UNSUBSCRIBED, at=at, source=ADDRESS_CHANGED)
    return True


def _may_be_asked(connection: Connection, digest: bytes) -> bool:
    return all(item.reason in THEIR_OWN_WISH for item in suppressions_of(connection, digest))
