"""Preferences: what, how often, when, where, and one's own data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.message.links import Purpose
from newsletter.store.consents import ConsentKind, consents_of
from newsletter.store.preferences import Preference, preference_of
from newsletter.store.subscribers import add_subscriber
from newsletter.store.suppressions import suppress
from newsletter.subscriber import Subscriber
from newsletter.suppression import Reason
from tests.web.public.conftest import Place
from tests.web.public.test_subscribing import link_in, mails

BOTH = ["unions", "coops"]


@pytest.fixture
def url(place: Place) -> str:
    return f"/p/{place.token(Purpose.PREFERENCES)}"


def save(place: Place, url: str, **fields: Any) -> str:
    answer = place.client.post(url, data={"action": "save", "dojo": BOTH, "pace": "100", **fields})
    assert answer.status_code == 200, answer.text
    return answer.text


def chosen(place: Place) -> Preference:
    with place.database.reading() as connection:
        return preference_of(connection, place.ann)


def test_the_page_shows_what_holds_now(place: Place, url: str) -> None:
    page = place.client.get(url).text
    assert page.count(" checked") == 3
    assert "Union Dojo" in page
    assert "Co-op Dojo" in page
    assert "ann@acme.example" not in page


def test_choices_are_saved_and_shown(place: Place, url: str) -> None:
    page = save(place, url, pace="200", weekday=["mo", "we"], hour="7", zone="Europe/Paris", pause="2026-03-20")
    assert "Your preferences are saved" in page
    midnight_in_paris = datetime(2026, 3, 19, 23, tzinfo=UTC)
    assert chosen(place) == Preference(200, midnight_in_paris, ("mo", "we"), 7)
    person = place.person()
    assert person is not None
    assert person.subscriber.zone == "Europe/Paris"
    again = place.client.get(url).text
    assert 'value="2026-03-20"' in again
    assert '<option value="7" selected>' in again


def test_all_weekdays_are_as_good_as_none(place: Place, url: str) -> None:
    save(place, url, weekday=["mo", "tu", "we", "th", "fr", "sa", "su"])
    assert chosen(place).weekdays == ()


@pytest.mark.parametrize(
    "field",
    [
        {"pace": "1"}, {"pace": "x"}, {"hour": "24"}, {"hour": "-1"}, {"weekday": "xx"}, {"zone": "Mars/Olympus"}, {"zone": "../../etc/passwd"},
        {"pause": "soon"}, {"pause": "2020-01-01"}, {"pause": "9999-12-31"}, {"pause": "0001-01-01"},
    ],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused_whole(place: Place, url: str, field: dict[str, str]) -> None:
    answer = place.client.post(url, data={"action": "save", "dojo": "coops", "pace": "50", **field})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert chosen(place) == Preference()
    assert place.suppressions() == ()


def test_unticking_a_series_leaves_it_and_ticking_brings_it_back(place: Place, url: str) -> None:
    save(place, url, dojo=["coops"])
    assert [(item.scope, item.reason) for item in place.suppressions()] == [("unions", Reason.UNSUBSCRIBED)]
    save(place, url, dojo=BOTH)
    assert place.suppressions() == ()
    with place.database.reading() as connection:
        kinds = [entry.kind for entry in consents_of(connection, place.ann)]
    assert kinds == [ConsentKind.WITHDRAWN, ConsentKind.CHANGED, ConsentKind.CONFIRMED, ConsentKind.CHANGED]


def test_leaving_everything_and_coming_back_for_one(place: Place, url: str) -> None:
    assert "You are unsubscribed" in place.client.post(url, data={"action": "leave"}).text
    assert [item.scope for item in place.suppressions()] == [""]
    save(place, url, dojo=["coops"])
    assert [item.scope for item in place.suppressions()] == ["unions"]


def test_a_complaint_can_not_be_ticked_away(place: Place, url: str) -> None:
    with place.database.transaction() as connection:
        suppress(connection, place.digest("ann@acme.example"), Reason.COMPLAINED, at=place.clock.now())
    assert "can&#39;t mail this address" in place.client.get(url).text
    save(place, url, dojo=BOTH)
    assert [item.reason for item in place.suppressions()] == [Reason.COMPLAINED]


def test_another_address_holds_once_it_is_confirmed(place: Place, url: str) -> None:
    save(place, url, dojo=["coops"])
    answer = place.client.post(url, data={"action": "address", "email": "ann@new.example"})
    assert "is on its way" in answer.text
    assert place.person("ann@new.example") is None
    message = mails(place)[0]
    assert message.recipient == "ann@new.example"
    assert "new address from now on" in place.client.post(link_in(message)).text
    person = place.person("ann@new.example")
    assert person is not None
    assert person.id == place.ann
    assert place.person("ann@acme.example") is None
    old = place.suppressions("ann@acme.example")[0]
    assert (old.scope, old.source) == ("", "address changed")
    assert [item.scope for item in place.suppressions("ann@new.example")] == ["unions"], "what was left stays left"


def test_the_address_of_somebody_else_is_not_taken_over(place: Place, url: str) -> None:
    with place.database.transaction() as connection:
        bob = Subscriber("bob@acme.example")
        add_subscriber(connection, bob, place.digest(bob.address), state="active", at=place.clock.now())
    taken = place.client.post(url, data={"action": "address", "email": "bob@acme.example"})
    free = place.client.post(url, data={"action": "address", "email": "free@acme.example"})
    assert taken.text == free.text, "the page must not tell who subscribes"
    to_bob = next(message for message in mails(place) if message.recipient == "bob@acme.example")
    assert place.client.post(link_in(to_bob)).status_code == 404
    person = place.person()
    assert person is not None
    assert person.id == place.ann


def test_ones_own_data_can_be_seen_and_downloaded(place: Place, url: str) -> None:
    page = place.client.get(f"{url}/data")
    assert "ann@acme.example" in page.text
    answer = place.client.get(f"{url}/data.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.json()["deliveries"][0]["page_id"] == "first"
    assert "subscriber_id" not in answer.text


def test_reading_changes_nothing(place: Place, url: str) -> None:
    before = place.person()
    place.clock.move(minutes=1)
    for path in (url, f"{url}/data", f"{url}/data.json"):
        for method in ("GET", "HEAD"):
            assert place.client.request(method, path).status_code == 200
    assert place.person() == before


def test_a_form_from_another_site_is_refused(place: Place, url: str) -> None:
    answer = place.client.post(url, data={"action": "leave"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert place.suppressions() == ()
    assert (
        place.client.post(url, data={"action": "leave"}, headers={"origin": "https://letters.example"}).status_code
        == 200
    )


def test_the_page_needs_no_script(place: Place, url: str) -> None:
    assert not re.search(r"<script|\son\w+=|javascript:", place.client.get(url).text)


def test_a_reader_has_everything_erased_by_typing_their_address(place: Place, url: str) -> None:
    answer = place.client.post(url, data={"action": "erase", "email": "ANN@acme.example "})
    assert answer.status_code == 200
    assert "Your data are erased" in answer.text
    assert place.person() is None
    assert [(item.reason, item.address) for item in place.suppressions()] == [(Reason.ERASED, None)]
    assert place.client.get(url).status_code == 404


@pytest.mark.parametrize("typed", ["", "bob@acme.example", "ann", "a…@acme.example", "ann@acme.example\r\nx"])
def test_nothing_is_erased_for_somebody_who_does_not_know_the_address(place: Place, url: str, typed: str) -> None:
    answer = place.client.post(url, data={"action": "erase", "email": typed})
    assert (answer.status_code, place.person() is not None) == (400, True)
    assert "ann@acme.example" not in answer.text
