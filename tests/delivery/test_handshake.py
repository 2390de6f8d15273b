"""A relay that is not there, says nothing, speaks the wrong protocol or breaks off: clear words, in bounded time."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from newsletter.config import RelaySettings
from newsletter.delivery import fate as fate_module
from newsletter.delivery import pool as pool_module
from newsletter.delivery.send_one import send_one
from newsletter.delivery.smtp.reply import Reply
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.errors import RelayError
from tests.delivery.conftest import QUICK, Runner
from tests.delivery.receivers import Papers, papers_in
from tests.delivery.servers import CLOSE, HALF_CLOSE, HANG, KeepingServer, Session, free_port, once
from tests.delivery.test_security import Letter
from tests.delivery.world import a_relay, row, scalars, seed, states


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return papers_in(tmp_path_factory.mktemp("papers"))


@contextmanager
def raw_server(*says: bytes, then: bytes = b"", close: bool = False) -> Iterator[int]:
    """A port where each connection hears `says`, one after each thing it says itself, and `then` silence or the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        try:
            for number, words in enumerate(says):
                if number:
                    connection.recv(65536)
                connection.sendall(words)
            if close:
                connection.close()
        except OSError:
            pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in open_ones:
            connection.close()


IMPATIENT = Timeouts(connect=1.0, greeting=0.3, command=0.3, data=0.3, block=0.3, dot=0.3, quit=0.3)


def send(relay: RelaySettings) -> Reply:
    return asyncio.run(send_one(Letter(), relay, timeouts=IMPATIENT))


def refusal(relay: RelaySettings) -> RelayError:
    """What `newsletter test` says, which takes no longer than the timeouts allow."""
    started = time.monotonic()
    with pytest.raises(RelayError) as caught:
        send(relay)
    assert time.monotonic() - started < 5.0
    assert caught.value.remedy and "[Errno" not in str(caught.value)
    return caught.value


def test_a_port_where_nothing_listens_is_named_in_plain_words() -> None:
    port = free_port()
    error = refusal(a_relay(port))
    assert str(error).startswith(f"127.0.0.1:{port}: nothing takes mail there (connection refused)")
    assert "[relay] host and port" in error.remedy


@pytest.mark.parametrize("host", ["no-such-host.invalid", "double..dot", "x" * 70 + ".example"])
def test_a_host_that_does_not_exist_is_named(host: str) -> None:
    assert "no host of this name" in str(refusal(RelaySettings(host=host, port=25, security="starttls")))


