"""TLS and AUTH: verified, never given up, never said in the open."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ssl
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from newsletter.config import RelaySettings
from newsletter.delivery.send_one import send_one
from newsletter.delivery.smtp.reply import Reply
from newsletter.errors import DataError, RelayError
from tests.delivery.conftest import Runner
from tests.delivery.servers import CLOSE, KeepingServer, Session, once
from tests.delivery.world import seed


class Letter(NamedTuple):
    sender: str = "bounces+x@news.example.org"
    recipient: str = "ann@example.com"
    pieces: tuple[bytes, ...] = (b"Subject: hi\r\n\r\nhello\r\n",)
    needs_smtputf8: bool = False


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def context_for(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def ca_file(authority: trustme.CA, folder: Path) -> Path:
    file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def send(relay: RelaySettings, letter: Letter | None = None) -> Reply:
    return asyncio.run(send_one(letter or Letter(), relay))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_through_verified_tls(authority: trustme.CA, tmp_path: Path, security: str) -> None:
    context = context_for(authority, "localhost")
    with KeepingServer(
        context=context, implicit_tls=security == "tls", extensions=("STARTTLS", "PIPELINING")
    ) as server:
        reply = send(RelaySettings("localhost", server.port, security, ca_file=ca_file(authority, tmp_path)))  # type: ignore[arg-type]
    assert reply == Reply(250, "2.0.0 kept") and server.sessions[0].encrypted
    commands = [command.split()[0] for command in server.sessions[0].commands]
    assert commands == (["EHLO", "STARTTLS", "EHLO"] if security == "starttls" else ["EHLO"]) + [
        "MAIL",
        "RCPT",
        "DATA",
        "QUIT",
    ]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(("names", "trusted"), [(("other.example",), True), (("localhost",), False)])
def test_a_certificate_that_is_not_good_ends_it(
    authority: trustme.CA, tmp_path: Path, security: str, names: tuple[str, ...], trusted: bool
) -> None:
    context = context_for(authority, *names)
    with KeepingServer(
        context=context, implicit_tls=security == "tls", extensions=("STARTTLS", "AUTH PLAIN")
    ) as server:
        relay = RelaySettings(
            "localhost",
            server.port,
            security,
            ca_file=ca_file(authority, tmp_path) if trusted else None,
            username="ann",
            password="pw",
        )  # type: ignore[arg-type]
        with pytest.raises(RelayError, match="certificate is not good"):
            send(relay)
    assert not any(command.startswith(("AUTH", "MAIL")) for session in server.sessions for command in session.commands)


def test_without_starttls_nothing_is_sent(authority: trustme.CA, tmp_path: Path) -> None:
    """A man in the middle who strips STARTTLS from the EHLO reply gets neither mail nor password."""
    with KeepingServer(extensions=("AUTH PLAIN",)) as server:  # noqa: SIM117 - asked about after it is gone
        with pytest.raises(RelayError, match="does not offer STARTTLS"):
            send(
                RelaySettings(
                    "localhost",
                    server.port,
                    "starttls",
                    ca_file=ca_file(authority, tmp_path),
                    username="a",
                    password="b",
                )
            )
    assert [command.split()[0] for command in server.sessions[0].commands] == ["EHLO"]


def test_plain_text_slipped_in_behind_starttls_is_noticed(authority: trustme.CA, tmp_path: Path) -> None:
    with (
        KeepingServer(
            lambda session, verb, argument: (
                b"220 go on\r\n250-evil\r\n250 AUTH PLAIN\r\n" if verb == "STARTTLS" else None
            ),
            context=context_for(authority, "localhost"),
            extensions=("STARTTLS",),
        ) as server,
        pytest.raises(RelayError, match="bytes in plain text follow"),
    ):
        send(RelaySettings("localhost", server.port, "starttls", ca_file=ca_file(authority, tmp_path)))


def authenticating(user: str, password: str):  # type: ignore[no-untyped-def]
    """Answers AUTH as servers do, for every mechanism."""
    nonce = b"<1.2@test>"

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        words = argument.split()
        good, bad = b"235 2.7.0 welcome\r\n", b"535 5.7.8 no\r\n"
        if verb == "AUTH" and words[0] == "PLAIN":
            return good if base64.b64decode(words[1]) == f"\0{user}\0{password}".encode() else bad
        if verb == "AUTH" and words[0] == "XOAUTH2":
            return good if base64.b64decode(words[1]) == f"user={user}\1auth=Bearer {password}\1\1".encode() else bad
        if verb == "AUTH" and words[0] == "LOGIN":
            session.user = "LOGIN"
            return b"334 VXNlcm5hbWU6\r\n"
        if verb == "AUTH" and words[0] == "CRAM-MD5":
            session.user = "CRAM"
            return b"334 " + base64.b64encode(nonce) + b"\r\n"
        line = session.commands[-1] if session.commands else ""
        if session.user == "LOGIN" and base64.b64encode(user.encode()).decode() == line:
            session.user = "LOGIN2"
            return b"334 UGFzc3dvcmQ6\r\n"
        if session.user == "LOGIN2":
            session.user = ""
            return good if base64.b64decode(line).decode() == password else bad
        if session.user == "CRAM":
            session.user = ""
            digest = hmac.new(password.encode(), nonce, hashlib.md5).hexdigest()
            return good if base64.b64decode(line).decode() == f"{user} {digest}" else bad
        return None

    return script


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", ""])
def test_each_mechanism_logs_in(mechanism: str) -> None:
    extensions = ("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2",)
    with KeepingServer(authenticating("änn", "pässword"), extensions=extensions) as server:
        relay = RelaySettings("127.0.0.1", server.port, "plain", username="änn", password="pässword", auth=mechanism)  # type: ignore[arg-type]
        assert send(relay).is_positive
        with pytest.raises(RelayError, match="535"):
            send(RelaySettings("127.0.0.1", server.port, "plain", username="änn", password="wrong", auth=mechanism))  # type: ignore[arg-type]


def test_a_mechanism_the_relay_does_not_know_is_an_error_that_says_so() -> None:
    with KeepingServer(extensions=("AUTH GSSAPI",)) as server, pytest.raises(RelayError, match="offers AUTH GSSAPI"):
        send(RelaySettings("127.0.0.1", server.port, "plain", username="a", password="b"))


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example>\r\nRCPT TO:<evil@example.com",
        "a b@c.example",
        "@c.example",
        "nobody",
        "a@b.example\n",
        "<a@b.example>",
    ],
)
def test_an_address_that_could_end_its_command_is_refused(address: str) -> None:
    with KeepingServer() as server, pytest.raises(DataError):
        send(RelaySettings("127.0.0.1", server.port, "plain"), Letter(recipient=address))


def test_a_refused_recipient_is_a_reply_not_an_error() -> None:
    with KeepingServer(lambda session, verb, argument: b"550 5.1.1 unknown\r\n" if verb == "RCPT" else None) as server:
        assert send(RelaySettings("127.0.0.1", server.port, "plain")) == Reply(550, "5.1.1 unknown")


def test_a_relay_that_is_not_there_says_where(tmp_path: Path) -> None:
    from tests.delivery.servers import free_port

    port = free_port()
    with pytest.raises(RelayError, match=f"127.0.0.1:{port}"):
        send(RelaySettings("127.0.0.1", port, "plain"))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_reply_lost_under_tls_leaves_the_delivery_uncertain_and_is_not_sent_again(
    authority: trustme.CA, tmp_path: Path, security: str, runner: Runner
) -> None:
    """The encrypted transport says "paused" at odd moments; that must not count as "it never left"."""
    seed(runner.database, 6)
    lose_the_first = once(".", CLOSE)
    with KeepingServer(
        lose_the_first,
        context=context_for(authority, "localhost"),
        implicit_tls=security == "tls",
        extensions=("STARTTLS", "PIPELINING"),
        keep_anyway=True,
    ) as server:
        relay = RelaySettings("localhost", server.port, security, connections=2, ca_file=ca_file(authority, tmp_path))  # type: ignore[arg-type]
        tally = runner.run(relay, seconds=10.0, until=lambda tally: tally.handled >= 6)
    assert (tally.sent, tally.uncertain) == (5, 1)
    assert sorted(server.recipients) == [f"reader{number}@example.com" for number in range(6)]
