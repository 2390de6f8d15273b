"""View in browser, pictures, the archive and its feed."""

from __future__ import annotations

import pytest
from lxml import etree
from sqlalchemy import update

from newsletter.message.links import Purpose, Target
from newsletter.store.tables import delivery
from tests.web.public.conftest import PIXEL, Place


def test_a_mail_is_shown_with_the_readers_own_values(place: Place) -> None:
    answer = place.client.get(f"/v/{place.token(Purpose.VIEW)}")
    assert "Dear Ann" in answer.text
    assert "data:image/png;base64," in answer.text
    assert "https://letters.example/u/" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize("target", [Target(1, 1, 999), Target(999, 1, 1), Target(0, 0, 0)])
def test_a_mail_of_somebody_else_or_none_is_not_shown(place: Place, target: Target) -> None:
    assert place.client.get(f"/v/{place.token(Purpose.VIEW, target)}").status_code == 404


def test_a_picture_is_served_to_be_kept(place: Place) -> None:
    folder = place.site.settings.path(place.site.settings.pictures.cache)
    folder.mkdir()
    (folder / "abc123.png").write_bytes(PIXEL)
    answer = place.client.get("/pictures/abc123.png")
    assert (answer.content, answer.headers["content-type"]) == (PIXEL, "image/png")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fnewsletter.db",
        "../newsletter.db",
        "newsletter.db",
        "abc.svg",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        ".hidden.png",
        "a%00.png",
        "x" * 300 + ".png",
    ],
)
def test_nothing_but_pictures_is_served(place: Place, name: str) -> None:
    folder = place.site.settings.path(place.site.settings.pictures.cache)
    folder.mkdir()
    for file in (".hidden.png", "abc.svg"):
        (folder / file).write_bytes(b"<svg onload=alert(1)>")
    (folder / "link.png").symlink_to("/etc/passwd")
    assert place.client.get(f"/pictures/{name}").status_code in (400, 404)
    assert place.client.get("/pictures/link.png").status_code == 404


def test_the_archive_shows_what_was_mailed_and_nothing_else(place: Place) -> None:
    assert "Union Dojo" in place.client.get("/archive").text
    page = place.client.get("/archive/unions").text
    assert "/archive/unions/first" in page
    assert ">Hello reader<" in page
    assert "/archive/unions/second" not in page, "nobody has been mailed the second page yet"
    shown = place.client.get("/archive/unions/first").text
    assert "Dear reader" in shown
    assert "Ann" not in shown
    assert place.client.get("/archive/unions/second").status_code == 404


def test_the_bare_address_says_whose_place_it_is_and_nothing_more(place: Place) -> None:
    answer = place.client.get("/")
    assert answer.status_code == 200 and 'content="noindex"' in answer.text
    assert (
        f"<h1>{place.site.settings.site.name}</h1>" in answer.text and place.site.settings.site.base_url in answer.text
    )
    assert not any(name in answer.text for name in (*place.site.series, "/archive", "/subscribe"))
    assert place.client.post("/").status_code == 405
    assert "Links" in place.client.get("/", headers={"accept-language": "de"}).text


def test_a_series_without_an_archive_has_none(place: Place) -> None:
    for path in (
        "/archive/coops",
        "/archive/coops/first",
        "/archive/coops/feed.atom",
        "/archive/nope",
        "/archive/unions/../coops",
    ):
        assert place.client.get(path).status_code == 404


def test_the_feed_is_well_formed_atom(place: Place) -> None:
    answer = place.client.get("/archive/unions/feed.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.content)
    atom = {"a": "http://www.w3.org/2005/Atom"}
    assert feed.findtext("a:title", namespaces=atom) == "Union Dojo"
    assert [entry.get("href") for entry in feed.iterfind("a:entry/a:link", atom)] == [
        "https://letters.example/archive/unions/first"
    ]
    for name in ("a:id", "a:updated", "a:author/a:name", "a:entry/a:id", "a:entry/a:updated", "a:entry/a:title"):
        assert feed.findtext(name, namespaces=atom)


def test_a_page_appears_in_the_archive_once_it_has_been_sent(place: Place) -> None:
    assert "second" not in place.client.get("/archive/unions").text
    with place.database.transaction() as connection:
        connection.execute(update(delivery).values(page_id="second"))
    place.clock.move(minutes=6)
    assert "/archive/unions/second" in place.client.get("/archive/unions").text


def test_links_in_the_archive_act_on_nobody(place: Place) -> None:
    token = place.token(Purpose.UNSUBSCRIBE, Target(0, 0, 0))
    assert token in place.client.get("/archive/unions/first").text
    assert place.client.post(f"/u/{token}").status_code == 200
    assert place.suppressions() == ()
