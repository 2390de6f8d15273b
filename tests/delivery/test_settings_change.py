"""newsletter.toml is changed while the run goes on: what it says holds within a second, and nothing is forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.config import RelaySettings, load_settings
from newsletter.delivery.domains import Domains
from newsletter.delivery.service import Options, Service
from newsletter.delivery.tally import Tally
from newsletter.delivery.throttle import RelayLimits
from newsletter.store.planning import hold_deliveries
from tests.delivery.conftest import QUICK, Runner
from tests.delivery.processes import wait_until
from tests.delivery.servers import HANG, KeepingServer, Session, free_port
from tests.delivery.world import NOW, RING, run_sql, scalars, seed, settings_for, states


def toml(**relays: RelaySettings) -> str:
    lines = []
    for name, relay in relays.items():
        lines += [
            f"[relays.{name}]",
            f'host = "{relay.host}"',
            f"port = {relay.port}",
            f'security = "{relay.security}"',
        ]
        lines += [f"connections = {relay.connections}", f"weight = {relay.weight}", f"per_second = {relay.per_second}"]
        lines += [f"per_hour = {relay.per_hour}", f"domain_per_hour = {relay.domain_per_hour}"]
        lines += [f"warm_up = {list(relay.warm_up)}"]
    return "\n".join(lines) + "\n"


class Running:
    """A service that reads its relays from a file, and may be given others while it runs."""

    def __init__(self, runner: Runner, **relays: RelaySettings) -> None:
        self.file: Path = runner.folder / "newsletter.toml"
        self.runner = runner
        self._stamp = 1_000_000_000
        self.write(toml(**relays))
        settings = settings_for(runner.database, runner.folder)
        settings = replace(settings, file=self.file, relays=load_settings(self.file, {}).relays)
        options = Options(until_idle=False, timeouts=QUICK)
        self.service = Service(
            settings, runner.database, RING, runner.clock, plan=None, options=options, log=runner.log, environment={}
        )

    def write(self, text: str) -> None:
        import os

        self.file.write_text(text)
        self._stamp += 1
        os.utime(self.file, (self._stamp, self._stamp))

    def run(self, *steps: Callable[[], object]) -> Tally:
        """Run while another thread takes `steps`; then stop."""
        faults: list[BaseException] = []

        def act() -> None:
            try:
                for step in steps:
                    step()
            except BaseException as fault:  # noqa: BLE001 - raised again below
                faults.append(fault)
            finally:
                self.service.stop()

        actor = threading.Thread(target=act)
        actor.start()
        tally = self.service.run()
        actor.join()
        if faults:
            raise faults[0]
        return tally


def relay(port: int, **changes: object) -> RelaySettings:
    return replace(RelaySettings("127.0.0.1", port, "plain", connections=2), **changes)  # type: ignore[arg-type]


def test_a_weight_changed_while_running_moves_the_traffic(runner: Runner) -> None:
    seed(runner.database, 400)
    with KeepingServer() as one, KeepingServer() as other:
        running = Running(runner, one=relay(one.port, per_second=100.0), other=relay(other.port, weight=0))
        before: list[int] = []

        def swap() -> None:
            before.extend((len(one.kept), len(other.kept)))
            running.write(toml(one=relay(one.port, weight=0), other=relay(other.port)))

        running.run(
            lambda: wait_until(lambda: len(one.kept) > 20),
            swap,
            lambda: wait_until(lambda: set(states(runner.database).values()) == {"sent"}),
        )
        assert before[1] == 0 and len(one.kept) < 250 and len(other.kept) > 150
        assert len({*one.recipients, *other.recipients}) == len(one.kept) + len(other.kept) == 400


def test_a_relay_taken_out_while_running_leaves_its_queue_to_the_others(runner: Runner) -> None:
    """It hangs with two messages in hand; what waited for it goes out at once through the other."""
    seed(runner.database, 60)

    def hangs(session: Session, verb: str, argument: str) -> bytes | None:
        return HANG if verb == "MAIL" else None

    with KeepingServer(hangs) as stuck, KeepingServer() as good:
        running = Running(runner, stuck=relay(stuck.port))
        running.run(
            lambda: wait_until(lambda: len(stuck.sessions) == 2),
            lambda: running.write(toml(good=relay(good.port))),
            lambda: wait_until(lambda: len(good.kept) >= 58, seconds=5.0),
            lambda: wait_until(lambda: len(good.kept) == 60),
        )
        assert not stuck.kept and len(set(good.recipients)) == 60
    assert set(states(runner.database).values()) == {"sent"}


def test_a_domains_limit_raised_while_running_lets_those_go_who_waited_for_it(runner: Runner) -> None:
    """They had been given their turns hours later."""
    seed(runner.database, 20)
    with KeepingServer() as server:
        running = Running(runner, main=relay(server.port, domain_per_hour=4))

        def due_later() -> int:
            return int(str(scalars(runner.database, f"SELECT count(*) FROM delivery WHERE due_at > {NOW}")[0]))

        running.run(
            lambda: wait_until(lambda: due_later() == 16),
            lambda: running.write(toml(main=relay(server.port, domain_per_hour=12))),
            lambda: wait_until(lambda: len(server.kept) >= 12),
            lambda: wait_until(lambda: due_later() == 8),
            lambda: time.sleep(0.3),
        )
        assert len(server.kept) == len(set(server.recipients)) == 12  # the first four stay counted


def test_saving_the_settings_at_night_wakes_nobody(runner: Runner) -> None:
    """What waits for its readers' morning waits on, also what a limit had put off before."""
    seed(runner.database, 20)
    with KeepingServer() as server:
        running = Running(runner, main=relay(server.port, domain_per_hour=4))

        def hold_till_morning() -> None:
            run_sql(
                runner.database,
                "INSERT INTO enrollment (campaign_id, subscriber_id, state, zone, enrolled_at) "
                "SELECT 1, id, 'active', 'UTC', 0 FROM subscriber",
            )
            with runner.database.transaction() as connection:
                assert hold_deliveries(connection, 1, NOW + 86_400, {"UTC": NOW + 90_000}) == 16

        def is_put_off() -> bool:
            return scalars(runner.database, f"SELECT count(*) FROM delivery WHERE due_at > {NOW}") == [16]

        running.run(
            lambda: wait_until(is_put_off),
            hold_till_morning,
            lambda: running.write(toml(main=relay(server.port))),
            lambda: wait_until(lambda: "settings read again" in runner.log.getvalue()),
            lambda: time.sleep(0.5),
        )
        assert len(server.kept) == 4
    assert sorted(states(runner.database).values()) == ["due"] * 16 + ["sent"] * 4
    assert scalars(runner.database, "SELECT DISTINCT due_at FROM delivery WHERE state = 'due'") == [NOW + 90_000]


