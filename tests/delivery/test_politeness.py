"""What a domain says about our pace or its own health is heeded for all its readers; other domains go on."""

from __future__ import annotations

from newsletter.store.database import Database
from tests.delivery.conftest import Runner
from tests.delivery.servers import KeepingServer, Script, Session
from tests.delivery.world import NOW, a_campaign, a_relay, an_email, due, scalars, states, subscribers


def seed_two_domains(database: Database, each: int) -> None:
    addresses = [f"reader{number}@{domain}" for number in range(each) for domain in ("busy.example", "kind.example")]
    with database.transaction() as connection:
        due(connection, a_campaign(connection), subscribers(connection, addresses), an_email())


def busy(answer: bytes, tried: list[str]) -> Script:
    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == "RCPT" and "busy.example" in argument:
            tried.append(argument)
            return answer
        return None

    return script


def test_too_fast_quiets_a_domain_for_a_quarter_of_an_hour_without_an_alert(runner: Runner) -> None:
    """Gmail's 4.7.28: the few that were queued are told so, the others are not even tried."""
    seed_two_domains(runner.database, 600)
    tried: list[str] = []
    with KeepingServer(busy(b"450 4.7.28 unusual rate of mail from your address\r\n", tried)) as server:
        tally = runner.run(a_relay(server.port))
        assert len(server.kept) == 600 and all(name.endswith("@kind.example") for name in server.recipients)
        assert 0 < len(tried) < 600 and tally.deferred == len(tried)
        waiting = scalars(runner.database, "SELECT due_at FROM delivery WHERE state = 'due'")
        assert min(map(int, map(str, waiting))) >= NOW + 240
        untried = scalars(runner.database, "SELECT min(due_at) FROM delivery WHERE state = 'due' AND attempts = 0")
        assert int(str(untried[0])) >= NOW + 15 * 60
        assert scalars(runner.database, "SELECT count(*) FROM alert") == [0]
        server.script = lambda session, verb, argument: None
        runner.clock.seconds += 2 * 3600
        runner.run(a_relay(server.port))
    assert len(server.kept) == len(set(server.recipients)) == 1200


def test_a_domain_that_fails_again_and_again_is_left_alone_for_a_while(runner: Runner) -> None:
    """A circuit breaker: ten failures of its own in a row, then a minute of rest for all who wait."""
    seed_two_domains(runner.database, 600)
    tried: list[str] = []
    with KeepingServer(busy(b"451 4.4.1 the host does not answer\r\n", tried)) as server:
        runner.run(a_relay(server.port))
        assert len(server.kept) == 600
        assert 10 <= len(tried) < 600
        untried = scalars(runner.database, "SELECT min(due_at) FROM delivery WHERE state = 'due' AND attempts = 0")
        assert NOW + 60 <= int(str(untried[0])) <= NOW + 4 * 3600
        server.script = lambda session, verb, argument: None
        runner.clock.seconds += 5 * 3600
        runner.run(a_relay(server.port))
    assert len(server.kept) == len(set(server.recipients)) == 1200


def test_greylisting_tries_each_reader_once_and_rests_nobody(runner: Runner) -> None:
    seed_two_domains(runner.database, 30)
    tried: list[str] = []
    with KeepingServer(busy(b"450 4.2.0 greylisted\r\n", tried)) as server:
        runner.run(a_relay(server.port))
        asked = set(tried)
        assert len(tried) == len(asked) == 30
        server.script = lambda session, verb, argument: None
        runner.clock.seconds += 600
        runner.run(a_relay(server.port))
    assert len(server.kept) == len(set(server.recipients)) == 60
    assert set(states(runner.database).values()) == {"sent"}


def test_a_warm_up_grows_day_by_day(runner: Runner) -> None:
    """2, 5, 10 a day, then as many as there are; a restart each day."""
    with runner.database.transaction() as connection:
        people = subscribers(connection, [f"reader{number}@kind.example" for number in range(40)])
        due(connection, a_campaign(connection), people, an_email())
    arrived = []
    with KeepingServer() as server:
        for _ in range(4):
            before = len(server.kept)
            runner.run(a_relay(server.port, warm_up=(2, 5, 10)), seconds=0.6, until=lambda tally: False)
            arrived.append(len(server.kept) - before)
            runner.clock.seconds += 24 * 3600
    assert arrived == [2, 5, 10, 23]
