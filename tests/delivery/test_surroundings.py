"""Disk full, database locked or gone, clock set back: sending stops or waits, and nothing is lost or doubled."""

from __future__ import annotations

import sqlite3
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter.delivery import append_file
from newsletter.delivery.rehearsal import rehearse
from newsletter.store.database import Database
from tests.delivery.conftest import Runner
from tests.delivery.processes import slowly
from tests.delivery.servers import KeepingServer, Session, free_port
from tests.delivery.world import NOW, RING, a_relay, run_sql, scalars, seed, settings_for, states, write_keys


def test_while_the_journal_can_not_be_written_nothing_is_sent(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(runner.database, 300)
    full = threading.Event()
    write = append_file.os.pwrite

    def short_of_space(descriptor: int, data: bytes, offset: int) -> int:
        if full.is_set():
            raise OSError(28, "No space left on device")
        return write(descriptor, data, offset)

    monkeypatch.setattr(append_file, "RESERVED_TOGETHER", 64)  # so that nearly every append asks for room
    monkeypatch.setattr(append_file.os, "pwrite", short_of_space)
    at_full: list[int] = []

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == "." and len(server.kept) == 50 and not full.is_set():
            full.set()
            threading.Timer(0.6, lambda: (at_full.append(len(server.kept)), full.clear())).start()
        return None

    with KeepingServer(script) as server:
        tally = runner.run(a_relay(server.port))
    assert tally.sent == 300 and len(server.kept) == len(set(server.recipients)) == 300
    assert at_full[0] <= 55
    assert "journal can't be written" in runner.log.getvalue()


def test_a_database_that_is_locked_for_long_is_waited_for(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(runner.database, 100)
    run_sql(runner.database, "SELECT 1")
    path = str(runner.database.engine.url.database)

    def lock() -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(1.5)
        other.execute("ROLLBACK")
        other.close()

    locker = threading.Thread(target=lock)
    with KeepingServer() as server:
        locker.start()
        tally = runner.run(a_relay(server.port))
        locker.join()
    assert tally.sent == 100 and len(set(server.recipients)) == len(server.recipients) == 100


def test_postgresql_restarted_in_the_middle_loses_and_doubles_nothing(
    postgresql_database: Database, postgresql: str, tmp_path: Path
) -> None:
    """Every connection of the sender is cut, three times, as a restart does."""
    import psycopg

    runner = Runner(postgresql_database, tmp_path)
    seed(postgresql_database, 600)

    def cut() -> None:
        with psycopg.connect(postgresql.format(name="postgres"), autocommit=True) as connection:
            for _ in range(3):
                time.sleep(0.3)
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    (postgresql_database.engine.url.database,),
                )

    def slowly(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == ".":
            time.sleep(0.002)
        return None

    cutter = threading.Thread(target=cut)
    with KeepingServer(slowly) as server:
        cutter.start()
        tally = runner.run(a_relay(server.port), seconds=20)
        cutter.join()
    assert tally.sent == 600 and len(set(server.recipients)) == len(server.recipients) == 600
    assert set(states(postgresql_database).values()) == {"sent"}


def test_a_postgresql_that_only_reads_for_a_while_is_waited_for_and_told_of_once(
    postgresql_database: Database, postgresql: str, tmp_path: Path
) -> None:
    """A failover: who was the primary answers, and refuses to write."""
    import psycopg

    name = postgresql_database.engine.url.database
    runner = Runner(postgresql_database, tmp_path)
    seed(postgresql_database, 200)

    def only_read(value: str) -> None:
        with psycopg.connect(postgresql.format(name="postgres"), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}'.encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    def fail_over() -> None:
        while len(server.kept) < 30:
            time.sleep(0.005)
        only_read("on")
        time.sleep(1.5)
        only_read("off")

    operator = threading.Thread(target=fail_over)
    with KeepingServer(slowly) as server:
        operator.start()
        runner.run(a_relay(server.port), seconds=20)
        operator.join()
    assert len(set(server.recipients)) == len(server.recipients) == 200
    assert set(states(postgresql_database).values()) == {"sent"}
    told = [line for line in runner.log.getvalue().splitlines() if "cannot execute UPDATE" in line]
    assert len(told) == 1


@pytest.mark.parametrize("jump", [-timedelta(days=1), timedelta(days=1)])
def test_a_clock_that_jumps_while_sending_doubles_nothing(runner: Runner, jump: timedelta) -> None:
    seed(runner.database, 200)

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == "." and len(server.kept) == 50:
            runner.clock.seconds += jump.total_seconds()
        return None

    with KeepingServer(script) as server:
        runner.run(a_relay(server.port))
        runner.clock.seconds = NOW + 1
        runner.run(a_relay(server.port))
    assert len(server.recipients) == len(set(server.recipients)) == 200


def test_suppressed_while_waiting_in_the_queue_means_not_sent(runner: Runner) -> None:
    """Two a second: what is queued waits, and is asked about again before it goes."""
    seed(runner.database, 20)
    with KeepingServer() as server:

        def leave() -> None:
            while len(server.kept) < 5:
                time.sleep(0.01)
            run_sql(
                runner.database,
                "INSERT INTO suppression (address_hash, scope, reason, at) SELECT address_hash, 'unions', 'unsubscribed', 0 FROM subscriber",
            )
            gone.append(len(server.kept))

        gone: list[int] = []
        threading.Thread(target=leave).start()
        runner.run(a_relay(server.port, per_second=4.0))
        assert len(server.kept) <= gone[0] + 1
    assert set(states(runner.database).values()) == {"sent", "suppressed"}


def test_erased_between_claim_and_sending_means_not_sent(runner: Runner) -> None:
    """Person, delivery and all are gone while the mail waits in the queue: it goes nowhere, and nobody stumbles."""
    from newsletter.store.subscribers import remove_subscriber

    seed(runner.database, 20)
    gone: list[str] = []
    with KeepingServer() as server:

        def erase() -> None:
            while len(server.kept) < 5:
                time.sleep(0.01)
            with runner.database.transaction() as connection:
                for person, address in connection.exec_driver_sql("SELECT id, address FROM subscriber").all():
                    if address not in server.recipients:
                        remove_subscriber(connection, person)
                        gone.append(address)

        eraser = threading.Thread(target=erase)
        eraser.start()
        tally = runner.run(a_relay(server.port, per_second=4.0))
        eraser.join()
        assert len(gone) >= 10 and len(set(server.recipients) & set(gone)) <= 1  # one was being said when they went
    assert tally.unsent >= 1 and tally.failed == tally.uncertain == 0
    assert set(states(runner.database).values()) == {"sent"}


@pytest.mark.parametrize("state", ["paused", "cancelled"])
def test_a_campaign_paused_or_cancelled_while_sending_stops_at_once(runner: Runner, state: str) -> None:
    seed(runner.database, 60)
    with KeepingServer() as server:

        def change() -> None:
            while len(server.kept) < 6:
                time.sleep(0.01)
            run_sql(runner.database, "UPDATE campaign SET state = :state", state=state)
            gone.append(len(server.kept))

        gone: list[int] = []
        threading.Thread(target=change).start()
        runner.run(a_relay(server.port, per_second=5.0), seconds=20.0)
        assert len(server.kept) <= gone[0] + 1
    assert "claimed" not in states(runner.database).values()


def test_a_rehearsal_changes_nothing(runner: Runner) -> None:
    seed(runner.database, 5)
    before = scalars(runner.database, "SELECT state || coalesce(worker, '') FROM delivery")
    planned: list[object] = []
    settings = settings_for(runner.database, runner.folder, a_relay(free_port()))
    found = rehearse(settings, runner.database, RING, runner.clock, plan=planned.append, limit=None)
    assert (found.due, found.pages, found.broken) == (5, {("unions", "welcome"): 5}, [])
    assert scalars(runner.database, "SELECT state || coalesce(worker, '') FROM delivery") == before and planned


def test_a_worker_needs_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from newsletter.cli import command
    from newsletter.errors import UsageError

    (tmp_path / "newsletter.toml").touch()
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["worker"])
    assert isinstance(result.exception, UsageError) and "one sender" in result.exception.message


def test_run_writes_an_outbox_and_says_what_it_did(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    from newsletter.cli import command

    seed(runner.database, 4)
    (runner.folder / "newsletter.toml").write_text(
        '[sender]\naddress = "a@news.example.org"\n[web]\nurl = "https://news.example.org"\n'
    )
    write_keys(runner.folder)
    monkeypatch.chdir(runner.folder)
    rehearsed = CliRunner().invoke(command, ["run", "--dry-run"], catch_exceptions=False)
    assert rehearsed.output.startswith("4 messages would go out now") and rehearsed.exit_code == 0
    result = CliRunner().invoke(command, ["run", "--outbox", "out", "--until-idle"], catch_exceptions=False)
    assert result.exit_code == 0 and "sent 4" in result.output
    assert len(list((runner.folder / "out").glob("*.eml"))) == 4


def test_a_claim_whose_answer_was_lost_is_found_again(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit went through, then the connection broke: nobody holds these rows, yet they bear our name."""
    from newsletter.delivery.ledger import Ledger
    from newsletter.errors import StoreError
    from newsletter.store.deliveries import Claim

    seed(runner.database, 20)
    claim = Ledger.claim
    broken: list[int] = []

    def claim_and_break(self: Ledger, limit: int) -> list[Claim]:
        found = claim(self, limit)
        if not broken and found:
            broken.append(len(found))
            raise StoreError("the connection was lost")
        return found

    monkeypatch.setattr(Ledger, "claim", claim_and_break)
    with KeepingServer() as server:
        tally = runner.run(a_relay(server.port))
    assert broken == [20] and tally.sent == 20 and len(set(server.recipients)) == 20


def test_a_run_that_ends_on_a_fault_leaves_nothing_in_doubt(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever nobody thought of: what was claimed and not sent is due, what was sent is recorded."""
    from newsletter.delivery.packer import Packer

    seed(runner.database, 600)
    clear = Packer.clear
    calls: list[int] = []

    def clear_then_fail(self: Packer, parcels: list[object]) -> object:
        calls.append(len(parcels))
        if len(calls) == 4:
            raise RuntimeError("what nobody thought of")
        return clear(self, parcels)  # type: ignore[arg-type]

    monkeypatch.setattr(Packer, "clear", clear_then_fail)
    with KeepingServer() as server:
        with pytest.raises(RuntimeError, match="nobody thought of"):
            runner.run(a_relay(server.port))
        found = list(states(runner.database).values())
        assert set(found) <= {"due", "sent", "uncertain"} and "due" in found
        assert found.count("uncertain") <= 2  # connections that were cut between dot and reply
        monkeypatch.undo()
        runner.run(a_relay(server.port))
    assert len(server.recipients) == len(set(server.recipients))
    assert set(states(runner.database).values()) <= {"sent", "uncertain"}
