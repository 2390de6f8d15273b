"""Servers that others wrote take what we send, and what they hand on is what we signed, octet by octet.

Exim and OpenSMTPD can't be installed beside Postfix on Debian; `benchmarks/receivers.py` tries them as well.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from newsletter.store.database import Database
from tests.delivery.arrivals import (
    Keys,
    dkimpy_finds_good,
    is_identical,
    keys_in,
    message_id,
    opendkim_finds_good,
    send_all,
    signed,
    start_again,
)
from tests.delivery.receivers import aiosmtpd, postfix
from tests.delivery.servers import KeepingServer
from tests.delivery.world import a_campaign, a_relay, an_email, due, subscribers

PEOPLE = ["ann@example.com", "o'neill+news@example.com", "jörg@bücher.example", "UPPER@Example.COM"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys_in(tmp_path_factory.mktemp("keys"))


def prepare(database: Database) -> None:
    """A page with everything that a server could trip over: dots, blanks at line ends, long lines, signs beyond ASCII."""
    email = an_email(
        subject="Grüße an {{ name }}: 你好 und guten Tag, dies ist eine recht lange Zeile für einen Betreff"
    )
    traps = "\n.\n..\n.dot\nFrom here\n trailing blanks   \n" + "wörd " * 400 + "\n\n\n"
    with database.transaction() as connection:
        people = subscribers(connection, PEOPLE)
        page = {**vars(email), "text": email.text + traps, "html": email.html + f"<pre>{traps}</pre>"}
        due(connection, a_campaign(connection), people, type(email)(**page))


def assert_arrived_as_signed(arrived: list[bytes], expected: dict[str, bytes], keys: Keys, folder: Path) -> None:
    assert sorted(message_id(message) for message in arrived) == sorted(expected)
    for message in arrived:
        assert is_identical(message, expected[message_id(message)])
        assert dkimpy_finds_good(message, keys)
    assert opendkim_finds_good(arrived[0], keys, folder)


@pytest.mark.parametrize(
    ("security", "mechanism"), [("starttls", "PLAIN"), ("tls", "LOGIN"), ("starttls", "CRAM-MD5"), ("tls", "XOAUTH2")]
)
def test_aiosmtpd_gets_every_octet_as_signed(
    sqlite_database: Database, tmp_path: Path, keys: Keys, security: str, mechanism: str
) -> None:
    prepare(sqlite_database)
    expected = signed(sqlite_database, tmp_path, keys)
    with aiosmtpd() as (receiver, shelf):
        tally = send_all(sqlite_database, tmp_path, keys, receiver.relay(security, mechanism))
    assert tally.sent == len(PEOPLE)
    assert_arrived_as_signed([data for _, data in shelf.kept], expected, keys, tmp_path)


# Postfix starts as root or not at all; who runs the tests as somebody else has the others.
@pytest.mark.parametrize("security", ["starttls", "tls"] if os.geteuid() == 0 else [])
def test_postfix_hands_on_every_octet_as_signed(
    sqlite_database: Database, tmp_path: Path, keys: Keys, security: str
) -> None:
    prepare(sqlite_database)
    expected = signed(sqlite_database, tmp_path, keys)
    with KeepingServer() as home, postfix(home.port) as receiver:
        tally = send_all(sqlite_database, tmp_path, keys, receiver.relay(security))
        assert tally.sent == len(PEOPLE)
        deadline = time.monotonic() + 30
        while len(home.kept) < len(PEOPLE) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert_arrived_as_signed([kept.data for kept in home.kept], expected, keys, tmp_path)
    assert set(home.recipients) >= {"ann@example.com", "o'neill+news@example.com"}
    assert all(kept.sender.startswith("bounces+") for kept in home.kept)


def test_a_message_sent_a_second_time_is_the_same_message(
    sqlite_database: Database, tmp_path: Path, keys: Keys
) -> None:
    """A receiver that has the first one can tell: same Message-ID, same octets at the same second."""
    prepare(sqlite_database)
    with KeepingServer() as server:
        for _ in range(2):
            send_all(sqlite_database, tmp_path, keys, a_relay(server.port))
            start_again(sqlite_database)
    first, second = server.kept[: len(PEOPLE)], server.kept[len(PEOPLE) :]
    assert {message_id(kept.data): kept.data for kept in first} == {message_id(kept.data): kept.data for kept in second}
