"""A laptop's lid, a clock that wanders, a disk without room: sending waits and goes on, nothing is lost or doubled."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import Counter

from tests.delivery.conftest import Runner
from tests.delivery.processes import CONNECTIONS, put_to_sleep, slowly, start, wait_until
from tests.delivery.servers import KeepingServer, Session
from tests.delivery.world import NOW, a_relay, an_email, due, seed, states, subscribers


def another_server(gone: KeepingServer) -> KeepingServer:
    """What listens on the port of the one that is gone."""
    server = KeepingServer(slowly)
    server.port = gone.port
    return server


def test_a_laptop_that_sleeps_with_idle_connections_wakes_and_sends_what_is_due(runner: Runner) -> None:
    """Minutes later the relay has closed them all, and more is due."""
    database = runner.database
    first_ids = seed(database, 20)
    server = KeepingServer(slowly)
    with server:
        child = start(database, runner.folder, server.port)
        wait_until(lambda: set(states(database).values()) == {"sent"})
        put_to_sleep(child, database)
    with database.transaction() as connection:
        people = subscribers(connection, [f"late{number}@example.com" for number in range(50)])
        due(connection, 1, people, an_email("second"))
    with another_server(server) as awake:
        os.kill(child.pid, signal.SIGCONT)
        wait_until(lambda: set(states(database).values()) == {"sent"})
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
        assert child.returncode == 0
        assert sorted(awake.recipients) == sorted(f"late{number}@example.com" for number in range(50))
    assert len(server.kept) == len(first_ids)


def test_a_laptop_that_sleeps_in_the_middle_doubts_at_most_one_message_per_connection(runner: Runner) -> None:
    database = runner.database
    seed(database, 1000)
    server = KeepingServer(slowly)
    with server:
        child = start(database, runner.folder, server.port)
        wait_until(lambda: len(server.kept) > 50)
        put_to_sleep(child, database)
        time.sleep(0.2)
    with another_server(server) as awake:
        os.kill(child.pid, signal.SIGCONT)
        wait_until(lambda: set(states(database).values()) <= {"sent", "uncertain"})
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
        received = Counter([*server.recipients, *awake.recipients])
    found = Counter(states(database).values())
    assert max(received.values()) == 1 and found["uncertain"] <= CONNECTIONS
    assert found["sent"] <= len(received) <= found["sent"] + found["uncertain"]


def test_a_clock_that_wanders_by_hours_all_the_time_loses_and_doubles_nothing(runner: Runner) -> None:
    """Back and forth at each tenth message, with greylisting, limits per hour and a warm-up to keep straight."""
    seed(runner.database, 200)
    jumps = [hours * 3600 for hours in (-3, 5, -26, 1, 49, -12, -12, 2)]
    refused: set[str] = set()

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == "RCPT" and argument not in refused and len(refused) < 40:
            refused.add(argument)
            return b"450 4.2.0 greylisted\r\n"
        if verb == "." and len(server.kept) % 10 == 9:
            runner.clock.seconds += jumps[len(server.kept) // 10 % len(jumps)]
        return None

    with KeepingServer(script) as server:
        for _ in range(12):
            runner.run(a_relay(server.port, per_hour=3000, warm_up=(150, 500)), seconds=0.5)
            runner.clock.seconds = max(runner.clock.seconds, NOW) + 20_000
        runner.run(a_relay(server.port))
        assert len(server.recipients) == len(set(server.recipients)) == 200
    assert set(states(runner.database).values()) == {"sent"}


def test_a_disk_without_room_stops_sending_until_there_is_some(runner: Runner) -> None:
    """The system refuses a real process every octet of a file beyond the first 4096 (RLIMIT_FSIZE). What it has claimed
    and its journal has room for goes out; no more, and no outcome is forgotten."""
    database = runner.database
    seed(database, 1300)
    with KeepingServer(slowly) as server:
        child = start(database, runner.folder, server.port)
        wait_until(lambda: len(server.kept) > 50)
        hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (4096, hard))
        kept = [-1, len(server.kept)]
        while kept[-1] != kept[-2]:
            time.sleep(0.5)
            kept.append(len(server.kept))
        assert kept[-1] < 1300 and child.poll() is None  # it stands still
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (hard, hard))
        wait_until(lambda: set(states(database).values()) <= {"sent", "uncertain"}, seconds=60)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
        assert child.returncode == 0
        received = Counter(server.recipients)
    found = Counter(states(database).values())
    assert max(received.values()) == 1 and found["uncertain"] <= CONNECTIONS
    assert found["sent"] <= len(received) <= found["sent"] + found["uncertain"]
