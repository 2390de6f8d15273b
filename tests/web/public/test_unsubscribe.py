"""One-click unsubscribing to the letter of RFC 8058, and the page for people."""

from __future__ import annotations

import pytest

from newsletter.message.links import Purpose, Target
from newsletter.store.consents import ConsentKind, consents_of
from newsletter.store.subscribers import remove_subscriber
from newsletter.suppression import Reason
from tests.web.public.conftest import Place

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_a_one_click_post_unsubscribes_at_once_without_redirect_or_cookie(place: Place) -> None:
    answer = place.client.post(f"/u/{place.token(Purpose.UNSUBSCRIBE)}", data=ONE_CLICK)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert [(item.scope, item.reason, item.source) for item in place.suppressions()] == [
        ("unions", Reason.UNSUBSCRIBED, "one-click unsubscribe")
    ]


def test_a_multipart_post_is_as_good(place: Place) -> None:
    answer = place.client.post(
        f"/u/{place.token(Purpose.UNSUBSCRIBE)}", files={"List-Unsubscribe": (None, "One-Click")}
    )
    assert answer.status_code == 200
    assert place.suppressions()[0].source == "one-click unsubscribe"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", ""), (b"\xff\xfe", "application/x-www-form-urlencoded"), (b"garbage", "multipart/form-data"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"), (b"{}", "application/json"), (b"a=1&" * 200, "application/x-www-form-urlencoded"),
    ],
)  # fmt: skip
def test_a_broken_body_unsubscribes_all_the_same(place: Place, body: bytes, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = place.client.post(f"/u/{place.token(Purpose.UNSUBSCRIBE)}", content=body, headers=headers)
    assert answer.status_code == 200
    assert place.suppressions()[0].scope == "unions"


def test_posting_twice_is_answered_alike_and_written_once(place: Place) -> None:
    url = f"/u/{place.token(Purpose.UNSUBSCRIBE)}"
    first, second = (place.client.post(url, data=ONE_CLICK) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text)
    with place.database.reading() as connection:
        assert [entry.kind for entry in consents_of(connection, place.ann)] == [ConsentKind.WITHDRAWN]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_changes_nothing(place: Place, method: str) -> None:
    before = place.person()
    place.clock.move(minutes=1)
    answer = place.client.request(method, f"/u/{place.token(Purpose.UNSUBSCRIBE)}")
    assert answer.status_code == 200
    assert place.suppressions() == ()
    assert place.person() == before


def test_the_page_shows_a_button_and_no_full_address(place: Place) -> None:
    page = place.client.get(f"/u/{place.token(Purpose.UNSUBSCRIBE)}").text
    assert "a…@acme.example" in page
    assert "ann@acme.example" not in page
    assert "Unsubscribe from Union Dojo" in page
    assert "<script" not in page


def test_everything_can_be_left_at_once(place: Place) -> None:
    place.client.post(f"/u/{place.token(Purpose.UNSUBSCRIBE)}", data={"scope": "all"})
    assert [item.scope for item in place.suppressions()] == [""]


def test_a_link_of_a_campaign_that_is_gone_means_everything(place: Place) -> None:
    place.client.post(f"/u/{place.token(Purpose.UNSUBSCRIBE, Target(place.ann, 99, 0))}", data=ONE_CLICK)
    assert [item.scope for item in place.suppressions()] == [""]


def test_somebody_erased_gets_the_same_answer(place: Place) -> None:
    url = f"/u/{place.token(Purpose.UNSUBSCRIBE)}"
    known = place.client.post(url, data=ONE_CLICK)
    with place.database.transaction() as connection:
        remove_subscriber(connection, place.ann)
    erased = place.client.post(url, data=ONE_CLICK)
    assert (known.status_code, known.text) == (erased.status_code, erased.text)


def test_the_link_of_an_old_key_still_works(place: Place) -> None:
    from newsletter.message.keys import Key, KeyRing
    from newsletter.message.links import Links

    old = place.token(Purpose.UNSUBSCRIBE)
    rotated = Links(KeyRing((Key(2, b"n" * 32), *place.ring.keys)), "https://letters.example")
    object.__setattr__(place.site, "links", rotated)
    place.clock.move(days=3650)
    assert place.client.post(f"/u/{old}", data=ONE_CLICK).status_code == 200
    assert place.suppressions()


@pytest.mark.parametrize(
    ("lang", "words"),
    [("de", "Abmelden"), ("fr-CA", "Se désinscrire"), ("es;q=0.9,xx", "Darse de baja"), ("zz", "Unsubscribe")],
)
def test_the_page_speaks_the_language_of_the_browser(place: Place, lang: str, words: str) -> None:
    page = place.client.get(f"/u/{place.token(Purpose.UNSUBSCRIBE)}", headers={"accept-language": lang})
    assert f"<h1>{words}</h1>" in page.text
