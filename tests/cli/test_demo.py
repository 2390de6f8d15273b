"""`newsletter demo`: the main job, read back from the inbox by a parser that knows nothing of this project."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.config import find_project, load_settings
from newsletter.content.reader import read_series
from newsletter.demo import Demo
from newsletter.web.inbox.mailbox import Mailbox
from newsletter.web.inbox.reception import start_reception
from tests.cli.command_line import newsletter

ROOT = Path(__file__).parent.parent.parent
START = datetime(2026, 3, 26, tzinfo=UTC)
"""Clocks in Europe go forward on the 29th, between the first and the second page."""

ZONES = {
    "ann@example.com": "America/New_York",
    "marie@example.com": "Europe/Paris",
    "nobody.knows@example.com": "Europe/Paris",
}


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[EmailMessage]]:
    folder = tmp_path_factory.mktemp("demo")
    subscribers = folder / "subscribers.csv"
    subscribers.write_text(
        "email,name,zone\nann@example.com,Ann,America/New_York\nmarie@example.com,Marie,Europe/Paris\nnobody.knows@example.com,,\n"
    )
    mailbox = Mailbox(folder / "mails", lambda: START)
    reception = start_reception(mailbox, 0)
    demo = Demo(load_settings(find_project(ROOT), {}), folder, reception.port, START)
    demo.enroll(demo.prepare("unions"), subscribers)
    demo.run(lambda moment: None)
    reception.stop()
    arrived: dict[str, list[EmailMessage]] = defaultdict(list)
    for path in sorted((folder / "mails").glob("*.eml")):
        message = BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
        arrived[str(message["Delivered-To"])].append(message)
    return arrived


def test_each_subscriber_gets_each_page_once_and_in_order(mails: dict[str, list[EmailMessage]]) -> None:
    series = read_series(ROOT / "content", "unions")
    titles = [page.title for page in series.mailable]
    assert any(page.draft for page in series.pages)
    assert {
        recipient: [str(mail["Subject"]) for mail in received] for recipient, received in mails.items()
    } == dict.fromkeys(ZONES, titles)


def test_each_mail_is_due_at_nine_where_its_reader_is_three_days_apart(mails: dict[str, list[EmailMessage]]) -> None:
    for recipient, received in mails.items():
        local = [mail["Date"].datetime.astimezone(ZoneInfo(ZONES[recipient])) for mail in received]
        assert [moment.hour for moment in local] == [9] * len(local)
        assert [(after.date() - before.date()).days for before, after in pairwise(local)] == [3] * (len(local) - 1)


def test_every_mail_carries_the_headers_that_providers_ask_for(mails: dict[str, list[EmailMessage]]) -> None:
    everything = [mail for received in mails.values() for mail in received]
    for mail in everything:
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "/u/" in mail["List-Unsubscribe"]
        assert "mailto:" in mail["List-Unsubscribe"]
        assert mail["List-Id"].endswith(">")
        assert mail["MIME-Version"] == "1.0"
        assert len(mail.get_all("From")) == len(mail.get_all("Date")) == len(mail.get_all("Message-ID")) == 1
    assert len({str(mail["Message-ID"]) for mail in everything}) == len(everything)


def test_both_parts_carry_the_page_and_the_way_out(mails: dict[str, list[EmailMessage]]) -> None:
    for received in mails.values():
        for mail in received:
            for kind in ("html", "plain"):
                part = mail.get_body((kind,))
                assert part is not None
                content = part.get_content()
                assert "/u/" in content
                assert "{{" not in content


def test_the_command_ends_by_itself_off_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "content" / "small").mkdir(parents=True)
    (tmp_path / "content" / "small" / "_index.md").write_text("---\ntitle: Only one\n---\n<p>Text.</p>")
    (tmp_path / "newsletter.toml").write_text('[sender]\naddress = "me@example.com"\n')
    (tmp_path / "subscribers.example.csv").write_text("email\nann@example.com\n")
    done = newsletter("demo", "--port", "0", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 mail sent" in done.stdout
    assert "in order, once each" in done.stdout
    assert sorted(child.name for child in tmp_path.iterdir()) == [
        "content",
        "newsletter.toml",
        "subscribers.example.csv",
    ]
