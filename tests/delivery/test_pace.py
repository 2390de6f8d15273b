"""A campaign keeps to its limit per hour: over restarts, beside other campaigns, and when the limit changes."""

from __future__ import annotations

import json

import pytest

from newsletter.delivery.pace import Pacemaker
from newsletter.store.database import Database
from tests.delivery.conftest import Runner
from tests.delivery.servers import KeepingServer
from tests.delivery.world import a_campaign, a_relay, an_email, due, run_sql, seed, states, subscribers


def limit(database: Database, per_hour: int, campaign: int = 1) -> None:
    definition = {"series": "unions", "cadence": {"every": "3d"}, "limits": {"per_hour": per_hour}}
    run_sql(database, "UPDATE campaign SET definition = :text WHERE id = :id", text=json.dumps(definition), id=campaign)


def test_a_limited_campaign_sends_a_minutes_worth_and_then_its_rate() -> None:
    pacemaker = Pacemaker(is_alone=True)
    pacemaker.follow({7: 3600})
    sent: list[float] = []
    moment = 1_700_000_000.0
    for _ in range(8000):
        for _ in range(pacemaker.room(now=moment, moment=moment)[7]):
            pacemaker.take(7, now=moment)
            sent.append(moment)
        moment += 0.5
    assert sent.count(1_700_000_000.0) == 60
    assert max(sum(at <= other < at + 3600 for other in sent) for at in sent[::50]) <= 3600
    assert len(sent) >= 3900  # no starvation: 4000 seconds, a message a second


def test_other_campaigns_go_on_while_one_keeps_to_its_limit(database: Database, runner: Runner) -> None:
    runner.database = database
    email = an_email()
    with database.transaction() as connection:
        slow, quick = a_campaign(connection, "slow"), a_campaign(connection, "quick")
        people = subscribers(connection, [f"reader{number}@example.com" for number in range(30)])
        due(connection, slow, people, email)
        due(connection, quick, people, email)
    limit(database, 5, slow)
    with KeepingServer() as server:
        for _ in range(2):  # a restart forgets nothing
            runner.run(a_relay(server.port), seconds=0.8, until=lambda tally: False)
        found = states(database)
        assert [found[key] for key in sorted(found)[30:]] == ["sent"] * 30
        assert 1 <= [found[key] for key in sorted(found)[:30]].count("sent") <= 5


@pytest.mark.parametrize("per_hour", [0, 360_000])
def test_a_limit_that_is_raised_while_running_holds_at_once(runner: Runner, per_hour: int) -> None:
    import threading
    import time

    seed(runner.database, 40)
    limit(runner.database, 3)

    def change() -> None:
        time.sleep(1.0)
        before.append(len(server.kept))
        limit(runner.database, per_hour)

    before: list[int] = []
    with KeepingServer() as server:
        changer = threading.Thread(target=change)
        changer.start()
        tally = runner.run(a_relay(server.port), seconds=15.0)
        changer.join()
    assert 1 <= before[0] <= 3 and tally.sent == 40
