"""Daily ceilings, quiet hours and holidays: what must wait does, and nothing waits for ever."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from newsletter.campaigns.due import NO_PREFERENCES, Preferences, personal
from newsletter.campaigns.wall_time import wall
from newsletter.scheduler import operate
from newsletter.store.database import Database
from newsletter.store.looking import empty_database
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


def test_what_waits_for_another_day_counts_on_that_day(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    closed = {"holidays": [f"2026-12-0{day}" for day in range(2, 6)]}
    world.add_campaign(name="first", limits=ONE_A_DAY, hours=closed)
    world.tick()
    world.at = utc("2026-12-01 09:00")
    world.tick()  # planned, and the relay is down until the holidays have begun
    world.at = utc("2026-12-02 00:00")
    world.add_campaign(limits=ONE_A_DAY)
    world.live("2026-12-08 12:00")
    assert world.sent(reader) == [("a", "12-02 09:00"), ("b", "12-05 09:00"), ("c", "12-08 09:00")]
    assert world.sent(reader, "first") == [("a", "12-06 09:00")]


@pytest.mark.parametrize(
    ("hours", "leaves"), [({}, "12-01 21:05"), ({"quiet": "21:00-07:00"}, "12-02 07:00"), ({"holidays": ["2027-01-01"]}, "12-01 21:05")]
)  # fmt: skip
def test_quiet_hours_are_meant_to_the_minute(world: World, hours: dict[str, Any], leaves: str) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign("a", cadence={"every": "1d", "at": "20:55"}, hours=hours)
    for hour in ("00:00", "00:01", "21:05"):
        world.at = utc(f"2026-12-01 {hour}")
        world.tick()
    world.live("2026-12-03 00:00")
    assert world.sent(reader) == [("a", leaves)]


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


# --- laws: whatever the hours and the ceilings, and however long the machine was down ---

PEOPLE = (("UTC", ""), ("America/Lima", ""), ("Asia/Kathmandu", "18"))
"""Zones, and the hour of their own that somebody asked for."""

QUARTERS = st.times().map(lambda moment: moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0))
DAYS = [date(2026, 12, day) for day in range(1, 29)]
CADENCES: list[tuple[dict[str, Any], timedelta]] = [
    ({"every": "1d", "at": "09:00"}, timedelta(hours=9)),
    ({"every": "2d"}, timedelta(hours=36)),
    ({"every": "7h"}, timedelta(hours=7)),
    ({"on": ["mon", "wed", "sat"], "at": "20:30"}, timedelta(hours=12)),
]
"""What the file says, and the least time between two pages. A page that left up to twelve hours late still counts from
the time it was due, and a later one for the day it left on, until midnight; hours are counted by a stopwatch."""


@st.composite
def opening(draw: st.DrawFn) -> dict[str, Any]:
    """[hours] that leave some time on some days."""
    quiet = draw(st.none() | st.tuples(QUARTERS, QUARTERS).filter(lambda span: span[0] != span[1]))
    weekdays = draw(st.none() | st.sets(st.sampled_from(["tue", "thu", "fri", "sun"]), min_size=1))
    holidays = draw(st.sets(st.sampled_from(DAYS), max_size=6))
    said: dict[str, Any] = {"holidays": sorted(day.isoformat() for day in holidays)} if holidays else {}
    if quiet:
        said["quiet"] = f"{quiet[0]:%H:%M}-{quiet[1]:%H:%M}"
    if weekdays:
        said["weekdays"] = ["mon", *sorted(weekdays)]
    return said


CAMPAIGNS = st.tuples(st.sampled_from(CADENCES), opening(), st.integers(1, 2))
DOWNTIMES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 4000)), max_size=4)


@example(campaigns=((CADENCES[1], {}, 1), (CADENCES[0], {}, 1)), overall=2, downtimes=[(1, 67 * 60)])  # 20 h late
@example(
    campaigns=((CADENCES[0], {}, 1), (CADENCES[0], {"quiet": "01:00-00:00", "weekdays": ["mon", "thu"]}, 1)),
    overall=1,
    downtimes=[],
)
@example(campaigns=((CADENCES[0], {}, 1), (CADENCES[0], {"quiet": "10:00-11:00"}, 1)), overall=2, downtimes=[(31, 841)])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(CAMPAIGNS, CAMPAIGNS), st.integers(1, 2), DOWNTIMES)
def test_nothing_is_early_twice_out_of_order_at_a_forbidden_hour_or_above_a_ceiling_and_everything_goes(
    campaigns: tuple[Any, Any], overall: int, downtimes: list[tuple[int, int]]
) -> None:
    world = World(empty_database())
    world.add_people([zone for zone, _ in PEOPLE])
    for number, (_, hour) in enumerate(PEOPLE, 1):
        if hour:
            world.change("INSERT INTO preference (subscriber_id, hour) VALUES (:id, :hour)", id=number, hour=int(hour))
    for name, ((cadence, _), hours, per_day) in zip(("first", "second"), campaigns, strict=True):
        limits = {"per_day": per_day, "per_day_overall": overall}
        world.add_campaign("abc", name=name, cadence=cadence, hours=hours, limits=limits)
    for alive, down in downtimes:
        world.live(f"{world.at + timedelta(hours=alive):%Y-%m-%d %H:%M}")
        world.at += timedelta(minutes=down)
    world.live("2027-06-01 00:00")
    days: Counter[tuple[int, date]] = Counter()
    for name, ((_, least), _, per_day) in zip(("first", "second"), campaigns, strict=True):
        definition = world.campaign(name).definition
        cadence = definition.calendar(world.campaign(name).started, ZoneInfo("UTC"))
        for number, (zone, hour) in enumerate(PEOPLE, 1):
            sent = world.sent_at(number, name)
            assert [page for page, _ in sent] == list("abc")
            assert all(later - earlier >= least for (_, earlier), (_, later) in pairwise(sent))
            own = personal(cadence, Preferences(hour=int(hour)) if hour else NO_PREFERENCES)
            local = [wall(moment, ZoneInfo(zone)) for _, moment in sent]
            assert [own.hours.reason_against(moment) for moment in local] == [""] * 3
            here = Counter((number, moment.date()) for moment in local)
            assert max(here.values()) <= per_day
            days += here
    assert max(days.values()) <= overall
    world.database.close()
