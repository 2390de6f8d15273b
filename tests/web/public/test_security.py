"""Every endpoint against those who mean harm."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from newsletter.message.keys import Key, KeyRing
from newsletter.message.links import Links, Purpose, Target
from newsletter.web.public.app import public_app
from newsletter.web.public.limits import RateLimit, client_of
from newsletter.web.public.security import LONGEST_BODY, BodyLimit, PatientProtocol
from newsletter.web.public.texts import catalogues
from newsletter.web.serving import bind
from tests.web.public.conftest import Place

TOKEN_PATHS = {
    "/u/{}": Purpose.UNSUBSCRIBE,
    "/p/{}": Purpose.PREFERENCES,
    "/p/{}/data": Purpose.PREFERENCES,
    "/p/{}/data.json": Purpose.PREFERENCES,
    "/c/{}": Purpose.CONFIRM,
    "/v/{}": Purpose.VIEW,
}
POSTED = ("/u/{}", "/p/{}", "/c/{}")


def bad_tokens(place: Place, purpose: Purpose) -> Iterator[str]:
    good = place.token(purpose)
    yield good[:-1]
    yield good[1:]
    yield good[:10]
    yield good + "a"
    yield good[:-1] + ("a" if good[-1] != "a" else "b")
    yield re.sub(r"^(\w+-)\w+", r"\g<1>2", good)  # another subscriber, the same signature
    yield from (place.token(other) for other in Purpose if other is not purpose)
    stranger = Links(KeyRing((Key(1, b"x" * 32),)), "https://letters.example")
    yield stranger.token(purpose, Target(place.ann, 1, 1), now=place.clock.now())
    yield from (
        "x",
        "1-1-1-1-" + "a" * 26,
        "%00",
        "%F0%9F%98%80",
        "a" * 5000,
        "1-" + "f" * 400 + "-1-1-" + "a" * 26,
        "..%2f..%2fetc",
    )


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_no_token_but_the_right_one_opens_a_page(place: Place, path: str) -> None:
    before = place.person()
    for token in bad_tokens(place, TOKEN_PATHS[path]):
        for method in ("GET", "POST") if path in POSTED else ("GET",):
            answer = place.client.request(
                method, path.format(token), data={"action": "leave"} if method == "POST" else None
            )
            assert answer.status_code == 404, (method, token)
            assert token not in answer.text or len(token) < 3
    assert place.suppressions() == ()
    assert place.person() == before


def test_a_link_that_was_used_can_not_be_replayed_for_more(place: Place) -> None:
    """An unsubscribe link, however often it is posted, does one thing to one person."""
    url = f"/u/{place.token(Purpose.UNSUBSCRIBE)}"
    for scope in ("series", "all; DROP", "coops", "../coops"):
        place.client.post(url, data={"scope": scope, "series": "coops", "dojo": "coops"})
    assert [item.scope for item in place.suppressions()] == ["unions"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_not_there(place: Place, method: str) -> None:
    for path, purpose in TOKEN_PATHS.items():
        assert place.client.request(method, path.format(place.token(purpose))).status_code == 405
    assert place.client.post(f"/v/{place.token(Purpose.VIEW)}").status_code == 405


def test_every_answer_carries_the_headers_that_protect_it(place: Place) -> None:
    paths = [path.format(place.token(purpose)) for path, purpose in TOKEN_PATHS.items()]
    for path in [
        *paths,
        "/subscribe",
        "/archive",
        "/nothing",
        "/pictures/x.png",
        "/robots.txt",
        "/health",
        place.site.style_path,
    ]:
        headers = place.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe-inline" not in headers["content-security-policy"] or path.startswith("/v/")
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"]
        assert "set-cookie" not in headers
        assert "location" not in headers
    for path in paths:
        assert place.client.get(path).headers["cache-control"] == "no-store"


def test_nothing_redirects(place: Place) -> None:
    token = place.token(Purpose.UNSUBSCRIBE)
    for path in (
        f"/u/{token}/",
        f"//evil.example/u/{token}",
        f"/u/{token}?next=https://evil.example",
        "/archive/",
        "/subscribe/",
    ):
        answer = place.client.get(path)
        assert answer.status_code in (200, 404)
        assert "location" not in answer.headers
        assert "evil" not in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7*7 }}",
        "{% raw %}",
        "' or 1=1 --",
        "\u202e\u2028x",
        "a" * 20000,
    ],
)
def test_what_is_typed_in_is_shown_as_text_only(place: Place, text: str) -> None:
    url = f"/p/{place.token(Purpose.PREFERENCES)}"
    answers = [
        place.client.post("/subscribe", data={"email": text, "name": text}),
        place.client.post(url, data={"pause": text, "pace": "100"}),
        place.client.post(url, data={"zone": text, "pace": "100"}),
        place.client.post(url, data={"action": "address", "email": text}),
        place.client.get("/subscribe", headers={"accept-language": text[:50].encode("ascii", "ignore").decode()}),
    ]
    for answer in answers:
        assert answer.status_code in (200, 400)
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "49" not in re.sub(r"<option.*?</option>|stamp.*?>|style.*?>", "", answer.text) or "7*7" not in text


def test_a_body_that_is_too_large_is_refused_and_does_nothing(place: Place) -> None:
    url = f"/u/{place.token(Purpose.UNSUBSCRIBE)}"
    assert place.client.post(url, content=b"x" * (LONGEST_BODY + 1)).status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024

    assert place.client.post(url, content=endless()).status_code == 413
    assert place.client.post("/subscribe", content=b"x" * 10**6).status_code == 413
    assert place.suppressions() == ()


@pytest.fixture
def patient_port(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The site behind the protocol of `newsletter serve`, its patience cut to a fraction of a second."""
    import threading

    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.4)
    app = BodyLimit(public_app(place.site), seconds=0.4)
    listener = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        app, http=PatientProtocol, log_level="critical", lifespan="off", server_header=False, timeout_keep_alive=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)


