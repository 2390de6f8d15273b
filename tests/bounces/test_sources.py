"""Where mails come from, and that each is marked only after it was processed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from newsletter.bounces.mailbox import fetch
from newsletter.bounces.sources import read_source, read_stream
from newsletter.errors import DataError, ServiceError, UsageError
from tests.bounces.mail_servers import PASSWORD, USER, Box, Imap, Pop3, serving

ONE = b"From: a@b.example\r\nSubject: one\r\n\r\nHello\r\n.dot\r\n"
TWO = b"From: a@b.example\r\nSubject: two\r\n\r\nHello\r\n"


def test_an_imap_folder_is_read_and_what_was_processed_is_seen() -> None:
    box = Box([ONE, TWO])
    with serving(Imap, box) as port:
        url = f"imap://{USER}@127.0.0.1:{port}/Bounces%20here"
        mails = fetch(url, PASSWORD)
        first = next(mails)
        assert first.data == ONE
        first.finish()
        assert box.seen == {1}
        assert next(mails).data == TWO
        mails.close()
        assert [mail.data for mail in fetch(url, PASSWORD)] == [TWO]
    assert box.folders[0] == '"Bounces here"'


def test_a_pop3_mailbox_is_emptied_of_what_was_processed_only() -> None:
    box = Box([ONE, TWO])
    with serving(Pop3, box) as port:
        mails = fetch(f"pop3://{USER}@127.0.0.1:{port}", PASSWORD)
        first = next(mails)
        assert first.data.rstrip() == ONE.rstrip()
        first.finish()
        assert [mail.data.rstrip() for mail in mails] == [TWO.rstrip()]
    assert box.deleted == {1}


@pytest.mark.parametrize(("protocol", "handler"), [("imap", Imap), ("pop3", Pop3)])
def test_a_wrong_password_is_said_without_the_password(protocol: str, handler: type[Imap]) -> None:
    with serving(handler, Box([])) as port, pytest.raises(ServiceError) as caught:
        list(fetch(f"{protocol}://{USER}:secret@127.0.0.1:{port}", ""))
    assert "wrong" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_service_error() -> None:
    with pytest.raises(ServiceError):
        list(fetch("imap://bounces@127.0.0.1:1", "x"))


@pytest.mark.parametrize("url", ["imaps://", "pop3://host.example", "imap://user@"])
def test_an_address_without_user_and_host_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        list(fetch(url, "x"))


def test_a_maildirs_new_mails_become_seen(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.a.host").write_bytes(ONE)
    (waiting,) = fetch(f"maildir:{tmp_path}", "")
    assert (tmp_path / "new" / "1.a.host").exists()
    waiting.finish()
    assert (tmp_path / "cur" / "1.a.host:2,S").read_bytes() == ONE
    assert list(fetch(str(tmp_path), "")) == []


def test_an_mbox_is_split_at_its_envelope_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    head = b"From MAILER-DAEMON Sun Nov 22 09:00:00 2026\n"
    path.write_bytes(head + b"Subject: one\n\nText\n\nFrom here on it is text.\n\n" + head + b"Subject: two\n\nText\n")
    found = list(read_source(path))
    assert [mail.name for mail in found] == [f"{path}:1", f"{path}:2"]
    assert b"From here on" in found[0].data
    assert b"Subject: two" in found[1].data


def test_one_mail_with_an_envelope_line_keeps_its_files_name(tmp_path: Path) -> None:
    path = tmp_path / "one.eml"
    path.write_bytes(b"From x@y.z Sun Nov 22 09:00:00 2026\nSubject: one\n\nText\n")
    assert [mail.name for mail in read_source(path)] == [str(path)]


def test_an_empty_pipe_is_one_empty_mail() -> None:
    assert [mail.data for mail in read_stream(io.BytesIO(b""), "-")] == [b""]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        list(read_source(tmp_path / "none"))
    with pytest.raises(DataError):
        list(fetch(str(tmp_path / "none"), ""))
