"""kill -9, SIGTERM, SIGSTOP: what a person could do to a running sender."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from newsletter.config import DatabaseSettings, Settings
from newsletter.delivery.recovery import recover
from newsletter.delivery.service import journal_folder, lock_path
from newsletter.errors import AlreadyRunningError
from newsletter.store.database import Database
from tests.delivery.conftest import Runner
from tests.delivery.processes import CONNECTIONS, put_to_sleep, slowly, start, wait_until
from tests.delivery.servers import KeepingServer
from tests.delivery.world import a_relay, run_sql, scalars, seed, states


def test_killed_at_random_instants_nothing_is_lost_and_nothing_is_sent_twice(
    database: Database, tmp_path: Path
) -> None:
    ids = seed(database, 500)
    chance = random.Random(4)
    with KeepingServer(slowly) as server:
        for _ in range(3):
            before = len(server.kept)
            child = start(database, tmp_path, server.port)
            wait_until(lambda before=before: len(server.kept) > before)
            time.sleep(chance.uniform(0.0, 0.12))
            child.kill()
            child.communicate()
        last = start(database, tmp_path, server.port, until_idle=True)
        last.communicate(timeout=40)
        assert last.returncode == 0
        time.sleep(0.1)
        received = Counter(server.recipients)
    assert max(received.values()) == 1
    found = states(database)
    uncertain = [key for key, state in found.items() if state == "uncertain"]
    assert len(uncertain) <= 3 * CONNECTIONS
    assert Counter(found.values()) == Counter(sent=len(ids) - len(uncertain), uncertain=len(uncertain))
    sent = scalars(
        database, "SELECT s.address FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id WHERE d.state = 'sent'"
    )
    assert set(sent) <= set(received)  # 0 lost
    doubtful = scalars(
        database,
        "SELECT s.address FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id WHERE d.state = 'uncertain'",
    )
    assert set(received) <= set(sent) | set(doubtful)


def test_a_second_run_is_refused_and_told_who_runs(runner: Runner) -> None:
    seed(runner.database, 1)
    with KeepingServer(
        lambda session, verb, argument: b"250 1\r\n" if verb == "EHLO" and time.sleep(1.0) else None
    ) as server:
        child = start(runner.database, runner.folder, server.port)
        wait_until(lambda: bool(server.sessions))
        with pytest.raises(AlreadyRunningError, match=str(child.pid)):
            runner.run(a_relay(server.port))
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=10)


def test_a_database_with_two_names_has_one_run(runner: Runner) -> None:
    """A link to the SQLite file from another folder: SQLite sees one file, and so must the lock and the journal."""
    seed(runner.database, 1)
    elsewhere = runner.folder / "elsewhere"
    elsewhere.mkdir()
    file = Path(str(runner.database.engine.url.database))
    (elsewhere / "linked.db").symlink_to(file)
    names = [
        Settings(root=folder, database=DatabaseSettings(url=f"sqlite:///{name}"))
        for folder, name in ((file.parent, file.name), (elsewhere, "linked.db"))
    ]
    assert len({lock_path(settings) for settings in names}) == 1
    assert len({journal_folder(settings) for settings in names}) == 1


def test_sigterm_ends_the_messages_in_hand_and_releases_the_rest(runner: Runner) -> None:
    seed(runner.database, 2000)
    with KeepingServer(slowly) as server:
        child = start(runner.database, runner.folder, server.port)
        wait_until(lambda: len(server.kept) > 20)
        child.send_signal(signal.SIGTERM)
        output, _ = child.communicate(timeout=10)
        assert child.returncode == 0
        kept = len(server.kept)
    assert int(output) == kept
    counted = Counter(states(runner.database).values())
    assert counted == Counter(sent=kept, due=2000 - kept)
    assert list((runner.folder / "journal").iterdir()) == []


def test_a_second_ctrl_c_leaves_at_once_and_what_hangs_is_uncertain(runner: Runner) -> None:
    from tests.delivery.servers import HANG

    seed(runner.database, 1)
    with KeepingServer(lambda session, verb, argument: HANG if verb == "." else None) as server:
        child = start(runner.database, runner.folder, server.port)
        wait_until(lambda: bool(server.sessions) and "DATA" in server.sessions[0].commands)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert child.poll() is None  # the first one waits for the relay
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=5)
    assert set(states(runner.database).values()) == {"uncertain"}


def test_unsubscribed_while_the_process_sleeps_means_not_sent(runner: Runner) -> None:
    """SIGSTOP stands for a laptop's lid: what was queued before is asked about again after."""
    seed(runner.database, 3000)
    with KeepingServer(slowly) as server:
        child = start(runner.database, runner.folder, server.port)
        wait_until(lambda: len(server.kept) > 20)
        put_to_sleep(child, runner.database)
        time.sleep(0.3)
        in_flight = len(server.kept)
        run_sql(
            runner.database,
            "INSERT INTO suppression (address_hash, scope, reason, at) SELECT address_hash, '', 'unsubscribed', 0 FROM subscriber",
        )
        os.kill(child.pid, signal.SIGCONT)
        wait_until(
            lambda: "due" not in states(runner.database).values() and "claimed" not in states(runner.database).values()
        )
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=10)
        # A message whose envelope is on its way when everything stops may still follow: one per connection.
        assert len(server.kept) <= in_flight + CONNECTIONS


def test_recovery_takes_well_under_five_seconds(sqlite_database: Database, tmp_path: Path) -> None:
    from newsletter.delivery.journal import Journal, Key
    from newsletter.store import deliveries
    from newsletter.store.campaigns import running_campaigns
    from tests.delivery.world import NOW

    seed(sqlite_database, 1000)
    journal = Journal(tmp_path, "w1")
    with sqlite_database.transaction() as connection:
        claims = deliveries.claim(connection, "w1", running_campaigns(connection), 1000, NOW)
    journal.release([Key(claim.id, claim.attempts) for claim in claims])
    journal.close()
    (found,) = recover(sqlite_database, tmp_path, NOW)
    assert found.released == 1000
