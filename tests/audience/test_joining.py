"""Joining, changing the address and leaving, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert

from newsletter.audience.joining import Wish, ask_to_change_address, ask_to_join, confirm
from newsletter.audience.leaving import leave
from newsletter.message.keys import KeyRing
from newsletter.store.confirmations import due_confirmations, purge_confirmations, schedule_mail
from newsletter.store.consents import consents_of
from newsletter.store.database import Database
from newsletter.store.publications import published_pages, sent_mail, series_of_campaign
from newsletter.store.subscribers import StoredSubscriber, subscriber_by_hash, tags_of
from newsletter.store.suppressions import suppress, suppressions_of
from newsletter.store.tables import campaign, campaign_page, delivery, email, enrollment
from newsletter.suppression import Reason
from tests.audience.conftest import MovableClock

Hash = Callable[[str], bytes]
ANN = "ann@acme.example"


def wish(address: str = ANN, series: str = "unions") -> Wish:
    return Wish(address, series, "Ann", "en", "I want it.", "form", "192.0.2.1")


def join(connection: Connection, ring: KeyRing, clock: MovableClock, address: str = ANN) -> StoredSubscriber:
    """Somebody who has asked and confirmed."""
    assert ask_to_join(connection, ring, wish(address), at=clock.now())
    wanted = next(item for item in due_confirmations(connection, now=clock.now(), limit=9) if item.address == address)
    assert confirm(connection, ring, wanted.id, at=clock.now(), ip="192.0.2.1")
    person = subscriber_by_hash(connection, wanted.address_hash)
    assert person is not None
    return person


def test_asking_and_confirming_makes_an_active_subscriber(
    database: Database, ring: KeyRing, clock: MovableClock
) -> None:
    with database.transaction() as connection:
        person = join(connection, ring, clock)
        assert (person.state, tags_of(connection, [person.id])) == ("active", {person.id: ("unions",)})
        assert [entry.kind.value for entry in consents_of(connection, person.id)] == ["requested", "confirmed"]
        assert not list(due_confirmations(connection, now=clock.now(), limit=9))


def test_asking_twice_in_a_day_mails_once(database: Database, ring: KeyRing, clock: MovableClock) -> None:
    with database.transaction() as connection:
        assert ask_to_join(connection, ring, wish(), at=clock.now())
        assert not ask_to_join(connection, ring, wish("Ann@ACME.example"), at=clock.now())
        clock.move(hours=25)
        assert ask_to_join(connection, ring, wish(), at=clock.now())


@pytest.mark.parametrize("reason", list(Reason))
def test_only_a_wish_of_their_own_can_be_taken_back(
    sqlite_database: Database, ring: KeyRing, clock: MovableClock, digest: Hash, reason: Reason
) -> None:
    with sqlite_database.transaction() as connection:
        suppress(connection, digest(ANN), reason, at=clock.now())
        asked = ask_to_join(connection, ring, wish(), at=clock.now())
    assert asked == (reason in (Reason.UNSUBSCRIBED, Reason.ERASED))


def test_leaving_and_joining_again(database: Database, ring: KeyRing, clock: MovableClock, digest: Hash) -> None:
    with database.transaction() as connection:
        person = join(connection, ring, clock)
        assert leave(connection, person, series="unions", source="test", at=clock.now())
        assert not leave(connection, person, series="unions", source="test", at=clock.now())
        assert [item.scope for item in suppressions_of(connection, digest(ANN))] == ["unions"]
        clock.move(days=2)
        join(connection, ring, clock)
        assert suppressions_of(connection, digest(ANN)) == ()


def test_a_new_address_takes_along_what_was_left(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash
) -> None:
    new = "ann@new.example"
    with database.transaction() as connection:
        person = join(connection, ring, clock)
        leave(connection, person, series="coops", source="test", at=clock.now())
        assert not ask_to_change_address(connection, ring, person, ANN, lang="en", at=clock.now())
        assert ask_to_change_address(connection, ring, person, new, lang="en", at=clock.now())
        wanted = next(due_confirmations(connection, now=clock.now(), limit=9))
        assert confirm(connection, ring, wanted.id, at=clock.now(), ip="")
        assert confirm(connection, ring, wanted.id, at=clock.now(), ip="")
        moved = subscriber_by_hash(connection, digest(new))
        assert moved is not None
        assert moved.id == person.id
        assert [item.scope for item in suppressions_of(connection, digest(new))] == ["coops"]
        assert suppressions_of(connection, digest(ANN), "")[0].source == "address changed"


def test_who_never_confirms_is_purged_and_nobody_else(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash
) -> None:
    with database.transaction() as connection:
        join(connection, ring, clock, "bob@acme.example")
        ask_to_join(connection, ring, wish(), at=clock.now())
        wanted = next(due_confirmations(connection, now=clock.now(), limit=9))
        schedule_mail(connection, wanted.id, due=None, sent=True)
        clock.move(days=31)
        assert purge_confirmations(connection, now=clock.now()) == 1
        assert subscriber_by_hash(connection, digest(ANN)) is None
        assert subscriber_by_hash(connection, digest("bob@acme.example")) is not None
        assert confirm(connection, ring, wanted.id, at=clock.now(), ip="") is None


def test_only_what_was_mailed_is_public(database: Database, ring: KeyRing, clock: MovableClock) -> None:
    now = int(clock.now().timestamp())
    with database.transaction() as connection:
        person = join(connection, ring, clock)
        connection.execute(
            insert(email).values(hash="h", series="unions", page_id="a", subject="A", content=b"", created_at=now)
        )
        stamps = {"definition": {}, "created_at": now, "updated_at": now}
        connection.execute(insert(campaign).values(id=1, name="u", series="unions", state="running", **stamps))
        connection.execute(
            insert(enrollment).values(
                campaign_id=1, subscriber_id=person.id, state="active", zone="UTC", enrolled_at=now
            )
        )
        for position, (page, state) in enumerate((("a", "sent"), ("b", "due"))):
            connection.execute(
                insert(campaign_page).values(campaign_id=1, page_id=page, position=position, email_hash="h")
            )
            values = {"page_id": page, "email_hash": "h", "state": state, "due_at": now}
            connection.execute(
                insert(delivery).values(id=position + 1, campaign_id=1, subscriber_id=person.id, **values)
            )
        assert [page.page_id for page in published_pages(connection, "unions")] == ["a"]
        assert published_pages(connection, "other") == ()
        assert (series_of_campaign(connection, 1), series_of_campaign(connection, 2)) == ("unions", "")
        mail = sent_mail(connection, 1, person.id)
        assert mail is not None
        assert mail.email_hash == "h"
        assert sent_mail(connection, 1, person.id + 1) is None
