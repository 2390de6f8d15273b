"""Limits hold whatever the order of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.domains import Domains
from newsletter.delivery.throttle import Breaker, RelayLimits, SlidingWindow, TokenBucket
from tests.delivery.conftest import Runner
from tests.delivery.servers import KeepingServer
from tests.delivery.world import NOW, a_relay, scalars, seed, states


@given(st.floats(0.1, 50), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_a_bucket_never_lets_more_through_than_its_rate_and_burst(rate: float, gaps: list[float]) -> None:
    bucket = TokenBucket(rate, 5)
    now, taken = 0.0, 0
    for gap in gaps:
        now += gap
        while bucket.wait(now) <= 0:
            bucket.take()
            taken += 1
    assert taken <= 5 + rate * now + 1


GAPS = st.lists(st.one_of(st.floats(0, 3), st.floats(0, 900), st.floats(3000, 8000)), min_size=1, max_size=150)


@given(st.integers(1, 50), GAPS, st.floats(1, 3600))
def test_no_window_of_an_hour_sees_more_than_the_limit_wherever_it_begins(
    limit: int, gaps: list[float], start: float
) -> None:
    window = SlidingWindow(limit)
    now = start
    taken: list[float] = []
    for gap in gaps:
        now += gap
        while window.wait(now) <= 0:
            window.take(now)
            taken.append(now)
    for first, at in enumerate(taken):
        assert sum(at <= other < at + 3600 for other in taken[first:]) <= limit


@given(st.integers(1, 50), st.lists(st.floats(-100_000, 100_000), min_size=1, max_size=40))
def test_whatever_the_clock_does_nobody_waits_for_more_than_an_hour_and_a_minute(
    limit: int, jumps: list[float]
) -> None:
    """No starvation: set back by years or days, the window opens again after the time it says."""
    window = SlidingWindow(limit)
    now = 1_700_000_000.0
    for jump in jumps:
        now += jump
        while (wait := window.wait(now)) <= 0:
            window.take(now)
        assert wait <= 3661
        assert window.wait(now + wait + 0.001) == 0
        now += wait + 0.001


@given(st.integers(1, 50), st.lists(st.floats(-100_000, 0), min_size=1, max_size=40))
def test_a_clock_that_is_only_set_back_frees_nothing(limit: int, jumps: list[float]) -> None:
    window = SlidingWindow(limit)
    now, taken = 1_700_000_000.0, 0
    for jump in jumps:
        now += jump
        while window.wait(now) <= 0:
            window.take(now)
            taken += 1
    assert taken == limit


@given(st.integers(1, 50), st.integers(0, 60), st.integers(0, 60), st.floats(0, 3599))
def test_what_a_window_says_to_wait_is_enough(limit: int, count: int, before: int, at: float) -> None:
    window = SlidingWindow(limit)
    at += 7200
    window.set_counts(at, count, before)
    for _ in range(60):  # a window that was overfull empties part by part
        wait = window.wait(at)
        assert wait >= 0
        if wait <= 0:
            return
        at += wait + 0.001
    assert window.wait(at) <= 0


@given(st.integers(1, 100), st.lists(st.tuples(st.booleans(), st.floats(0, 600)), min_size=1, max_size=60))
def test_what_two_workers_send_is_counted_once(limit: int, events: list[tuple[bool, float]]) -> None:
    """Each learns from the database what both have sent in this hour; the limit holds for both together."""
    windows = SlidingWindow(limit), SlidingWindow(limit)
    now, sent = 7200.0, 0
    for which, gap in events:
        now += gap
        if now >= 10800:
            break
        window = windows[which]
        window.set_counts(now, sent, 0)
        if window.wait(now) <= 0:
            window.take(now)
            sent += 1
    assert sent <= limit
    assert max(window.count for window in windows) <= sent


def test_a_breaker_does_not_rest_for_longer_because_the_clock_was_set_back() -> None:
    breaker = Breaker()
    breaker.open(1_900_000_000, 60)
    assert breaker.is_open(1_700_000_000) and breaker.is_open(1_700_000_059)
    assert not breaker.is_open(1_700_000_061)


def test_a_warm_up_survives_a_clock_that_was_years_ahead() -> None:
    limits = RelayLimits(0, 0, (2, 5))
    for _ in range(2):
        limits.take(1_900_000_000.0)
    day = 1_700_000_000.0
    assert 0 < limits.wait(0.0, day) <= 86400
    assert limits.wait(0.0, day + 86400) == 0


def test_warm_up_allows_so_many_a_day_and_counts_days_with_traffic_only() -> None:
    limits = RelayLimits(0, 0, (2, 3))
    day = 86400.0
    for moment, allowed in ((0.0, 2), (5 * day, 3), (6 * day, 10)):
        sent = 0
        while sent < 10 and limits.wait(0.0, moment) <= 0:
            limits.take(moment)
            sent += 1
        assert sent == allowed


def test_a_restart_remembers_what_went_out_today() -> None:
    limits = RelayLimits(0, 0, (100,))
    limits.learn(50_000.0, 10, 0, 100, 0)
    assert limits.wait(0.0, 50_000.0) == 86400 - 50_000


def test_a_breaker_opens_for_twice_as_long_each_time() -> None:
    breaker = Breaker(threshold=2, first=10)
    assert not breaker.fail(0)
    assert breaker.fail(0) and breaker.open_until == 10
    assert not breaker.fail(10) and breaker.fail(10)
    assert breaker.open_until == 30
    breaker.succeed()
    assert not breaker.fail(40) and breaker.fail(40) and breaker.open_until == 50


def test_those_over_a_domains_limit_come_back_in_their_turn() -> None:
    domains = Domains(per_hour=4)
    waits = [domains.wait("example.com", 0.0) for _ in range(10)]
    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4:] == sorted(waits[4:]) and len(set(waits[4:])) == 6
    assert domains.wait("other.example", 0.0) == 0


def test_a_relay_gets_no_more_than_it_bears_per_second(runner: Runner) -> None:
    import time

    seed(runner.database, 40)
    with KeepingServer() as server:
        started = time.monotonic()
        tally = runner.run(a_relay(server.port, per_second=20.0))
        passed = time.monotonic() - started
    assert tally.sent == 40
    assert passed >= 1.0  # a burst of 20, the other 20 in a second


def test_hour_and_warm_up_limits_hold_over_restarts(runner: Runner) -> None:
    seed(runner.database, 30)
    with KeepingServer() as server:
        for _ in range(2):
            runner.run(a_relay(server.port, warm_up=(12, 500)), seconds=1.0, until=lambda tally: False)
            assert len(server.kept) == 12
        runner.clock.seconds += 86400
        runner.run(a_relay(server.port, warm_up=(12, 500)))
    assert len(server.kept) == 30
    assert scalars(runner.database, "SELECT sum(sent) FROM traffic") == [30]


def test_a_domain_over_its_limit_waits_and_others_go_on(runner: Runner) -> None:
    seed(runner.database, 10)
    with KeepingServer() as server:
        runner.run(a_relay(server.port, domain_per_hour=4))
    assert len(server.kept) == 4
    assert sorted(states(runner.database).values()) == ["due"] * 6 + ["sent"] * 4
    assert min(scalars(runner.database, "SELECT due_at FROM delivery WHERE state = 'due'")) > NOW  # type: ignore[type-var,operator]
    assert scalars(runner.database, "SELECT max(attempts) FROM delivery WHERE state = 'due'") == [0]


def test_rates_change_while_running(runner: Runner) -> None:
    """A change of newsletter.toml is read within a second."""
    import dataclasses
    import threading
    import time

    seed(runner.database, 200)
    with KeepingServer() as server:
        file = runner.folder / "newsletter.toml"

        def write(rate: float) -> None:
            file.write_text(
                f'[relay]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "plain"\nper_second = {rate}\n'
            )

        write(5.0)
        service = runner.make(a_relay(server.port, per_second=5.0))
        service.settings = dataclasses.replace(service.settings, file=file)

        def later() -> None:
            time.sleep(1.0)
            write(0.0)

        threading.Thread(target=later).start()
        started = time.monotonic()
        tally = service.run()
    assert tally.sent == 200
    assert time.monotonic() - started < 10  # at five a second it would take 39
