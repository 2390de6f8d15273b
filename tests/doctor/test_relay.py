"""The doctor connects to the relay as a campaign would; real SMTP servers answer."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult

from newsletter.config import RelaySettings
from newsletter.doctor.diagnosis import Diagnosis, State
from newsletter.doctor.relay import examine_relay

pytestmark = [
    # aiosmtpd's own connection task ends with an error when a client hangs up in the middle of TLS.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def examine(relay: RelaySettings) -> tuple[Diagnosis, ...]:
    return asyncio.run(examine_relay("main", relay, timeout_seconds=1.0))


def authenticate(_server: object, _session: object, _envelope: object, _mechanism: str, data: object) -> AuthResult:
    return AuthResult(success=getattr(data, "password", b"") == b"right")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    controller = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=authenticate,
    )
    controller.start()
    yield controller.port
    controller.stop()
    gc.collect()  # the task is reported when it is collected: here, not in another test


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def test_a_relay_with_a_good_certificate_and_login_is_good(tls_server: int, ca_file: Path) -> None:
    relay = RelaySettings(host="localhost", port=tls_server, ca_file=ca_file, username="me", password="right")
    found = examine(relay)
    assert [item.state for item in found if item.subject in ("relay main", "relay main login")] == [
        State.GOOD,
        State.GOOD,
    ]


def test_a_refused_login_names_the_setting(tls_server: int, ca_file: Path) -> None:
    relay = RelaySettings(host="localhost", port=tls_server, ca_file=ca_file, username="me", password="wrong")
    login = next(item for item in examine(relay) if item.subject == "relay main login")
    assert login.state is State.BAD
    assert "NEWSLETTER_RELAY_PASSWORD" in login.remedy


def test_a_certificate_nobody_vouches_for_is_bad(tls_server: int) -> None:
    found = examine(RelaySettings(host="localhost", port=tls_server))
    assert found[0].state is State.BAD
    assert "certificate" in found[0].detail


@pytest.mark.parametrize(("host", "warnings"), [("127.0.0.1", 0), ("127.1", 1)])
def test_who_waits_for_every_reply_is_told_of_pipelining_unless_replies_come_at_once(host: str, warnings: int) -> None:
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())  # aiosmtpd, as `newsletter inbox`, has none
    controller.start()
    found = examine(RelaySettings(host=host, port=controller.port, security="plain"))
    controller.stop()
    assert found[0].state is State.GOOD
    assert len([item for item in found if item.subject == "relay main speed"]) == warnings


def test_a_relay_that_is_not_there_is_a_service_that_did_not_answer() -> None:
    found = examine(RelaySettings(host="127.0.0.1", port=free_port(), security="plain"))
    assert found[0].state is State.BAD
    assert found[0].is_service


def test_a_relay_on_this_machine_that_is_not_running_is_told_how_to_try_things_out() -> None:
    [diagnosis] = examine(RelaySettings(host="127.0.0.1", port=free_port(), security="plain"))
    assert diagnosis.is_service
    assert "newsletter inbox" in diagnosis.remedy
