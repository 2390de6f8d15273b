"""The inbox keeps what comes, shows it, and lets nothing out."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.cli.inbox import command as inbox_command
from newsletter.web.inbox.app import create_inbox
from newsletter.web.inbox.mailbox import Mailbox
from newsletter.web.inbox.reading import preheader, read_mail
from newsletter.web.inbox.reception import start_reception
from newsletter.web.serving import bind, serving

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mails", lambda: NOON)


@pytest.fixture
def smtp(mailbox: Mailbox) -> Iterator[smtplib.SMTP]:
    controller = start_reception(mailbox, 0)
    with smtplib.SMTP("127.0.0.1", controller.port) as client:
        yield client
    controller.stop()


@pytest.fixture
def page(mailbox: Mailbox) -> Iterator[httpx.Client]:
    with serving(create_inbox(mailbox), bind("127.0.0.1", 0)) as address, httpx.Client(base_url=address) as client:
        yield client


def mail(subject: str = "Hello", html: str = "<p>Hi</p>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Dojo <letters@newsletter.example>"
    message["To"] = "ann@example.com"
    message["Subject"] = subject
    message["List-Unsubscribe"] = "<https://dojo.example/u/T>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("Hi")
    message.add_alternative(html, subtype="html")
    return message


def test_a_mail_is_kept_byte_for_byte_below_the_servers_own_lines(smtp: smtplib.SMTP, mailbox: Mailbox) -> None:
    sent = mail().as_bytes(policy=policy.SMTP)
    smtp.sendmail("a@example.com", ["b@example.com"], sent)
    [summary] = mailbox.summaries()
    assert summary.path.read_bytes() == b"Return-Path: <a@example.com>\r\nDelivered-To: b@example.com\r\n" + sent


def test_any_script_arrives_intact(smtp: smtplib.SMTP, page: httpx.Client) -> None:
    smtp.send_message(mail("שלום · مرحبا · 🎉", "<p>漢字</p>"), "a@example.com", ["b@example.com"])
    assert "שלום · مرحبا · 🎉" in page.get("/?mail=1").text
    assert "漢字" in page.get("/mails/1/body").text


def test_a_folder_of_mails_is_shown_again_after_a_restart(tmp_path: Path, mailbox: Mailbox) -> None:
    mailbox.keep("a@example.com", ["b@example.com"], mail("First").as_bytes())
    again = Mailbox(tmp_path / "mails", lambda: NOON)
    again.keep("a@example.com", ["b@example.com"], mail("Second").as_bytes())
    assert [summary.subject for summary in again.summaries()] == ["Second", "First"]


def test_search_looks_at_sender_recipient_and_subject(page: httpx.Client, mailbox: Mailbox) -> None:
    mailbox.keep("a@example.com", ["ann@example.com"], mail("Apples").as_bytes())
    mailbox.keep("a@example.com", ["bob@example.com"], mail("Pears").as_bytes())
    assert [item["subject"] for item in page.get("/mails.json?search=BOB").json()] == ["Pears"]
    assert [item["subject"] for item in page.get("/mails.json?search=appl").json()] == ["Apples"]


def test_a_mail_may_run_nothing_and_load_nothing(page: httpx.Client, mailbox: Mailbox) -> None:
    mailbox.keep("a@example.com", ["b@example.com"], mail(html="<script>alert(1)</script>").as_bytes())
    policy = page.get("/mails/1/body").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script" not in policy
    assert 'sandbox="allow-popups"' in page.get("/?mail=1").text


def test_a_subject_cannot_inject_markup(page: httpx.Client, mailbox: Mailbox) -> None:
    mailbox.keep("a@example.com", ["b@example.com"], mail("<script>alert(1)</script>").as_bytes())
    assert "<script>alert" not in page.get("/?mail=1").text


def test_an_embedded_picture_is_shown(page: httpx.Client, mailbox: Mailbox) -> None:
    message = mail(html='<img src="cid:logo@dojo.example">')
    part = message.get_body(("html",))
    assert part is not None
    part.add_related(b"\x89PNG", "image", "png", cid="<logo@dojo.example>")
    mailbox.keep("a@example.com", ["b@example.com"], message.as_bytes())
    assert 'src="embedded/logo%40dojo.example"' in page.get("/mails/1/body").text
    assert page.get("/mails/1/embedded/logo%40dojo.example").content == b"\x89PNG"
    assert page.get("/mails/1/embedded/other").status_code == 404


@pytest.mark.parametrize("path", ["/?mail=9", "/?mail=x", "/?mail=1&view=nothing", "/?mail=99999999999999999999"])
def test_a_mail_that_is_not_there_is_no_error(page: httpx.Client, path: str) -> None:
    assert page.get(path).status_code == 200


def test_another_host_name_is_refused(page: httpx.Client) -> None:
    assert page.get("/mails.json", headers={"Host": "evil.example"}).status_code == 400


def test_the_way_out_is_shown(page: httpx.Client, mailbox: Mailbox) -> None:
    mailbox.keep("a@example.com", ["b@example.com"], mail().as_bytes())
    assert "https://dojo.example/u/T" in page.get("/?mail=1&view=headers").text


def test_the_page_is_told_when_mail_comes(page: httpx.Client, mailbox: Mailbox) -> None:
    with page.stream("GET", "/events", timeout=5) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": hello"
        mailbox.keep("a@example.com", ["b@example.com"], mail().as_bytes())
        assert next(line for line in lines if line.startswith("data")) == "data: 1"


def test_the_preheader_is_the_first_text_without_filler() -> None:
    html = "<html><head><title>T</title><style>p{}</style></head><body><div>First words&#847;&nbsp;</div><p>Then</p>"
    assert preheader(html) == "First words Then"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: b"Subject: " + text.encode() + b"\n\nx"))
def test_no_bytes_make_an_error(data: bytes, mailbox: Mailbox) -> None:
    mailbox.keep("a@example.com", ["b@example.com"], data)
    read_mail(data)


def test_what_lies_in_a_folder_is_listed_without_a_server(tmp_path: Path) -> None:
    Mailbox(tmp_path, lambda: datetime(2026, 3, 2, tzinfo=UTC)).keep(
        "a@b.example", ["c@d.example"], b"Subject: Hi\r\n\r\nText\r\n"
    )
    listed = CliRunner().invoke(inbox_command, ["--dir", str(tmp_path), "--json"])
    assert [(mail["subject"], mail["recipients"]) for mail in json.loads(listed.output)] == [("Hi", ["c@d.example"])]
    assert CliRunner().invoke(inbox_command, ["--dir", str(tmp_path), "--count"]).output == "1\n"
