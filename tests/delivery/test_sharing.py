"""Two real `newsletter run` on one PostgreSQL database share the work, and either may die."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from newsletter.store.database import Database
from tests.delivery.conftest import Runner
from tests.delivery.processes import CONNECTIONS, put_to_sleep, slowly, start, wait_until
from tests.delivery.servers import KeepingServer, Session
from tests.delivery.world import a_relay, run_sql, scalars, seed, states


def test_two_runs_share_the_work_and_when_one_is_killed_the_other_takes_over(
    postgresql_database: Database, tmp_path: Path
) -> None:
    database = postgresql_database
    seed(database, 1500)
    first: list[int] = []  # connections of the second one have this number or a higher one

    def both(least: int) -> bool:
        messages = Counter(kept.session for kept in server.kept)
        return bool(first) and sum(messages[number] for number in range(first[0], len(server.sessions))) >= least

    def slower_until_both_send(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == ".":
            time.sleep(0.001 if both(20) else 0.02)
        return None

    with KeepingServer(slower_until_both_send) as server:
        one = start(database, tmp_path, server.port)
        wait_until(lambda: len(server.kept) > 10)
        first.append(len(server.sessions))
        other = start(database, tmp_path, server.port)
        wait_until(lambda: both(20))
        assert one.poll() is None and other.poll() is None
        one.kill()
        one.communicate()
        claimed = len(scalars(database, "SELECT id FROM delivery WHERE state = 'claimed' FOR SHARE SKIP LOCKED"))
        assert claimed > 0
        run_sql(database, "UPDATE lease SET until = 0")  # a minute later
        wait_until(lambda: set(states(database).values()) <= {"sent", "uncertain"}, seconds=60)
        other.send_signal(signal.SIGTERM)
        other.communicate(timeout=20)
        assert other.returncode == 0
        received = Counter(server.recipients)
    assert max(received.values()) == 1
    found = Counter(states(database).values())
    assert found["uncertain"] <= CONNECTIONS
    assert found["sent"] <= len(received) <= found["sent"] + found["uncertain"]


def test_a_worker_of_another_machine_that_died_is_replaced_when_its_lease_has_run_out(
    postgresql_database: Database, tmp_path: Path
) -> None:
    """Its journal is out of reach: what it had claimed is uncertain, never sent blindly; the rest goes out."""
    database = postgresql_database
    seed(database, 1500)
    (tmp_path / "there").mkdir()
    with KeepingServer(slowly) as server:
        one = start(database, tmp_path / "there", server.port)
        wait_until(lambda: len(server.kept) > 50)
        one.kill()
        one.communicate()
        kept = set(server.recipients)
        runner = Runner(database, tmp_path)
        runner.run(a_relay(server.port))
        held = scalars(database, "SELECT count(*) FROM delivery WHERE state = 'claimed'")
        assert int(str(held[0])) > 0  # its lease still runs: nobody touches what it has in hand
        run_sql(database, "UPDATE lease SET until = 0")
        runner.run(a_relay(server.port))
        received = Counter(server.recipients)
    assert max(received.values()) == 1
    found = states(database)
    assert set(found.values()) == {"sent", "uncertain"}
    sent = scalars(
        database, "SELECT s.address FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id WHERE d.state = 'sent'"
    )
    assert set(sent) <= set(received) and kept <= set(received)


def test_a_worker_that_slept_for_longer_than_its_lease_lets_go_of_what_it_did_not_send(
    postgresql_database: Database, tmp_path: Path
) -> None:
    """Another machine has taken it for dead and all that it had claimed for uncertain; it knows better."""
    database = postgresql_database
    seed(database, 1000)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    with KeepingServer(slowly) as server:
        asleep = start(database, tmp_path / "here", server.port)
        wait_until(lambda: len(server.kept) > 50)
        put_to_sleep(asleep, database)
        run_sql(database, "UPDATE lease SET until = 0")
        other = start(database, tmp_path / "there", server.port)
        wait_until(lambda: "uncertain" in states(database).values())
        other.send_signal(signal.SIGTERM)
        other.communicate(timeout=20)
        os.kill(asleep.pid, signal.SIGCONT)
        wait_until(lambda: list(states(database).values()).count("uncertain") <= CONNECTIONS)
        wait_until(lambda: set(states(database).values()) <= {"sent", "uncertain"})
        asleep.send_signal(signal.SIGTERM)
        asleep.communicate(timeout=20)
        received = Counter(server.recipients)
    found = Counter(states(database).values())
    assert max(received.values()) == 1
    assert found["uncertain"] <= CONNECTIONS and found["sent"] <= len(received) <= 1000


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGKILL])
def test_a_backend_killed_in_the_middle_of_a_commit_loses_and_doubles_nothing(
    postgresql_database: Database, postgresql: str, tmp_path: Path, blow: signal.Signals
) -> None:
    """A trigger holds up each commit of outcomes. SIGKILL makes PostgreSQL restart and recover as after a crash."""
    database = postgresql_database
    runner = Runner(database, tmp_path)
    seed(database, 400)
    run_sql(
        database,
        "CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.15); RETURN NULL; END $$",
    )
    run_sql(
        database,
        "CREATE CONSTRAINT TRIGGER hold_up AFTER INSERT OR UPDATE ON traffic "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_up()",
    )
    struck: list[int] = []
    over = threading.Event()
    committing = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query ILIKE 'COMMIT%%' AND state = 'active'"

    def strike() -> None:
        while len(struck) < 3 and not over.wait(0.1):
            try:
                with psycopg.connect(postgresql.format(name="postgres"), autocommit=True) as connection:
                    while not (found := connection.execute(committing, (database.engine.url.database,)).fetchone()):
                        if over.wait(0.005):
                            return
                    os.kill(found[0], blow)
                    struck.append(found[0])
            except psycopg.OperationalError:
                continue  # it is recovering

    striker = threading.Thread(target=strike)
    with KeepingServer(slowly) as server:
        striker.start()
        tally = runner.run(a_relay(server.port), seconds=40)
        over.set()
        striker.join()
        received = Counter(server.recipients)
    assert len(struck) >= 2
    assert tally.sent == 400 and max(received.values()) == 1 and len(received) == 400
    assert set(states(database).values()) == {"sent"}
