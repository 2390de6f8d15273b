"""Daily ceilings, quiet hours and holidays: what must wait does, and nothing waits for ever."""

from __future__ import annotations

import pytest

from newsletter.scheduler import operate
from newsletter.store.database import Database
from tests.scheduler.world import World, utc

ONE_A_DAY = {"per_day_overall": 1}


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def hold_first(world: World, state: str) -> int:
    """A reader of two campaigns whose page of the first was planned on the 1st and did not become final."""
    (reader,) = world.add_people(["UTC"])
    world.add_campaign(name="first", limits=ONE_A_DAY)
    world.add_campaign(limits=ONE_A_DAY)
    world.at = utc("2026-12-01 09:00")
    world.tick()
    world.at = utc("2026-12-01 09:01")
    world.tick()
    world.change("UPDATE delivery SET state = :state", state=state)
    return reader


def test_what_a_paused_campaign_holds_keeps_no_other_campaign_waiting_and_goes_out_on_a_day_of_its_own(
    world: World,
) -> None:
    reader = hold_first(world, "due")
    operate.pause(world.database, "first", world, who="ada")
    world.live("2026-12-05 12:00")
    assert world.sent(reader) == [("a", "12-02 09:00"), ("b", "12-05 09:00")]
    operate.resume(world.database, "first", world, who="ada")
    world.live("2026-12-12 00:00")
    assert world.sent(reader, "first") == [("a", "12-06 09:00"), ("b", "12-09 09:00")]
    assert world.sent(reader)[2:] == [("c", "12-08 09:00")]


def test_a_mail_that_may_have_arrived_counts_on_the_day_it_was_due_only(world: World) -> None:
    reader = hold_first(world, "uncertain")
    world.live("2026-12-20 00:00")
    assert world.sent(reader) == [("a", "12-02 09:00"), ("b", "12-05 09:00"), ("c", "12-08 09:00")]


def test_whoever_has_had_enough_today_waits_for_a_weekday_and_an_hour_of_their_own(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.change("INSERT INTO preference (subscriber_id, weekdays, hour) VALUES (:id, 'tu,fr', 18)", id=reader)
    world.add_campaign(name="first")
    world.add_campaign(limits=ONE_A_DAY)
    world.live("2026-12-31 00:00")
    assert world.sent(reader, "first") == [("a", "12-01 18:00"), ("b", "12-04 18:00"), ("c", "12-08 18:00")]
    assert world.sent(reader) == [("a", "12-11 18:00"), ("b", "12-15 18:00"), ("c", "12-18 18:00")]


@pytest.mark.parametrize("ends", [{}, {"end": "2026-12-01"}])
def test_what_did_not_leave_by_evening_waits_for_the_morning_also_after_the_end(
    world: World, ends: dict[str, str]
) -> None:
    usual, own_hour = world.add_people(["UTC"] * 2)
    world.change("INSERT INTO preference (subscriber_id, hour) VALUES (:id, 18)", id=own_hour)
    world.add_campaign(**ends)
    for hour in ("09:00", "09:01", "18:00", "18:01"):
        world.at = utc(f"2026-12-01 {hour}")
        world.tick()
    world.at = utc("2026-12-01 23:00")
    world.live("2026-12-02 23:00")
    assert world.sent(usual) == [("a", "12-02 09:00")]
    assert world.sent(own_hour) == [("a", "12-02 18:00")]


def test_seeds_get_their_copy_first_whatever_the_hour_also_when_it_leaves_late(world: World) -> None:
    seed, reader = world.add_people(["America/Los_Angeles", "Europe/Paris"])
    world.add_campaign(seeds={"addresses": ["reader1@example.com"], "wait": "1h"})
    for hour in ("00:00", "08:00"):
        world.at = utc(f"2026-12-01 {hour}")
        world.tick()
    world.at = utc("2026-12-01 08:20")  # 00:20 in Los Angeles
    world.live("2026-12-01 23:00")
    assert world.sent(seed) == [("a", "12-01 08:20")]
    assert world.sent(reader) == [("a", "12-01 09:00")]
