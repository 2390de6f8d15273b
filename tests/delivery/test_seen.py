"""What an operator sees of a run: a line in the log for each delivery, and metrics."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from newsletter.delivery.log import DeliveryLog
from newsletter.delivery.metrics import serve_metrics
from newsletter.delivery.tally import Tally
from newsletter.errors import SettingsError
from tests.delivery.conftest import Runner
from tests.delivery.servers import KeepingServer, Session, free_port
from tests.delivery.world import a_relay, seed


def test_logs_have_one_line_per_delivery_and_shorten_addresses(runner: Runner) -> None:
    ids = seed(runner.database, 3)
    with KeepingServer() as server:
        runner.run(a_relay(server.port))
    lines = runner.log.getvalue().splitlines()
    assert len(lines) == 3
    for key in ids:
        (line,) = [line for line in lines if f"delivery={key} " in line]
        assert "r…@example.com" in line and "250 2.0.0 kept" in line and "ms=" in line
    assert "reader0@" not in runner.log.getvalue()


def test_a_refusal_that_names_the_reader_is_logged_with_a_short_address(runner: Runner) -> None:
    seed(runner.database, 1)

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        return b"550 5.1.1 <READER0@example.com>: Recipient address rejected\r\n" if verb == "RCPT" else None

    with KeepingServer(script) as server:
        runner.run(a_relay(server.port))
    assert "Recipient address rejected" in runner.log.getvalue() and "reader0" not in runner.log.getvalue().lower()


def test_a_log_on_a_full_disk_holds_up_no_mail(runner: Runner) -> None:
    """Nor does it cost a connection for each message."""
    seed(runner.database, 100)
    told: list[str] = []
    with KeepingServer() as server, Path("/dev/full").open("w", buffering=1) as full:
        service = runner.make(a_relay(server.port))
        service.log = DeliveryLog(service.settings.log, full, told.append)
        tally = service.run()
        assert tally.sent == len(server.kept) == 100 and len(server.sessions) <= 2
        assert told == ["the log can't be written (No space left on device); sending goes on"]
        with contextlib.suppress(OSError):
            full.close()


def test_metrics_tell_the_tally() -> None:
    import urllib.request

    port = free_port()
    stop = serve_metrics(port, lambda: Tally(sent=7, deferred=2, due=5, resting=("main",)))
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        with pytest.raises(SettingsError, match=str(port)):
            serve_metrics(port, Tally)
    finally:
        stop()
    assert 'newsletter_deliveries_total{outcome="sent"} 7.0' in text
    assert "newsletter_relays_resting 1.0" in text
