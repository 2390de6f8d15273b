"""Who may see the preview, and what a request may reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from newsletter.web.inbox.mailbox import Mailbox
from newsletter.web.inbox.reception import start_reception
from newsletter.web.preview.app import create_preview
from newsletter.web.serving import bind, serving
from tests.web.preview.project import NOON, SETTINGS, desk_of, make_project, write

TOKEN = "a-token-nobody-guesses"
SEND = {"page": "unions/last", "persona": "", "to": "me@here.example"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path.resolve())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a preview that no test of this file changes; there is a secret beside its pictures."""
    folder = make_project(tmp_path_factory.mktemp("open").resolve())
    (folder / "secret.txt").write_text("secret")
    (folder / "static" / "secret.png").symlink_to(folder / "secret.txt")
    with serving(create_preview(desk_of(folder)), bind("127.0.0.1", 0)) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def guarded(project: Path) -> Iterator[httpx.Client]:
    with (
        serving(create_preview(desk_of(project), token=TOKEN), bind("127.0.0.1", 0)) as address,
        httpx.Client(base_url=address) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8024", "127.0.0.1.evil.example", "[::1", "", "localhost@evil.example"]
)
def test_another_host_name_is_refused_everywhere(client: httpx.Client, host: str) -> None:
    for path in ("/", "/data/timeline", "/events", "/message.eml?page=unions/last", "/static/main.js"):
        assert client.get(path, headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8024"])
def test_names_of_this_machine_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/data/people", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example", "Content-Type": "application/json"},
        {"Origin": "null", "Content-Type": "application/json"},
        {"Origin": "http://127.0.0.1:1", "Content-Type": "application/json"},
    ],
)
def test_another_site_can_send_nothing(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.post("/send", json=SEND, headers=headers).status_code == 403


def test_a_form_of_another_site_can_send_nothing(client: httpx.Client) -> None:
    own = {"Origin": str(client.base_url).rstrip("/")}
    assert client.post("/send", data=SEND, headers=own).status_code == 403
    assert client.get("/send").status_code == 405


def test_the_token_is_wanted_once_and_then_kept_in_a_cookie(guarded: httpx.Client) -> None:
    for path in ("/", "/data/timeline", "/static/main.js", f"/?token={TOKEN}x", "/?token="):
        assert guarded.get(path).status_code == 403
    answer = guarded.get(f"/?token={TOKEN}")
    assert answer.status_code == 303
    assert TOKEN not in answer.headers["Location"]
    assert "HttpOnly" in answer.headers["Set-Cookie"] and "SameSite=strict" in answer.headers["Set-Cookie"]
    assert guarded.get("/data/people").status_code == 200
    assert guarded.get("/data/people", headers={"Host": "laptop.lan"}).status_code == 200


def test_the_token_never_leads_to_another_site(guarded: httpx.Client) -> None:
    answer = guarded.get(f"//evil.example/?token={TOKEN}")
    assert not answer.headers.get("Location", "/").startswith(("//", "http"))


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/static/../newsletter.toml",
        "/pictures/static/..%2fnewsletter.toml",
        "/pictures/static/%2e%2e/%2e%2e/etc/passwd",
        "/pictures/static//etc/passwd",
        "/pictures/static/secret.png",
        "/pictures/content/unions/last.md",
        "/pictures/templates/x.png",
        "/pictures/made/nothing",
        "/pictures/static/a%00.png",
        "/static/../app.py",
        "/static/..%2fapp.py",
    ],
)
def test_no_path_leads_out_of_the_pictures(address: str, path: str) -> None:
    connection = HTTPConnection(address.removeprefix("http://"))
    connection.request("GET", path)  # as it is; other clients would tidy it up
    assert connection.getresponse().status == 404
    connection.close()


def test_pictures_are_shown_from_this_machine(client: httpx.Client) -> None:
    html = client.get("/data/page", params={"page": "unions/_index"}).json()["html"]
    [src] = re.findall(r'src="(pictures/[^"]+)"', html)
    answer = client.get(src)
    assert answer.content.startswith(b"\x89PNG")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_nothing_may_load_from_outside(client: httpx.Client) -> None:
    headers = client.get("/").headers
    rules = headers["Content-Security-Policy"]
    assert "default-src 'none'" in rules and "http" not in rules and "*" not in rules
    assert "script-src 'self';" in rules
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_message_is_exact(client: httpx.Client) -> None:
    answer = client.get("/message.eml", params={"page": "unions/_index", "persona": "row-2"})
    assert answer.headers["Content-Type"] == "message/rfc822"
    mail = BytesParser(policy=policy.default).parsebytes(answer.content)
    assert mail["Subject"] == "Welcome Bo"
    assert mail["List-Unsubscribe"]
    assert b"\r\n" in answer.content and b"localhost" not in answer.content


@pytest.mark.parametrize(
    "query",
    ["page=nothing", "page=unions/gone", "page=%00", "persona=nobody&page=unions/last", "page=unions/last&version=--x"],
)
def test_what_is_not_there_is_told_in_words(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/data/page?{query}")
    assert answer.status_code in (200, 422)
    assert answer.json()["error"]["message"]


def test_a_test_mail_goes_through_the_configured_relay_and_a_draft_is_marked(project: Path) -> None:
    mailbox = Mailbox(project / "mails", lambda: NOON)
    controller = start_reception(mailbox, 0)
    relay = f'[relay]\nhost = "127.0.0.1"\nport = {controller.port}\nsecurity = "plain"\n'
    write(project, "newsletter.toml", SETTINGS + relay)
    try:
        with serving(create_preview(desk_of(project)), bind("127.0.0.1", 0)) as address:
            own = {"Origin": address}
            answer = httpx.post(f"{address}/send", json=SEND | {"page": "unions/unfinished"}, headers=own)
            refused = httpx.post(f"{address}/send", json=SEND | {"to": "no address"}, headers=own)
    finally:
        controller.stop()
    assert answer.json()["reply"].startswith("250")
    assert refused.status_code == 422
    [summary] = mailbox.summaries()
    assert summary.subject == "[Draft] Unfinished"
    assert summary.recipients == ("me@here.example",)


def test_a_relay_that_does_not_answer_is_told(project: Path) -> None:
    write(project, "newsletter.toml", SETTINGS + '[relay]\nhost = "127.0.0.1"\nport = 9\nsecurity = "plain"\n')
    with serving(create_preview(desk_of(project)), bind("127.0.0.1", 0)) as address:
        answer = httpx.post(f"{address}/send", json=SEND, headers={"Origin": address})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'"x"', b"\xff", b'{"page": 1}'])
def test_no_body_of_a_send_makes_an_error_of_ours(client: httpx.Client, body: bytes) -> None:
    own = {"Origin": str(client.base_url).rstrip("/"), "Content-Type": "application/json"}
    assert client.post("/send", content=body, headers=own).status_code == 400