def test_a_server_that_never_takes_the_connection_is_given_up() -> None:
    """Its queue is full, as behind a firewall that drops: no answer at all."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        error = refusal(a_relay(port))
        for filler in fillers:
            filler.close()
    assert f"127.0.0.1:{port}: no answer in time" in str(error)


def test_a_silent_server_is_suspected_of_waiting_for_tls() -> None:
    with raw_server() as port:
        assert 'security = "tls"' in str(refusal(a_relay(port)))


@pytest.mark.parametrize("security", ["plain", "starttls"])
def test_an_implicit_tls_port_asked_in_plain_text_says_so(papers: Papers, security: str) -> None:
    with KeepingServer(context=papers.context, implicit_tls=True) as server:
        error = refusal(replace(a_relay(server.port), security=security))  # type: ignore[arg-type]
    assert 'security = "tls"' in str(error)


@pytest.mark.parametrize(
    "words", [b"220 plain ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 64]
)
def test_a_plain_text_server_on_the_tls_port_says_so(papers: Papers, words: bytes) -> None:
    with raw_server(words) as port:
        error = refusal(RelaySettings("localhost", port, "tls", ca_file=papers.ca_file))
    assert "does not speak TLS there" in str(error)


GREETING = (b"220 hello\r\n", b"250-hello\r\n250 STARTTLS\r\n", b"220 go on\r\n")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"\x15\x03\x01\x00\x02\x02\x28",  # alert: handshake failure
        b"\xff" * 20_000,
        b"250 ok\r\n",
    ],
)
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_garbage_inside_the_tls_handshake_ends_it(papers: Papers, garbage: bytes, security: str) -> None:
    before = GREETING if security == "starttls" else (b"",)
    with raw_server(*before, garbage) as port:
        error = refusal(RelaySettings("localhost", port, security, ca_file=papers.ca_file))  # type: ignore[arg-type]
    assert "TLS" in str(error) or "no answer in time" in str(error)


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("close", [True, False])
def test_a_tls_handshake_that_breaks_off_or_hangs_is_bounded(papers: Papers, security: str, close: bool) -> None:
    before = GREETING if security == "starttls" else (b"",)
    with raw_server(*before, b"", close=close) as port:
        refusal(RelaySettings("localhost", port, security, ca_file=papers.ca_file))  # type: ignore[arg-type]


@pytest.mark.parametrize("close", [True, False])
def test_a_tls_handshake_that_breaks_off_is_no_ones_fault_and_tried_again(
    runner: Runner, papers: Papers, close: bool
) -> None:
    """A relay that is being restarted: half a minute of rest and no alert, not ten minutes of it."""
    seed(runner.database, 2)
    with raw_server(b"", b"", close=close) as port:
        relay = RelaySettings("localhost", port, "tls", ca_file=papers.ca_file, connections=1)
        runner.run(relay, seconds=2.5, until=lambda tally: bool(tally.resting))
    assert set(states(runner.database).values()) == {"due"}
    assert scalars(runner.database, "SELECT count(*) FROM alert") == [0]


def test_an_expired_certificate_rests_the_relay_with_an_alert_until_it_is_renewed(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is blamed, nothing is lost; with a good certificate everything goes out and the alert is cleared."""
    monkeypatch.setattr(fate_module, "MINUTE", 0.05)  # ten minutes of rest are half a second here
    monkeypatch.setattr(pool_module, "LONGEST_REST", 1.0)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    expired = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    authority.issue_cert("localhost", not_after=yesterday).configure_cert(expired)
    renewed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(renewed)
    seed(runner.database, 6)
    alerts: list[object] = []
    with KeepingServer(context=expired, extensions=("STARTTLS", "PIPELINING")) as server:

        def renew() -> None:
            while not scalars(runner.database, "SELECT count(*) FROM alert")[0]:
                time.sleep(0.02)
            alerts.extend(scalars(runner.database, "SELECT message FROM alert WHERE cleared_at IS NULL"))
            assert not server.kept and set(states(runner.database).values()) <= {"due", "claimed"}
            server.context = renewed

        renewer = threading.Thread(target=renew)
        renewer.start()
        relay = RelaySettings("localhost", server.port, "starttls", connections=2, ca_file=tmp_path / "ca.pem")
        tally = runner.run(relay, seconds=15.0, until=lambda tally: tally.sent >= 6)
        renewer.join()
    assert tally.sent == 6 and tally.failed == tally.deferred == tally.uncertain == 0
    assert "certificate has expired" in str(alerts[0])
    assert scalars(runner.database, "SELECT max(attempts) FROM delivery") == [1]
    assert scalars(runner.database, "SELECT count(*) FROM bounce") == [0]
    assert scalars(runner.database, "SELECT count(*) FROM suppression") == [0]
    assert scalars(runner.database, "SELECT count(*) FROM alert WHERE cleared_at IS NULL") == [0]


STAGES = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY", ".", "QUIT")


@pytest.mark.parametrize(
    ("verb", "answer"),
    [(verb, HANG) for verb in STAGES]
    + [(verb, answer) for verb in ("STARTTLS", "AUTH", "QUIT") for answer in (HALF_CLOSE, CLOSE)],
)
def test_a_relay_that_hangs_at_any_stage_is_left_in_time_and_tried_again(
    runner: Runner, papers: Papers, verb: str, answer: bytes
) -> None:
    """Before the final dot nothing is in doubt; after it, exactly the one message."""
    ids = seed(runner.database, 3)
    with KeepingServer(
        once(verb, answer),
        context=papers.context,
        extensions=("PIPELINING", "STARTTLS", "AUTH PLAIN"),
        keep_anyway=True,
    ) as server:
        relay = RelaySettings(
            "localhost", server.port, "starttls", connections=1, username="ann", password="pw", ca_file=papers.ca_file
        )
        server.script = logged_in(server.script)
        started = time.monotonic()
        tally = runner.run(relay, seconds=8.0, until=lambda tally: tally.handled >= 3, timeouts=IMPATIENT)
        assert time.monotonic() - started < 8.0
    doubtful = int(verb in ("BODY", "."))
    assert (tally.sent, tally.uncertain) == (3 - doubtful, doubtful)
    assert states(runner.database)[ids[0]] == ("uncertain" if doubtful else "sent")
    assert len(server.recipients) == len(set(server.recipients)) == (2 if verb == "BODY" else 3)
    assert row(runner.database, ids[1])["attempts"] == 1


def logged_in(script):  # type: ignore[no-untyped-def]
    def with_login(session: Session, verb: str, argument: str) -> bytes | None:
        answer: bytes | None = script(session, verb, argument)
        return b"235 2.7.0 welcome\r\n" if answer is None and verb == "AUTH" else answer

    return with_login


def test_a_relay_that_never_says_goodbye_does_not_hold_up_the_next_connection(runner: Runner) -> None:
    """Each connection is renewed after two messages; each one's QUIT hangs."""
    seed(runner.database, 10)
    with KeepingServer(lambda session, verb, argument: HANG if verb == "QUIT" else None) as server:
        tally = runner.run(
            a_relay(server.port, connections=1, messages_per_connection=2),
            seconds=10.0,
            timeouts=replace(QUICK, command=60.0, quit=0.2),
        )
    assert tally.sent == 10 and len(server.sessions) == 5
