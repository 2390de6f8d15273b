"""Links are asked over real HTTP, on loopback; the probe itself refuses loopback unless a test allows it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from newsletter.check import online
from newsletter.check.online import LinkProbe, Place, is_public


class Site(BaseHTTPRequestHandler):
    """Answers by path; counts what it was asked."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_HEAD(self) -> None:
        self.asked[f"{self.command} {self.path}"] += 1
        statuses = {"/gone": 404, "/robots": 403, "/loop": 302, "/moved": 301, "/inside": 302}
        status = 405 if self.path == "/get-only" and self.command == "HEAD" else statuses.get(self.path, 200)
        self.send_response(status)
        targets = {"/loop": "/loop", "/moved": "/", "/inside": "http://169.254.169.254/secret"}
        if self.path in targets:
            self.send_header("Location", targets[self.path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(online, "PAUSE", 0.0)
    Site.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://site.example:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def probe() -> LinkProbe:
    """Finds every host on loopback, except addresses that are written as such."""
    return LinkProbe(
        resolve=lambda host, port: [host if host[0].isdigit() else "127.0.0.1"],
        is_allowed=lambda address: address == "127.0.0.1" or is_public(address),
    )


def asked(probe: LinkProbe, *addresses: str) -> list[tuple[str, str]]:
    places = [Place(address, "boats/a.md", number) for number, address in enumerate(addresses, 1)]
    return [(finding.code, finding.message) for finding in probe.check(places)]


def test_living_links_are_silent_and_asked_once(site: str) -> None:
    assert (
        asked(probe(), f"{site}/a", f"{site}/a#part", f"{site}/moved", f"{site}/get-only", "mailto:a@b.example") == []
    )
    assert Site.asked["HEAD /a"] == 1


def test_dead_links_are_errors_with_their_place(site: str) -> None:
    findings = probe().check([Place(f"{site}/gone", "boats/a.md", 7)])
    assert [(one.code, one.path, one.line) for one in findings] == [("link-dead-online", "boats/a.md", 7)]
    assert "404" in findings[0].message


def test_what_robots_are_refused_is_only_a_word(site: str) -> None:
    assert [code for code, _ in asked(probe(), f"{site}/robots")] == ["link-unsure-online"]


def test_a_circle_of_redirects_ends(site: str) -> None:
    assert "redirects" in asked(probe(), f"{site}/loop")[0][1]
    assert sum(Site.asked.values()) <= online.REDIRECTS + 1


def test_a_redirect_into_a_private_network_is_refused(site: str) -> None:
    assert "private network" in asked(probe(), f"{site}/inside")[0][1]


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://169.254.169.254/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
def test_this_network_is_never_asked(address: str) -> None:
    assert "private network" in asked(LinkProbe(resolve=lambda host, port: [host.strip("[]")]), address)[0][1]


def test_a_server_that_is_not_there_is_a_warning() -> None:
    assert [code for code, _ in asked(probe(), "http://closed.example:9/")] == ["link-unsure-online"]


def test_no_more_links_than_the_limit_are_asked(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "LINKS", 2)
    findings = asked(probe(), *(f"{site}/{number}" for number in range(4)))
    assert len(findings) == 2
    assert sum(Site.asked.values()) == 2
