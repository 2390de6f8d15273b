"""Counted links: where they lead, what is counted, and what is not."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from newsletter.compose.counted_links import CountedLink
from newsletter.compose.email import Email
from newsletter.message.links import Purpose
from newsletter.store.clicks import Clicks, clicks_of, save_links
from newsletter.store.emails import save_email
from newsletter.store.tables import campaign_page, delivery
from newsletter.web.public.clicking import BURST_SECONDS, CLICKS_PER_HOUR, Bursts
from tests.web.public.conftest import Place

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
TOKENS = tuple(letter * 26 for letter in "abcd")


@pytest.fixture
def links(place: Place) -> tuple[str, ...]:
    with place.database.transaction() as connection:
        save_links(
            connection,
            1,
            [
                CountedLink(token, "first", number, f"https://union.example/{number}?a=1&b=%20")
                for number, token in enumerate(TOKENS, 1)
            ],
        )
    return TOKENS


def counts(place: Place) -> list[tuple[int, int]]:
    with place.database.reading() as connection:
        return [(row.people, row.scanners) for row in clicks_of(connection, 1)]


def test_a_link_leads_on_and_is_counted(place: Place, links: tuple[str, ...]) -> None:
    answer = place.client.get(f"/l/{links[0]}", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://union.example/1?a=1&b=%20")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert counts(place) == [(1, 0), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("base", ["https://letters.example", "https://old.example/mail"])
def test_the_same_mail_in_browser_or_archive_leads_straight_on(place: Place, links: tuple[str, ...], base: str) -> None:
    html = f'<a href="{base}/l/{links[0]}">Union</a> <a href="{base}/l/{"e" * 26}">Other</a>'
    email = Email("unions", "first", "counted", "Hello", "", f"<html><body>{html}</body></html>", "x", "en", "ltr", ())
    with place.database.transaction() as connection:
        digest = save_email(connection, email, now=0)
        connection.execute(update(delivery).values(email_hash=digest))
        connection.execute(update(campaign_page).values(email_hash=digest))
    for path in (f"/v/{place.token(Purpose.VIEW)}", "/archive/unions/first"):
        shown = place.client.get(path).text
        assert 'href="https://union.example/1?a=1&amp;b=%20"' in shown
        assert links[0] not in shown
        assert "e" * 26 in shown, "what is none of our links stays as it was sent"


def test_a_head_request_counts_nothing(place: Place, links: tuple[str, ...]) -> None:
    assert place.client.head(f"/l/{links[0]}", headers=BROWSER).status_code == 302
    assert counts(place)[0] == (0, 0)


@pytest.mark.parametrize(
    "token",
    ["a" * 25, "a" * 27, "e" * 26, "..%2F", "https:%2F%2Fevil.example", "1" * 26, "a" * 25 + "%00", "%0d%0aLocation:x"],
)
def test_only_links_of_a_mail_lead_anywhere(place: Place, links: tuple[str, ...], token: str) -> None:
    answer = place.client.get(f"/l/{token}?url=https://evil.example", headers=BROWSER)
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_a_token_of_another_purpose_leads_nowhere(place: Place, links: tuple[str, ...]) -> None:
    assert place.client.get(f"/l/{place.token(Purpose.VIEW)}").status_code == 404
    assert place.client.get(f"/u/{links[0]}").status_code == 404
    assert place.client.post(f"/l/{links[0]}").status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": ""},
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"user-agent": "python-requests/2.32"},
        {"user-agent": "Mozilla/5.0 BarracudaSentinel (EE)"},
        {**BROWSER, "purpose": "prefetch"},
        {**BROWSER, "sec-purpose": "prefetch;prerender"},
        {**BROWSER, "sec-fetch-mode": "no-cors"},
    ],
)
def test_programs_are_counted_apart(place: Place, links: tuple[str, ...], headers: dict[str, str]) -> None:
    assert place.client.get(f"/l/{links[0]}", headers=headers).status_code == 302
    assert counts(place)[0] == (0, 1)


def test_who_follows_many_links_at_once_is_a_scanner(place: Place, links: tuple[str, ...]) -> None:
    for token in (*links, links[0]):
        place.client.get(f"/l/{token}", headers=BROWSER)
    assert counts(place) == [(0, 2), (0, 1), (0, 1), (0, 1)]


def test_a_reader_who_takes_their_time_is_no_scanner() -> None:
    now = [0.0]
    bursts = Bursts(lambda: now[0], clients=2)
    for token in TOKENS:
        assert bursts.follow("192.0.2.1", "1/first", token) == (False, ())
        now[0] += BURST_SECONDS / 2 + 1
    assert bursts.follow("192.0.2.2", "1/first", "a") == (False, ())
    assert bursts.follow("192.0.2.2", "1/first", "a") == (False, ())


def test_a_flood_is_led_on_but_not_counted(place: Place, links: tuple[str, ...]) -> None:
    for _ in range(CLICKS_PER_HOUR + 5):
        assert place.client.get(f"/l/{links[0]}", headers=BROWSER).status_code == 302
    assert counts(place)[0] == (CLICKS_PER_HOUR, 0)


def test_numbers_stay_when_a_page_is_published_again(place: Place, links: tuple[str, ...]) -> None:
    place.client.get(f"/l/{links[0]}", headers=BROWSER)
    with place.database.transaction() as connection:
        save_links(connection, 1, [CountedLink(links[0], "first", 7, "https://elsewhere.example/")])
        assert clicks_of(connection, 1)[-1] == Clicks("first", 7, "https://union.example/1?a=1&b=%20", 1, 0)
