"""What strangers say in replies, and what secrets we hold: neither reaches a log, a terminal or a traceback as it is."""

from __future__ import annotations

import io
import json
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter.config import LogSettings, RelaySettings, load_settings
from newsletter.delivery.service import Options, Service
from newsletter.errors import RelayError, SettingsError
from tests.delivery.conftest import QUICK, Runner
from tests.delivery.servers import KeepingServer
from tests.delivery.world import RING, a_relay, row, run_sql, scalars, seed, settings_for

EVIL = (
    b"550-5.1.1 no\x1b[2J\x1b]0;owned\x07 user\r\n"
    b"550-5.1.1 timestamp=x level=info event=sent delivery=999 reply=250\r\n"
    b"550 5.1.1 \xe2\x80\xae\xc2\x9b31m\xe2\x80\xa8 [bold]red[/bold] \x00\x7f end\r\n"
)


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_reply_can_neither_forge_a_line_of_the_log_nor_steer_a_terminal(runner: Runner, kind: str) -> None:
    ids = seed(runner.database, 1)
    log = io.StringIO()
    with KeepingServer(lambda session, verb, argument: EVIL if verb == "RCPT" else None) as server:
        settings = replace(
            settings_for(runner.database, runner.folder, a_relay(server.port)),
            log=LogSettings(format=kind),  # type: ignore[arg-type]
        )
        options = Options(until_idle=True, timeouts=QUICK)
        Service(
            settings, runner.database, RING, runner.clock, plan=None, options=options, log=log, environment={}
        ).run()
    lines = [line for line in log.getvalue().splitlines() if f"{ids[0]}" in line and "failed" in line]
    assert len(lines) == 1 and "end" in lines[0]
    assert len(log.getvalue().splitlines()) == log.getvalue().count("\n")
    if kind == "json":
        assert all(isinstance(json.loads(line), dict) for line in log.getvalue().splitlines())
    kept = str(row(runner.database, ids[0])["reply"])
    for text in (log.getvalue().replace("\n", ""), kept.replace("\n", "")):
        assert text.isprintable()


def test_what_a_relay_said_is_shown_and_not_obeyed(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither escape codes nor rich's own markup in an alert or a reply change how `campaign status` looks."""
    from newsletter.cli import command

    seed(runner.database, 1)
    with KeepingServer(
        lambda session, verb, argument: (
            EVIL.replace(b"550", b"554").replace(b"5.1.1", b"5.7.1") if verb == "MAIL" else None
        )
    ) as server:
        runner.run(a_relay(server.port), seconds=1.0, until=lambda tally: False)
    assert scalars(runner.database, "SELECT count(*) FROM alert") == [1]
    (runner.folder / "newsletter.toml").write_text('[sender]\naddress = "a@news.example.org"\n')
    monkeypatch.chdir(runner.folder)
    result = CliRunner().invoke(command, ["campaign", "status"], catch_exceptions=False)
    assert "\x1b]0" not in result.output and "\x1b[2J" not in result.output and "\x9b" not in result.output


def test_passwords_are_in_no_representation_log_or_traceback(runner: Runner) -> None:
    seed(runner.database, 1)
    relay = a_relay(1, username="ann", password="hunter2-secret")
    assert "hunter2" not in repr(relay) and "hunter2" not in str(settings_for(runner.database, runner.folder, relay))
    with KeepingServer(
        lambda session, verb, argument: b"535 5.7.8 bad credentials\r\n" if verb == "AUTH" else None,
        extensions=("AUTH PLAIN LOGIN CRAM-MD5",),
    ) as server:
        runner.run(replace(relay, port=server.port), seconds=1.0, until=lambda tally: False)
        from tests.delivery.test_security import send

        try:
            send(replace(relay, port=server.port))
        except RelayError as error:
            said = "".join(traceback.format_exception(error))
        assert "hunter2" not in said + runner.log.getvalue()
    assert "hunter2" not in "".join(map(str, scalars(runner.database, "SELECT message FROM alert")))


@pytest.mark.parametrize(
    "host", ["mail.example.com", "10.0.0.7", "0.0.0.0", "169.254.169.254", "localhost.evil.example"]
)
def test_mail_and_passwords_leave_the_machine_under_tls_only(tmp_path: Path, host: str) -> None:
    file = tmp_path / "newsletter.toml"
    file.write_text(f'[relay]\nhost = "{host}"\nsecurity = "plain"\n')
    with pytest.raises(SettingsError, match="unencrypted"):
        load_settings(file, {})


def test_tls_is_asked_for_unless_the_operator_says_otherwise() -> None:
    from newsletter.delivery.smtp.handshake import tls_context

    assert RelaySettings().security == "starttls"
    context = tls_context(RelaySettings())
    assert context.check_hostname and context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"


@pytest.mark.parametrize(
    "value", ["x\r\nBcc: evil@example.com", "x\nRCPT TO:<evil@example.com>", "x\r\n.\r\nMAIL FROM:<>"]
)
def test_what_a_subscriber_is_called_adds_no_header_recipient_or_message(runner: Runner, value: str) -> None:
    seed(runner.database, 2)
    run_sql(runner.database, "UPDATE subscriber SET name = :value", value=value)
    with KeepingServer() as server:
        runner.run(a_relay(server.port, connections=1))
        assert all("evil" not in command for session in server.sessions for command in session.commands)
    for kept in server.kept:
        head = kept.data.partition(b"\r\n\r\n")[0]
        assert b"\r\nBcc:" not in head and b"\nRCPT" not in kept.data
        assert kept.data.count(b"\n") == kept.data.count(b"\r") == kept.data.count(b"\r\n")
    assert len(server.kept) <= 2


def test_files_with_secrets_and_mails_are_the_owners_alone(runner: Runner) -> None:
    from newsletter.delivery.journal import Journal
    from newsletter.delivery.outbox import outbox_of

    seed(runner.database, 1)
    runner.run(outbox=outbox_of(str(runner.folder / "out")))
    journal = Journal(runner.folder / "journal", "w1")
    (mail,) = (runner.folder / "out").glob("*.eml")
    for path in (mail, journal.path):
        assert path.stat().st_mode & 0o077 == 0
    journal.close()
