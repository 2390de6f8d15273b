"""The ledger's contract, kept by SQLite and PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.recovery import keep_alive, recover
from newsletter.message.keys import address_hash
from newsletter.store import alerts, deliveries, emails, leases, traffic, uncertain
from newsletter.store.campaigns import running_campaigns
from newsletter.store.database import Database
from newsletter.store.deliveries import Outcome
from tests.delivery.world import NOW, RING, a_campaign, an_email, due, row, run_sql, scalars, seed, states, subscribers


def claim(database: Database, limit: int = 100, worker: str = "w1", now: int = NOW) -> list[deliveries.Claim]:
    with database.transaction() as connection:
        return deliveries.claim(connection, worker, running_campaigns(connection), limit, now)


def test_a_claim_brings_all_that_merging_needs(database: Database) -> None:
    seed(database, 1)
    run_sql(
        database, "UPDATE subscriber SET attributes = '{\"company\": \"Ünïcode\"}', zone = 'Europe/Paris', lang = 'fr'"
    )
    (found,) = claim(database)
    assert (found.series, found.page_id, found.copy, found.attempts) == ("unions", "welcome", 0, 0)
    assert found.subscriber.address == "reader0@example.com"
    assert found.subscriber.attributes == {"company": "Ünïcode"}
    assert (found.subscriber.zone, found.subscriber.lang, found.subscriber.name) == ("Europe/Paris", "fr", "Reader0")


def test_what_is_claimed_is_not_claimed_again(database: Database) -> None:
    seed(database, 10)
    first = claim(database, 6)
    second = claim(database, 100, "w2")
    assert len(first) == 6 and len(second) == 4
    assert {found.id for found in first}.isdisjoint(found.id for found in second)
    assert claim(database) == []


def test_what_is_not_due_yet_waits(database: Database) -> None:
    seed(database, 1)
    assert claim(database, now=NOW - 3600) == []
    with database.reading() as connection:
        assert deliveries.next_due(connection) == NOW - 60
        assert deliveries.count_due(connection, NOW - 3600) == 0
        assert deliveries.count_due(connection, NOW) == 1


def test_campaigns_take_turns(database: Database) -> None:
    """A campaign with a million due must not keep another from its ten."""
    email = an_email()
    with database.transaction() as connection:
        people = subscribers(connection, [f"r{number}@example.com" for number in range(50)])
        big, small = a_campaign(connection, "big"), a_campaign(connection, "small")
        due(connection, big, people, email)
        due(connection, small, people[:5], email)
    found = claim(database, 20)
    assert len(found) == 20
    assert sum(1 for entry in found if entry.campaign_id == small) == 5


def test_the_suppressed_become_suppressed_and_are_not_claimed(database: Database) -> None:
    ids = seed(database, 3)
    run_sql(
        database,
        "INSERT INTO suppression (address_hash, scope, reason, at) VALUES (:hash, '', 'bounced', 0)",
        hash=address_hash(RING, "reader1@example.com"),
    )
    assert [found.id for found in claim(database)] == [ids[0], ids[2]]
    assert states(database)[ids[1]] == "suppressed"
    assert row(database, ids[1])["finished_at"] == NOW


@pytest.mark.parametrize(
    ("statement", "reason", "state"),
    [
        ("INSERT INTO suppression (address_hash, scope, reason, at) SELECT address_hash, 'unions', 'unsubscribed', 0 FROM subscriber WHERE address = 'reader0@example.com'", "suppressed", "suppressed"),
        ("UPDATE campaign SET state = 'paused'", "paused", "due"),
        ("UPDATE campaign SET state = 'cancelled'", "cancelled", "cancelled"),
        ("UPDATE subscriber SET state = 'pending'", "suppressed", "suppressed"),
        ("DELETE FROM subscriber", "lost", "claimed"),
        ("UPDATE delivery SET state = 'due', worker = NULL", "lost", "due"),
    ],
)  # fmt: skip
def test_who_may_be_mailed_is_asked_last(database: Database, statement: str, reason: str, state: str) -> None:
    (delivery,) = seed(database, 1)
    claims = claim(database)
    run_sql(database, statement)
    with database.transaction() as connection:
        refused = deliveries.refusals(connection, "w1", claims)
        deliveries.put_back(connection, "w1", refused, NOW)
    assert refused == {delivery: reason}
    assert states(database)[delivery] == state


def test_outcomes_are_recorded_in_one_go_and_only_once(database: Database) -> None:
    ids = seed(database, 4)
    claim(database)
    outcomes = [
        Outcome(ids[0], 0, "sent", NOW, relay="main", code=250, reply="2.0.0 ok"),
        Outcome(ids[1], 0, "due", NOW, NOW + 300, NOW + 9999, "main", 450, "4.2.0 later"),
        Outcome(ids[2], 0, "failed", NOW, relay="main", code=550, reply="5.1.1 no"),
        Outcome(ids[3], 0, "due", NOW, tried=False),
    ]
    with database.transaction() as connection:
        assert deliveries.record(connection, "w1", outcomes) == 4
    with database.transaction() as connection:
        assert deliveries.record(connection, "w1", outcomes) == 0
    assert states(database) == {ids[0]: "sent", ids[1]: "due", ids[2]: "failed", ids[3]: "due"}
    second = row(database, ids[1])
    assert (second["due_at"], second["give_up_at"], second["attempts"], second["finished_at"]) == (
        NOW + 300,
        NOW + 9999,
        1,
        None,
    )
    fourth = row(database, ids[3])
    assert (fourth["due_at"], fourth["attempts"], fourth["worker"]) == (NOW - 60, 0, None)
    assert row(database, ids[0])["finished_at"] == NOW


def test_an_outcome_of_an_earlier_claim_or_another_worker_changes_nothing(database: Database) -> None:
    (delivery,) = seed(database, 1)
    claim(database)
    with database.transaction() as connection:
        assert deliveries.record(connection, "w2", [Outcome(delivery, 0, "sent", NOW)]) == 0
        assert deliveries.record(connection, "w1", [Outcome(delivery, 1, "sent", NOW)]) == 0
    assert states(database)[delivery] == "claimed"


def test_uncertain_is_held_or_sent_again_once_as_the_campaign_says(database: Database) -> None:
    for policy in ("hold", "resend"):
        with database.transaction() as connection:
            campaign = a_campaign(connection, policy, policy=policy)
            people = subscribers(connection, [f"{policy}@example.com"])
            due(connection, campaign, people, an_email())
    claims = {found.address: found.id for found in claim(database)}
    with database.transaction() as connection:
        uncertain.mark_uncertain(connection, "w1", claims.values(), "no reply", NOW, 900)
    assert states(database)[claims["hold@example.com"]] == "uncertain"
    again = row(database, claims["resend@example.com"])
    assert (again["state"], again["due_at"], again["worker"]) == ("due", NOW + 900, None)
    assert [found.id for found in claim(database, now=NOW + 900)] == [claims["resend@example.com"]]
    with database.transaction() as connection:
        uncertain.mark_uncertain(connection, "w1", claims.values(), "no reply", NOW, 900)
        assert {entry.id for entry in uncertain.uncertain(connection)} == set(claims.values())
        assert uncertain.uncertain(connection)[0].reason == "no reply"


@pytest.mark.parametrize("state", ["sent", "due", "failed"])
def test_a_person_decides_about_the_uncertain(database: Database, state: str) -> None:
    (delivery,) = seed(database, 1)
    claim(database)
    with database.transaction() as connection:
        uncertain.mark_uncertain(connection, "w1", [delivery], "no reply", NOW, 900)
        assert uncertain.resolve_uncertain(connection, [delivery], state, NOW + 5) == 1
        assert uncertain.resolve_uncertain(connection, [delivery], state, NOW + 5) == 0
    found = row(database, delivery)
    assert (found["state"], found["finished_at"]) == (state, None if state == "due" else NOW + 5)


def test_a_worker_that_was_thought_dead_may_still_record(database: Database) -> None:
    (delivery,) = seed(database, 1)
    claim(database)
    with database.transaction() as connection:
        uncertain.mark_uncertain(connection, "w1", [delivery], "gone", NOW, 900)
        assert deliveries.record(connection, "w1", [Outcome(delivery, 1, "sent", NOW, code=250)]) == 0
        assert deliveries.record(connection, "w1", [Outcome(delivery, 0, "sent", NOW, code=250)]) == 1
    found = row(database, delivery)
    assert (found["state"], found["attempts"], found["worker"]) == ("sent", 1, None)


def test_a_dead_worker_is_settled_by_its_journal(database: Database, tmp_path: Path) -> None:
    ids = seed(database, 5)
    journal = Journal(tmp_path, "w1")
    keys = [Key(found.id, found.attempts) for found in claim(database)]
    journal.release(keys)
    journal.write((), keys[0])
    journal.write([Outcome(ids[0], 0, "sent", NOW, code=250, relay="main")], keys[1])
    journal.write([Outcome(ids[1], 0, "failed", NOW, code=550, relay="main", reply="5.1.1 nobody")], keys[2])
    assert recover(database, tmp_path, NOW) == []  # it lives
    journal.close()
    (found,) = recover(database, tmp_path, NOW)
    assert found == ("w1", 2, 2, 1)
    assert list(states(database).values()) == ["sent", "failed", "uncertain", "due", "due"]
    assert scalars(database, "SELECT delivery_id FROM bounce") == [ids[1]]
    assert scalars(database, "SELECT count(*) FROM suppression WHERE reason = 'bounced'") == [1]
    assert scalars(database, "SELECT sent FROM traffic WHERE relay = 'main'") == [2]
    assert list(tmp_path.glob("*.journal")) == []
    assert recover(database, tmp_path, NOW) == []


def test_claims_of_a_worker_without_a_journal_are_uncertain_never_sent_again(
    database: Database, tmp_path: Path
) -> None:
    seed(database, 3)
    claim(database)
    assert recover(database, tmp_path, NOW)[0].uncertain == 3
    assert set(states(database).values()) == {"uncertain"}


def test_a_worker_on_another_machine_is_left_alone_while_its_lease_lasts(
    postgresql_database: Database, tmp_path: Path
) -> None:
    seed(postgresql_database, 3)
    claim(postgresql_database)
    assert keep_alive(postgresql_database, "w1")
    assert recover(postgresql_database, tmp_path, NOW) == []
    run_sql(postgresql_database, "UPDATE lease SET until = 0")
    assert recover(postgresql_database, tmp_path, NOW)[0].uncertain == 3


def test_two_workers_share_a_thousand_without_overlap(postgresql_database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    seed(postgresql_database, 1000)

    def work(worker: str) -> list[int]:
        taken: list[int] = []
        while found := claim(postgresql_database, 37, worker):
            taken += [entry.id for entry in found]
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [delivery for part in threads.map(work, ["a", "b", "c", "d"]) for delivery in part]
    assert len(taken) == len(set(taken)) == 1000


def test_traffic_is_counted_by_the_hour_over_all_workers(database: Database) -> None:
    with database.transaction() as connection:
        hour = NOW // 3600
        assert traffic.add_traffic(connection, "main", hour, 5) == 5
        assert traffic.add_traffic(connection, "main", hour, 7) == 12
        traffic.add_traffic(connection, "main", hour - 1, 3)
        traffic.add_traffic(connection, "main", hour - 24, 100)
        traffic.add_traffic(connection, "main", hour - 24 * 9, 100)
        traffic.add_traffic(connection, "other", hour, 100)
        found = traffic.traffic_of(connection, "main", NOW)
    assert (found.this_hour, found.last_hour, found.days_before) == (12, 3, 2)
    assert found.today in (12, 15)


def test_a_lease_has_one_holder(database: Database) -> None:
    with database.transaction() as connection:
        assert leases.take(connection, "planner", "a", 60)
        assert leases.take(connection, "planner", "a", 60)
        assert not leases.take(connection, "planner", "b", 60)
        assert leases.is_held(connection, "planner")
        leases.let_go(connection, "planner", "b")
        assert not leases.take(connection, "planner", "b", 60)
        leases.let_go(connection, "planner", "a")
        assert leases.take(connection, "planner", "b", -5)
        assert not leases.is_held(connection, "planner")
        assert leases.take(connection, "planner", "a", 60)


def test_an_alert_is_open_once_until_it_is_cleared(database: Database) -> None:
    with database.transaction() as connection:
        alerts.raise_alert(connection, "relay:main", "down", NOW)
        alerts.raise_alert(connection, "relay:main", "still down", NOW + 1)
        (found,) = alerts.open_alerts(connection)
        assert (found.message, found.raised_at) == ("still down", NOW)
        alerts.clear_alert(connection, "relay:main", NOW + 2)
        assert alerts.open_alerts(connection) == []


def test_an_email_is_kept_byte_for_byte_and_tampering_is_noticed(database: Database) -> None:
    from newsletter.compose.email import Email, EmbeddedPicture
    from newsletter.errors import StoreError

    email = Email(
        "s",
        "p",
        "p",
        "Sübject",
        "",
        "<p>ü\r\n</p>",
        "t",
        "he",
        "rtl",
        (EmbeddedPicture("a@b", "image/png", bytes(range(256))),),
    )
    with database.transaction() as connection:
        content_hash = emails.save_email(connection, email, now=NOW)
        emails.save_email(connection, email, now=NOW)
        assert emails.load_email(connection, content_hash) == email
    run_sql(database, "UPDATE email SET hash = 'other'")
    with database.reading() as connection, pytest.raises(StoreError, match="was changed"):
        emails.load_email(connection, "other")
    assert scalars(database, "SELECT count(*) FROM email") == [1]