def test_what_went_today_stays_counted_when_limits_change(runner: Runner) -> None:
    seed(runner.database, 30)
    with KeepingServer() as server:
        running = Running(runner, main=relay(server.port, warm_up=(10, 500)))
        running.run(
            lambda: wait_until(lambda: len(server.kept) == 10),
            lambda: running.write(toml(main=relay(server.port, warm_up=(10, 500), per_second=500.0))),
            lambda: time.sleep(1.0),
        )
        assert len(server.kept) == 10


def test_the_hour_stays_counted_when_its_limit_changes() -> None:
    limits = RelayLimits(0, 60, ())
    for number in range(60):
        limits.take(7200.0 + number)
    limits.change(0, 90, ())
    taken = 0
    while limits.wait(100.0, 7300.0) <= 0:
        limits.take(7300.0)
        taken += 1
    assert 0 < taken <= 30
    domains = Domains(per_hour=2)
    domains.rest("strict.example", 0.0, 900)
    assert [domains.wait("a.example", 0.0) > 0 for _ in range(3)] == [False, False, True]
    domains.change(3)
    assert [domains.wait("a.example", 1.0) > 0 for _ in range(2)] == [False, True]
    assert domains.wait("strict.example", 1.0) == pytest.approx(899)


def test_saving_the_settings_tries_a_resting_relay_at_once(runner: Runner) -> None:
    """Ten minutes of rest for a refused sender: who mended it need not wait."""
    seed(runner.database, 5)
    refusing = [True]

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        return b"550 5.7.1 sender not allowed\r\n" if verb == "MAIL" and refusing else None

    def mend() -> None:
        refusing.clear()
        running.write(toml(main=relay(server.port)))

    with KeepingServer(script) as server:
        running = Running(runner, main=relay(server.port))
        running.run(
            lambda: wait_until(lambda: scalars(runner.database, "SELECT count(*) FROM alert") == [1]),
            mend,
            lambda: wait_until(lambda: len(server.kept) == 5, seconds=8.0),
        )
    assert set(states(runner.database).values()) == {"sent"}


def test_settings_with_a_slip_are_told_and_the_old_ones_stay(runner: Runner) -> None:
    seed(runner.database, 200)
    with KeepingServer() as server:
        running = Running(runner, main=relay(server.port, per_second=40.0))
        running.run(
            lambda: wait_until(lambda: len(server.kept) > 5),
            lambda: running.write("[relays.main]\nper_secnod = 3\n"),
            lambda: wait_until(lambda: "the old ones stay" in runner.log.getvalue()),
            lambda: wait_until(lambda: len(server.kept) > 60),
        )
    assert "per_secnod" in runner.log.getvalue()


def test_the_spare_takes_over_in_the_middle_and_gives_back(runner: Runner) -> None:
    """The first relay goes away with mail in hand, the second takes over; when the first is back, it is used again."""
    seed(runner.database, 300)
    first, spare = KeepingServer(), KeepingServer()
    first.port = free_port()
    first.__enter__()
    again = KeepingServer()
    with spare:
        running = Running(
            runner, first=relay(first.port, per_second=60.0), spare=relay(spare.port, weight=0, per_second=60.0)
        )
        running.run(
            lambda: wait_until(lambda: len(first.kept) > 10),
            lambda: first.__exit__(),
            lambda: wait_until(lambda: len(spare.kept) > 10),
            lambda: setattr(again, "port", first.port),
            lambda: again.__enter__(),
            lambda: wait_until(lambda: len(again.kept) > 10),
        )
        again.__exit__()
        kept = [*first.recipients, *spare.recipients, *again.recipients]
    assert len(kept) == len(set(kept))


def test_a_campaigns_relay_is_changed_while_running(runner: Runner) -> None:
    seed(runner.database, 200)
    with KeepingServer() as one, KeepingServer() as other:
        running = Running(runner, one=relay(one.port, per_second=20.0), other=relay(other.port, weight=0))
        running.run(
            lambda: wait_until(lambda: len(one.kept) > 5),
            lambda: run_sql(runner.database, "UPDATE campaign SET relay = 'other'"),
            lambda: wait_until(lambda: len(other.kept) > 20),
        )
        assert len({*one.recipients, *other.recipients}) == len(one.kept) + len(other.kept)
