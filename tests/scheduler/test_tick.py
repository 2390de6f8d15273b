"""What a tick does, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from newsletter.store.database import Database
from tests.scheduler.world import World, utc


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_each_reader_gets_each_page_once_in_order_at_their_own_hour(world: World) -> None:
    paris, lima, nowhere = world.add_people(["Europe/Paris", "America/Lima", ""])
    world.add_campaign()
    world.live("2026-12-31 00:00")
    assert world.sent(paris) == [("a", "12-01 08:00"), ("b", "12-04 08:00"), ("c", "12-07 08:00")]
    assert world.sent(lima) == [("a", "12-01 14:00"), ("b", "12-04 14:00"), ("c", "12-07 14:00")]
    assert world.sent(nowhere) == [("a", "12-01 09:00"), ("b", "12-04 09:00"), ("c", "12-07 09:00")]
    assert set(world.states().values()) == {("finished", None)}


def test_an_idle_tick_writes_nothing(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.tick()
    with world.database.reading() as connection:
        before = connection.execute(text("SELECT * FROM lease")).all()
    assert world.tick() == type(world.tick())()
    with world.database.reading() as connection:
        assert connection.execute(text("SELECT * FROM lease")).all() == before


def test_the_next_page_waits_until_the_one_before_is_final(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign()
    world.tick()
    for day in range(1, 20):
        world.at = utc(f"2026-12-{day:02} 10:00")
        world.tick()
    with world.database.reading() as connection:
        assert connection.execute(text("SELECT page_id, state FROM delivery")).all() == [("a", "due")]
    world.send()
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-19 10:00"), ("b", "12-22 09:00"), ("c", "12-25 09:00")]


def test_after_a_downtime_a_reader_gets_one_page_and_not_at_night(world: World) -> None:
    paris, tokyo = world.add_people(["Europe/Paris", "Asia/Tokyo"])
    world.add_campaign()
    world.tick()
    world.at = utc("2026-12-20 14:00")  # 15:00 in Paris, 23:00 in Tokyo
    world.live("2026-12-31 00:00")
    assert world.sent(paris) == [("a", "12-20 14:00"), ("b", "12-23 08:00"), ("c", "12-26 08:00")]
    assert world.sent(tokyo) == [("a", "12-21 00:00"), ("b", "12-24 00:00"), ("c", "12-27 00:00")]


def test_a_newcomer_starts_at_the_beginning(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.live("2026-12-05 00:00")
    (late,) = world.add_people(["UTC"])
    world.at = utc("2026-12-05 00:01")
    world.live("2026-12-31 00:00")
    assert world.sent(late) == [("a", "12-05 09:00"), ("b", "12-08 09:00"), ("c", "12-11 09:00")]


def test_only_the_tagged_are_enrolled_and_whoever_is_tagged_later_joins(world: World) -> None:
    (tagged,) = world.add_people(["UTC"], tag="course")
    (other,) = world.add_people(["UTC"])
    world.add_campaign(audience={"tags": ["course"]})
    world.live("2026-12-02 00:00")
    assert list(world.states()) == [tagged]
    world.change("INSERT INTO subscriber_tag VALUES (:id, 'course')", id=other)
    world.change("UPDATE subscriber SET updated_at = :now WHERE id = :id", now=world.seconds, id=other)
    world.at = utc("2026-12-02 00:01")
    world.tick()
    assert list(world.states()) == [tagged, other]


def test_the_pending_and_the_suppressed_are_not_enrolled(world: World) -> None:
    pending, gone, elsewhere, _ = world.add_people(["UTC"] * 4)
    world.change("UPDATE subscriber SET state = 'pending' WHERE id = :id", id=pending)
    for reader, scope in ((gone, "course"), (elsewhere, "other")):
        world.change(
            "INSERT INTO suppression (address_hash, scope, reason, at) VALUES (:hash, :scope, 'unsubscribed', 0)",
            hash=b"%d" % reader, scope=scope,
        )  # fmt: skip
    world.add_campaign()
    world.tick()
    assert list(world.states()) == [3, 4]


def test_a_reader_who_moves_gets_the_next_page_at_the_new_hour(world: World) -> None:
    (reader,) = world.add_people(["Europe/Paris"])
    world.add_campaign()
    world.live("2026-12-02 00:00")
    world.change("UPDATE subscriber SET zone = 'America/Lima', updated_at = :now", now=world.seconds)
    world.at = utc("2026-12-02 00:01")
    world.live("2026-12-05 00:00")
    assert world.sent(reader) == [("a", "12-01 08:00"), ("b", "12-04 14:00")]


def test_preferences_count_from_the_moment_they_are_set(world: World) -> None:
    slow, evening, resting = world.add_people(["UTC"] * 3)
    world.add_campaign()
    world.live("2026-12-02 00:00")
    world.change("INSERT INTO preference (subscriber_id, pace) VALUES (:id, 200)", id=slow)
    world.change("INSERT INTO preference (subscriber_id, hour) VALUES (:id, 18)", id=evening)
    world.change(
        "INSERT INTO preference (subscriber_id, paused_until) VALUES (:id, :until)",
        id=resting, until=int(utc("2026-12-20 00:00").timestamp()),
    )  # fmt: skip
    world.change("UPDATE subscriber SET updated_at = :now", now=world.seconds)
    world.at = utc("2026-12-02 00:01")
    world.live("2026-12-21 00:00")
    assert world.sent(slow)[1] == ("b", "12-07 09:00")
    assert world.sent(evening)[1] == ("b", "12-04 18:00")
    assert world.sent(resting)[1] == ("b", "12-20 09:00")


def test_whoever_unsubscribes_leaves_and_may_come_back(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign()
    world.live("2026-12-02 00:00")
    world.at = utc("2026-12-04 09:00")
    world.tick()
    world.send("suppressed")  # what the engine does with somebody on the suppression list
    world.live("2026-12-08 00:00")
    assert world.states() == {reader: ("left", "b")}
    world.change("UPDATE subscriber SET updated_at = :now", now=world.seconds)
    world.at = utc("2026-12-08 00:01")
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("b", "12-08 09:00"), ("c", "12-11 09:00")]


def test_a_page_refused_for_good_is_behind_the_reader(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign()
    world.at = utc("2026-12-01 09:00")
    world.tick()
    world.at = utc("2026-12-01 09:01")
    world.tick()
    world.send("failed")
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("b", "12-04 09:00"), ("c", "12-07 09:00")]


def test_the_end_of_a_campaign_is_the_end(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign(end="2026-12-05")
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("b", "12-04 09:00")]
    assert world.states() == {reader: ("ended", "c")}


def test_a_daily_limit_across_campaigns_makes_the_second_campaign_wait(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign(name="first")
    world.add_campaign(name="course", limits={"per_day_overall": 1})
    world.live("2026-12-31 00:00")
    assert world.sent(reader, "first")[:2] == [("a", "12-01 09:00"), ("b", "12-04 09:00")]
    assert world.sent(reader)[:2] == [("a", "12-02 09:00"), ("b", "12-05 09:00")]


def test_a_daily_limit_of_one_campaign(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign("abcdef", cadence={"every": "3h", "at": "09:00"}, limits={"per_day": 2})
    world.live("2026-12-31 00:00")
    days = [when.partition(" ")[0] for _, when in world.sent(reader)]
    assert days == ["12-01", "12-01", "12-02", "12-02", "12-03", "12-03"]


def test_holidays_and_weekends_defer(world: World) -> None:
    (reader,) = world.add_people(["Europe/Paris"])
    world.add_campaign(hours={"weekdays": ["mon", "tue", "wed", "thu", "fri"], "holidays": ["2026-12-07"]})
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-01 08:00"), ("b", "12-04 08:00"), ("c", "12-08 08:00")]


def test_a_cohort_gets_each_page_together_and_a_late_joiner_joins_midway(world: World) -> None:
    paris, lima = world.add_people(["Europe/Paris", "America/Lima"])
    world.add_campaign(mode="cohort")
    for page, day in zip("abc", (1, 4, 7), strict=True):
        world.change(
            "UPDATE campaign_page SET release = :release WHERE page_id = :page",
            release=f"2026-12-0{day}T09:00:00",
            page=page,
        )
    world.live("2026-12-02 00:00")
    (late,) = world.add_people(["UTC"])
    world.at = utc("2026-12-02 00:01")
    world.live("2026-12-31 00:00")
    assert world.sent(paris) == [("a", "12-01 08:00"), ("b", "12-04 08:00"), ("c", "12-07 08:00")]
    assert world.sent(lima) == [("a", "12-01 14:00"), ("b", "12-04 14:00"), ("c", "12-07 14:00")]
    assert world.sent(late) == [("b", "12-04 09:00"), ("c", "12-07 09:00")]
    assert set(world.states().values()) == {("finished", None)}


def test_new_time_zone_rules_move_the_due_times(world: World) -> None:
    (reader,) = world.add_people(["Europe/Paris"])
    world.add_campaign()
    world.tick()
    world.change("UPDATE enrollment SET due_at = due_at + 3600")
    world.change("UPDATE campaign SET tzdata = '1999a'")
    world.live("2026-12-02 00:00")
    assert world.sent(reader) == [("a", "12-01 08:00")]
    assert world.campaign().tzdata != "1999a"


def test_a_delivery_that_is_there_already_is_not_made_twice(world: World) -> None:
    one, two = world.add_people(["UTC"] * 2)
    world.add_campaign()
    world.tick()
    world.change(
        "INSERT INTO delivery (campaign_id, subscriber_id, page_id, state, due_at, finished_at, moved) "
        "VALUES (1, :id, 'a', 'sent', 0, :now, 1)", id=one, now=world.seconds,
    )  # fmt: skip
    world.at = utc("2026-12-01 09:00")
    assert world.tick().planned == 1
    with world.database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM delivery")).scalar_one() == 2
    assert world.sent(two) == []


def test_a_paused_campaign_plans_nothing(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.tick()
    world.change("UPDATE campaign SET state = 'paused'")
    world.at = utc("2026-12-01 09:00")
    assert world.tick().planned == 0


def test_two_schedulers_elect_one(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.change("INSERT INTO lease (name, holder, until) VALUES ('scheduler', 'another', 99999999999)")
    assert world.tick().leading is False
    world.change("UPDATE lease SET until = 0")
    assert world.tick().enrolled == 1


@pytest.mark.parametrize(("cadence", "hours"), [("3d", 72), ("1w", 72), ("1d", 24), ("12h", 12), ("10m", 1)])
def test_refusals_are_retried_for_three_days_or_until_the_next_page_would_be_due(
    world: World, cadence: str, hours: int
) -> None:
    world.add_people(["Europe/Paris", "America/Lima", ""])
    world.add_campaign(cadence={"every": cadence, "at": "09:00"} if cadence[-1] in "dw" else {"every": cadence})
    moments = []
    for moment in ("2026-12-01 00:00", "2026-12-08 16:00"):
        world.at = utc(moment)
        world.tick()
        moments.append(world.seconds)
    with world.database.reading() as connection:
        found = connection.execute(text("SELECT DISTINCT give_up_at FROM delivery")).scalars().all()
    assert found and {at - hours * 3600 for at in found} <= set(moments)
