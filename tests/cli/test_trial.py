"""`newsletter test` sends one real mail through the configured relay; a real SMTP server keeps it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.cli.command_line import newsletter


class Keeper:
    """Keeps every mail; refuses the recipient `nobody@example.com`."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address == "nobody@example.com":
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = BytesParser(EmailMessage, policy=policy.default).parsebytes(envelope.content)
        self.mails.append((envelope.rcpt_tos[0], message))
        return "250 2.0.0 kept"


@pytest.fixture
def keeper() -> Iterator[tuple[Keeper, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    handler = Keeper()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def project(tmp_path: Path, keeper: tuple[Keeper, int]) -> Path:
    folder = tmp_path / "content" / "unions"
    folder.mkdir(parents=True)
    (folder / "_index.md").write_text(
        "---\ntitle: The start\n---\n<p>Hello {{ name }} of {{ city }}</p>", encoding="utf-8"
    )
    (folder / "idea.md").write_text("---\ntitle: An idea\ndraft: true\n---\n<p>Not yet.</p>", encoding="utf-8")
    (tmp_path / "subscribers.example.csv").write_text(
        "email,name,city\nann@example.com,Ann,Athens\nbob@example.com,Bob,Bonn\n", encoding="utf-8"
    )
    (tmp_path / "newsletter.toml").write_text(f'[relay]\nhost = "127.0.0.1"\nport = {keeper[1]}\nsecurity = "plain"\n')
    return tmp_path


def body(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_a_page_reaches_the_address_with_the_first_examples_data(project: Path, keeper: tuple[Keeper, int]) -> None:
    done = newsletter("test", "unions/_index", "--to", "me@example.com", folder=project)
    assert done.returncode == 0, done.stderr
    [(recipient, message)] = keeper[0].mails
    assert recipient == "me@example.com"
    assert message["Subject"] == "The start"
    assert "Hello Ann of Athens" in body(message)


def test_any_subscribers_data_can_be_merged(project: Path, keeper: tuple[Keeper, int]) -> None:
    newsletter("test", "unions/_index", "--to", "me@example.com", "--as", "bob@EXAMPLE.com", folder=project)
    [(_, message)] = keeper[0].mails
    assert "Hello Bob of Bonn" in body(message)


def test_a_draft_is_refused_and_with_draft_it_is_marked(project: Path, keeper: tuple[Keeper, int]) -> None:
    refused = newsletter("test", "unions/idea", "--to", "me@example.com", folder=project)
    assert refused.returncode == 1
    assert "--draft" in refused.stderr
    assert not keeper[0].mails
    done = newsletter("test", "unions/idea", "--draft", "--to", "me@example.com", folder=project)
    assert done.returncode == 0, done.stderr
    assert keeper[0].mails[0][1]["Subject"] == "[Draft] An idea"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("unions/nothing", "--to", "me@example.com"), 2, "There are: _index, idea."),
        (("onions/_index", "--to", "me@example.com"), 2, "no series 'onions'"),
        (("unions/_index", "--to", "nobody@example.com"), 3, "550 5.1.1 no such user"),
        (("unions/_index", "--to", "me@example.com\r\nRCPT TO:<evil@example.com>"), 1, "me@example.com"),
        (("unions/_index", "--to", "me@example.com", "--relay", "spare"), 2, "There are: main."),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(
    project: Path, keeper: tuple[Keeper, int], arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = newsletter("test", *arguments, folder=project)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not keeper[0].mails


def test_a_relay_that_is_not_there_is_named(project: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = newsletter("test", "unions/_index", "--to", "a@example.com", folder=project, NEWSLETTER_RELAY_PORT=str(port))
    assert done.returncode == 3
    assert "127.0.0.1" in done.stderr