def answer_to_drips(port: int, start: bytes, drip: bytes) -> bytes:
    """What a client gets that sends a few bytes at a time, and goes on for three seconds at most."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.sendall(start)
        connection.settimeout(0.1)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                if not (answer := connection.recv(4096)):
                    return b"closed"
                return answer
            except TimeoutError:
                pass
            try:
                connection.sendall(drip)
            except OSError:
                return b"closed"
    return b"still open"


def test_a_client_that_drips_its_headers_is_dropped(patient_port: int) -> None:
    assert answer_to_drips(patient_port, b"GET /health HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n") == b"closed"


def test_a_request_with_two_lengths_ends_its_connection(patient_port: int) -> None:
    hidden = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    lengths = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    with socket.create_connection(("127.0.0.1", patient_port), 10) as connection:
        connection.sendall(b"POST /subscribe HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\n0\r\n\r\n" + hidden)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1, "what was hidden behind it is not answered"


def test_a_client_that_says_nothing_is_dropped(patient_port: int) -> None:
    assert answer_to_drips(patient_port, b"", b"") == b"closed"


def test_a_client_that_drips_its_body_is_told_to_hurry(patient_port: int) -> None:
    head = b"POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"
    assert answer_to_drips(patient_port, head, b"x").startswith(b"HTTP/1.1 408")


def test_a_quick_client_is_served_again_and_again(patient_port: int) -> None:
    with socket.create_connection(("127.0.0.1", patient_port), timeout=3) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            time.sleep(0.5)


def test_a_flood_of_pages_is_stopped_for_its_sender_only() -> None:
    now = [0.0]
    limit = RateLimit(3, 1000, lambda: now[0])
    assert [limit.allows("flood") for _ in range(5)] == [True, True, True, False, False]
    assert limit.allows("somebody else")
    now[0] += 1200
    assert [limit.allows("flood") for _ in range(2)] == [True, False]


def test_a_flood_of_pages_meets_its_limit_but_unsubscribing_never_does(place: Place) -> None:
    object.__setattr__(place.site, "page_limit", RateLimit(2, 100, lambda: 0.0))
    assert [place.client.get("/archive").status_code for _ in range(4)] == [200, 200, 429, 429]
    one_click = [place.client.post(f"/u/{place.token(Purpose.UNSUBSCRIBE)}").status_code for _ in range(4)]
    assert one_click == [200] * 4


def test_many_senders_together_meet_the_limit_for_all() -> None:
    limit = RateLimit(10, 50, lambda: 0.0)
    assert sum(limit.allows(f"client {number}") for number in range(500)) == 50


def test_limits_keep_their_memory_small() -> None:
    limit = RateLimit(10, 10**9, lambda: 0.0, clients=100)
    for number in range(1000):
        limit.allows(f"client {number}")
    assert len(limit._buckets) == 100


@pytest.mark.parametrize(("one", "other"), [("2001:db8::1", "2001:db8::ffff"), ("::ffff:192.0.2.1", "192.0.2.1")])
def test_one_household_is_one_client(one: str, other: str) -> None:
    assert client_of(one) == client_of(other)
    assert client_of("2001:db8::1") != client_of("2001:db8:0:1::1")


def test_a_database_that_does_not_answer_is_said_so(place: Place) -> None:
    place.database.engine.dispose()
    path = Path(str(place.database.engine.url.database))
    path.rename(path.with_suffix(".gone"))
    answer = place.client.post(f"/u/{place.token(Purpose.UNSUBSCRIBE)}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_a_fault_of_ours_is_admitted_on_a_page_and_shows_nothing_of_its_inside(place: Place) -> None:
    def fail(request: Request) -> Response:
        raise ZeroDivisionError("secret")

    app = public_app(place.site, (Route("/broken", fail),))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://letters.example") as client:
            return await client.get("/broken")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_old_link_is_told_from_a_wrong_one(place: Place) -> None:
    target = Target(place.ann, 0, 1)
    long_ago = place.clock.now() - timedelta(days=30)
    old = place.client.get(f"/c/{place.site.links.token(Purpose.CONFIRM, target, now=long_ago)}")
    assert old.status_code == 404
    assert "This link has expired" in old.text
    assert 'href="/subscribe"' in old.text
    wrong = place.client.get(f"/c/{place.token(Purpose.CONFIRM)[:-2]}")
    assert "This link does not work" in wrong.text
    assert 'href="/subscribe"' not in wrong.text


def test_every_language_has_all_words_and_all_their_slots() -> None:
    import string

    def slots(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english = catalogues()["en"].words
    assert set(catalogues()) == {"en", "de", "fr", "es"}
    for lang, texts in catalogues().items():
        assert {key: slots(words) for key, words in texts.words.items()} == {
            key: slots(words) for key, words in english.items()
        }, lang
        assert all(texts.words.values())


def test_webhooks_are_there_only_with_their_secret(place: Place) -> None:
    for name in ("ses", "postmark", "sendgrid", "mailgun"):
        assert place.client.post(f"/hooks/{name}", json={}).status_code == 404
