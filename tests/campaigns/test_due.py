"""When pages are due: tables made by hand from published changes of clocks, and laws that hold for any cadence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from newsletter.campaigns.due import (
    NO_PREFERENCES,
    NO_WISH,
    Before,
    Cadence,
    Preferences,
    Wish,
    cohort_due,
    next_due,
    personal,
    releases,
    settle,
)
from newsletter.campaigns.hours import Hours, Span
from newsletter.campaigns.rhythm import Dates, Interval, MonthDays, Rule, Weekdays
from newsletter.campaigns.timetable import parse_wish
from newsletter.campaigns.wall_time import instant, wall

LONG_AGO = datetime(2000, 1, 1)
NINE = time(9)
ANY_HOUR = Hours()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local_due(
    cadence: Cadence, sent: str, zone: str, wish: Wish = NO_WISH, preferences: Preferences = NO_PREFERENCES
) -> str:
    """The local time of the page after one that went out, on time, at the local time `sent`."""
    where = ZoneInfo(zone)
    moment = instant(datetime.fromisoformat(sent), where)
    due = next_due(cadence, Before(moment, moment), wish, where, preferences)
    return "never" if due is None else f"{due.astimezone(where):%Y-%m-%d %H:%M}"


def every(count: int, unit: str, at: time | None = NINE, hours: Hours = ANY_HOUR) -> Cadence:
    return Cadence(Interval(count, unit), LONG_AGO, at, hours)


@pytest.mark.parametrize(
    ("cadence", "zone", "sent", "due"),
    [
        # the wall clock shows 09:00 before and after a change of clocks
        (every(1, "d"), "Europe/Paris", "2026-03-28 09:00", "2026-03-29 09:00"),
        (every(1, "d"), "Europe/Paris", "2026-10-24 09:00", "2026-10-25 09:00"),
        (every(2, "w"), "America/New_York", "2026-02-28 09:00", "2026-03-14 09:00"),
        # a time that is skipped lands just after the gap, one that comes twice is the first
        (every(1, "d", time(2, 30)), "America/New_York", "2026-03-07 02:30", "2026-03-08 03:30"),
        (every(1, "d", time(1, 30)), "America/New_York", "2026-10-31 01:30", "2026-11-01 01:30"),
        (every(1, "d", time(2, 15)), "Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-04 02:45"),
        (every(1, "d", time(1, 45)), "Australia/Lord_Howe", "2026-04-04 01:45", "2026-04-05 01:45"),
        # midnight does not exist on that day
        (every(1, "d", time(0)), "America/Santiago", "2026-09-05 00:00", "2026-09-06 01:00"),
        (every(1, "d", time(0)), "Africa/Cairo", "2026-04-23 00:00", "2026-04-24 01:00"),
        # a whole day does not exist
        (every(1, "d"), "Pacific/Apia", "2011-12-29 09:00", "2011-12-31 09:00"),
        (every(1, "d"), "Pacific/Apia", "2011-12-31 09:00", "2012-01-01 09:00"),
        # leap days, ends of months and of years
        (every(1, "d"), "UTC", "2028-02-28 09:00", "2028-02-29 09:00"),
        (every(3, "d"), "UTC", "2026-12-30 09:00", "2027-01-02 09:00"),
        (Cadence(MonthDays(frozenset({31})), LONG_AGO, NINE), "UTC", "2027-01-31 09:00", "2027-02-28 09:00"),
        (Cadence(MonthDays(frozenset({29})), LONG_AGO, NINE), "UTC", "2028-01-29 09:00", "2028-02-29 09:00"),
        (Cadence(MonthDays(frozenset({1, -1})), LONG_AGO, NINE), "UTC", "2026-04-01 09:00", "2026-04-30 09:00"),
        # no hour: the hour of the page before; hours are counted with a stopwatch
        (every(3, "d", None), "Europe/Paris", "2026-03-27 17:20", "2026-03-30 17:20"),
        (every(6, "h", None), "Europe/Paris", "2026-03-29 00:00", "2026-03-29 07:00"),
        (every(90, "m", None), "UTC", "2026-03-29 23:00", "2026-03-30 00:30"),
        # days that are named
        (Cadence(Weekdays(frozenset({0, 3})), LONG_AGO, NINE), "UTC", "2026-11-23 09:00", "2026-11-26 09:00"),
        (Cadence(Weekdays(frozenset({0, 3})), LONG_AGO, NINE), "UTC", "2026-11-26 11:00", "2026-11-30 09:00"),
        (Cadence(Rule("FREQ=MONTHLY;BYDAY=1MO"), LONG_AGO, NINE), "UTC", "2026-11-02 09:00", "2026-12-07 09:00"),
        (Cadence(Rule("FREQ=DAILY;BYHOUR=8,18"), LONG_AGO), "UTC", "2026-11-02 08:00", "2026-11-02 18:00"),
        (Cadence(Rule("FREQ=YEARLY;COUNT=2"), datetime(2026, 1, 1), NINE), "UTC", "2027-01-01 09:00", "never"),
        (Cadence(Dates((date(2026, 12, 1), date(2026, 12, 24))), LONG_AGO, NINE), "UTC", "2026-12-01 09:00", "2026-12-24 09:00"),
        (Cadence(Dates((date(2026, 12, 1),)), LONG_AGO, NINE), "UTC", "2026-12-01 09:00", "never"),
        (Cadence(Interval(3, "d"), LONG_AGO, NINE, end=date(2026, 12, 3)), "UTC", "2026-12-01 09:00", "never"),
        # hours defer: a weekend, a holiday behind it, quiet hours over midnight, a window
        (every(1, "d", NINE, Hours(weekdays=frozenset(range(5)))), "UTC", "2026-11-27 09:00", "2026-11-30 09:00"),
        (
            every(1, "d", NINE, Hours(frozenset(range(5)), holidays=frozenset({date(2026, 11, 30)}))),
            "UTC", "2026-11-27 09:00", "2026-12-01 09:00",
        ),
        (every(10, "h", None, Hours(quiet=Span(time(21), time(7)))), "UTC", "2026-11-27 15:00", "2026-11-28 07:00"),
        (every(1, "h", None, Hours(quiet=Span(time(21), time(7)))), "UTC", "2026-11-27 01:00", "2026-11-27 07:00"),
        (every(1, "h", None, Hours(window=Span(time(8), time(12)))), "UTC", "2026-11-27 11:30", "2026-11-28 08:00"),
        (every(1, "h", None, Hours(window=Span(time(22), time(2)))), "UTC", "2026-11-27 01:30", "2026-11-27 22:00"),
    ],
)  # fmt: skip
def test_the_next_page_is_due_at_the_local_time_of_the_table(cadence: Cadence, zone: str, sent: str, due: str) -> None:
    assert local_due(cadence, sent, zone) == due


@pytest.mark.parametrize(
    ("wish", "due"),
    [
        (Wish(Interval(10, "d")), "2026-12-11 09:00"),
        (Wish(Interval(1, "w")), "2026-12-08 09:00"),
        (Wish(Interval(2, "h")), "2026-12-01 11:00"),
        (Wish(on=date(2026, 12, 24)), "2026-12-24 09:00"),
        (Wish(on=date(2026, 12, 24), at=time(18, 30)), "2026-12-24 18:30"),
        (Wish(on=date(2026, 11, 1)), "2026-12-04 09:00"),  # already past: as if it said nothing
    ],
)
def test_a_page_may_wish_for_its_own_delay_or_day(wish: Wish, due: str) -> None:
    assert local_due(every(3, "d"), "2026-12-01 09:00", "Europe/Paris", wish) == due


@pytest.mark.parametrize(
    ("cadence", "wish", "enrolled", "due"),
    [
        (every(3, "d"), Wish(), "2026-12-01 08:00", "2026-12-01 09:00"),
        (every(3, "d"), Wish(), "2026-12-01 09:01", "2026-12-02 09:00"),
        (every(3, "d", None), Wish(), "2026-12-01 09:01", "2026-12-01 09:01"),
        (
            every(3, "d"),
            Wish(Interval(0, "m")),
            "2026-12-01 23:10",
            "2026-12-02 09:00",
        ),  # at night: when the day begins
        (every(3, "d"), Wish(Interval(0, "m")), "2026-12-01 17:10", "2026-12-01 17:10"),  # a welcome
        (every(3, "d"), Wish(Interval(2, "d")), "2026-12-01 17:10", "2026-12-03 09:00"),
        (every(3, "d"), Wish(on=date(2026, 12, 24)), "2026-12-01 17:10", "2026-12-24 09:00"),
        (Cadence(Weekdays(frozenset({3})), LONG_AGO, NINE), Wish(), "2026-12-03 09:00", "2026-12-03 09:00"),
        (Cadence(Interval(3, "d"), datetime(2027, 1, 4), NINE), Wish(), "2026-12-03 09:00", "2027-01-04 09:00"),
        (Cadence(Interval(3, "d"), datetime(2020, 1, 4), NINE), Wish(), "2026-12-03 09:00", "2026-12-03 09:00"),
    ],
)
def test_the_first_page_follows_the_enrollment(cadence: Cadence, wish: Wish, enrolled: str, due: str) -> None:
    moment = utc(enrolled)
    found = next_due(cadence, Before(moment, moment, first=True), wish, ZoneInfo("UTC"))
    assert found == utc(due)


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        ("2026-12-01 09:04", "2026-12-08 09:00"),
        ("2026-12-01 20:59", "2026-12-08 09:00"),
        ("2026-12-02 00:10", "2026-12-09 09:00"),  # sent 15 h late: counts from the day it really went out
        ("2026-12-20 10:00", "2026-12-27 09:00"),
    ],
)
def test_a_late_page_moves_the_next_one(sent: str, due: str) -> None:
    before = Before(utc("2026-12-01 09:00"), utc(sent))
    assert next_due(every(7, "d"), before, Wish(), ZoneInfo("UTC")) == utc(due)


def test_a_retry_past_midnight_does_not_move_a_weekly_course_to_another_day() -> None:
    before = Before(utc("2026-12-01 18:00"), utc("2026-12-02 00:10"))
    assert next_due(every(1, "w", time(18)), before, Wish(), ZoneInfo("UTC")) == utc("2026-12-08 18:00")


def test_a_late_page_is_not_mailed_at_night() -> None:
    cadence = every(1, "d")
    due = next_due(cadence, Before(utc("2026-12-01 09:00"), utc("2026-12-01 09:00")), Wish(), ZoneInfo("UTC"))
    assert due is not None
    night = utc("2026-12-03 03:00")
    assert settle(personal(cadence, NO_PREFERENCES), night, ZoneInfo("UTC")) == utc("2026-12-03 09:00")
    assert settle(personal(cadence, NO_PREFERENCES), utc("2026-12-03 15:00"), ZoneInfo("UTC")) == utc(
        "2026-12-03 15:00"
    )


@pytest.mark.parametrize(
    ("preferences", "due"),
    [
        (Preferences(pace=200), "2026-12-07 09:00"),
        (Preferences(pace=50), "2026-12-03 09:00"),
        (Preferences(hour=18), "2026-12-04 18:00"),
        (Preferences(weekdays=frozenset({0})), "2026-12-07 09:00"),
        (Preferences(paused_until=utc("2027-01-10 00:00")), "2027-01-10 09:00"),
    ],
)
def test_what_a_reader_asked_for_is_obeyed(preferences: Preferences, due: str) -> None:
    assert local_due(every(3, "d"), "2026-12-01 09:00", "Europe/Lisbon", preferences=preferences) == due


def test_a_slower_reader_of_named_days_gets_every_second_one() -> None:
    cadence = Cadence(Weekdays(frozenset({0})), LONG_AGO, NINE)
    assert local_due(cadence, "2026-11-23 09:00", "UTC", preferences=Preferences(pace=150)) == "2026-12-07 09:00"


def test_weekdays_nobody_can_have_are_left_aside() -> None:
    hours = Hours(weekdays=frozenset(range(5)))
    only_saturday = Preferences(weekdays=frozenset({5}))
    assert (
        local_due(every(1, "d", NINE, hours), "2026-12-01 09:00", "UTC", preferences=only_saturday)
        == "2026-12-02 09:00"
    )


def test_a_rule_that_never_comes_ends_the_campaign_instead_of_hanging() -> None:
    cadence = Cadence(Rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), datetime(2026, 1, 1), NINE)
    assert local_due(cadence, "2026-12-01 09:00", "UTC") == "never"


def test_hours_that_leave_no_day_end_the_campaign_instead_of_hanging() -> None:
    cadence = every(1, "d", NINE, Hours(weekdays=frozenset()))
    assert local_due(cadence, "2026-12-01 09:00", "UTC") == "never"


# --- cohort ---

PAGES = {page: Wish() for page in "abc"}


def test_a_cohort_gets_each_page_at_the_same_local_time_everywhere() -> None:
    plan = releases(every(7, "d"), PAGES, {}, datetime(2026, 12, 1, 8))
    assert plan == {page: datetime(2026, 12, day, 9) for page, day in zip("abc", (1, 8, 15), strict=True)}
    joined = Before(utc("2026-12-01 00:00"), utc("2026-12-01 00:00"), first=True)
    for zone in ("Pacific/Auckland", "America/Lima", "Europe/Paris"):
        due = cohort_due(every(7, "d"), plan["b"], joined, ZoneInfo(zone))
        assert due is not None
        assert wall(due, ZoneInfo(zone)) == datetime(2026, 12, 8, 9)


def test_pages_already_released_keep_their_time_when_others_change() -> None:
    plan = releases(every(2, "d"), PAGES, {"a": datetime(2026, 12, 1, 9)}, datetime(2026, 12, 2, 12))
    assert plan == {page: datetime(2026, 12, day, 9) for page, day in zip("abc", (1, 3, 5), strict=True)}


def test_a_cohort_that_starts_in_the_past_goes_on_with_the_next_date_of_its_rhythm() -> None:
    plan = releases(Cadence(Weekdays(frozenset({0})), datetime(2026, 1, 5), NINE), PAGES, {}, datetime(2026, 12, 1))
    assert plan["a"] == datetime(2026, 12, 7, 9)


def test_a_release_missed_by_a_long_downtime_does_not_pile_up() -> None:
    sent = Before(utc("2026-12-01 09:00"), utc("2026-12-20 10:00"))
    assert cohort_due(every(7, "d"), datetime(2026, 12, 8, 9), sent, ZoneInfo("UTC")) == utc("2026-12-27 09:00")


def test_a_stopwatch_cohort_that_slept_for_years_is_planned_at_once() -> None:
    plan = releases(every(5, "s", None), PAGES, {"a": datetime(2006, 1, 1)}, datetime(2026, 1, 1))
    assert plan["b"] == datetime(2026, 1, 1)


# --- laws ---

ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia",
     "Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca", "Antarctica/Troll", "Asia/Gaza"]
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
TIMES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
SPANS = st.builds(Span, TIMES, TIMES)
INTERVALS = st.builds(Interval, st.integers(1, 40), st.sampled_from("smhdw"))
RHYTHMS = st.one_of(
    INTERVALS,
    st.builds(Weekdays, st.frozensets(st.integers(0, 6), min_size=1)),
    st.builds(MonthDays, st.frozensets(st.sampled_from([-1, 1, 15, 29, 30, 31]), min_size=1)),
    st.sampled_from([Rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SA"), Rule("FREQ=MONTHLY;BYMONTHDAY=31"), Rule("FREQ=DAILY;BYHOUR=2,14")]),
)  # fmt: skip
HOURS = st.builds(
    Hours,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.one_of(st.just(Span()), SPANS),
    st.one_of(st.none(), SPANS.filter(lambda span: span.start != span.end)),
    st.frozensets(st.dates(date(2009, 1, 1), date(2037, 1, 1)), max_size=5),
)
CADENCES = st.builds(Cadence, RHYTHMS, st.just(datetime(2008, 1, 1)), st.one_of(st.none(), TIMES), HOURS)
WISHES = st.one_of(
    st.just(Wish()),
    st.builds(Wish, INTERVALS),
    st.builds(Wish, st.none(), st.dates(date(2009, 1, 1), date(2037, 1, 1))),
)
PREFERENCES = st.builds(
    Preferences, st.integers(50, 400), st.one_of(st.none(), MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    st.one_of(st.none(), st.frozensets(st.integers(0, 6), min_size=1)), st.one_of(st.none(), st.integers(0, 23)),
)  # fmt: skip
LATENESS = st.timedeltas(timedelta(0), timedelta(days=40)).map(
    lambda late: timedelta(seconds=int(late.total_seconds()))
)


@settings(max_examples=120, deadline=None)
@given(CADENCES, ZONES, MOMENTS, LATENESS, WISHES, PREFERENCES)
def test_nothing_is_due_before_the_page_before_it_went_out_and_always_at_an_allowed_hour(
    cadence: Cadence, zone: str, due: datetime, late: timedelta, wish: Wish, preferences: Preferences
) -> None:
    where = ZoneInfo(zone)
    before = Before(due.replace(tzinfo=UTC), due.replace(tzinfo=UTC) + late)
    found = next_due(cadence, before, wish, where, preferences)
    assume(found is not None)
    assert found is not None
    assert found >= before.at
    assert found >= (preferences.paused_until or found)
    local = wall(found, where)
    reason = cadence.hours.reason_against(local)
    if reason:  # only where a change of clocks jumps over the allowed minutes
        day = timedelta(days=1)
        assert (found - day).astimezone(where).utcoffset() != (found + day).astimezone(where).utcoffset()


QUARTERS = [time(hour, minute) for hour in range(24) for minute in (0, 15, 30, 45)]
QUARTER_SPANS = st.tuples(st.sampled_from(QUARTERS), st.sampled_from(QUARTERS)).map(lambda ends: Span(*ends))


@settings(max_examples=150, deadline=None)
@given(
    st.builds(Hours, st.frozensets(st.integers(0, 6), min_size=1), QUARTER_SPANS, st.one_of(st.none(), QUARTER_SPANS)),
    st.sampled_from(QUARTERS), st.integers(0, 7 * 96),
)  # fmt: skip
def test_nothing_waits_beyond_the_next_day_that_is_open(hours: Hours, at: time, later: int) -> None:
    moment = datetime(2026, 11, 23) + later * timedelta(minutes=15)
    open_days = [
        day
        for day in (moment.date() + timedelta(days=ahead) for ahead in range(1, 9))
        if any(not hours.reason_against(datetime.combine(day, clock)) for clock in QUARTERS)
    ]
    allowed = hours.first_allowed(moment, at)
    assert (allowed is None) == (not open_days)
    if allowed is not None:
        assert moment <= allowed and allowed.date() <= open_days[0]
        assert not hours.reason_against(allowed)


@settings(max_examples=80, deadline=None)
@given(ZONES, MOMENTS, st.integers(1, 30), TIMES)
def test_a_page_every_few_days_is_never_early_and_never_skips_a_day_too_many(
    zone: str, sent: datetime, days: int, at: time
) -> None:
    where = ZoneInfo(zone)
    moment = sent.replace(tzinfo=UTC)
    found = next_due(Cadence(Interval(days, "d"), LONG_AGO, at), Before(moment, moment), Wish(), where)
    assert found is not None
    wanted = datetime.combine(wall(moment, where).date() + timedelta(days=days), at)
    assert timedelta(0) <= wall(found, where) - wanted <= timedelta(days=1)


@settings(max_examples=80, deadline=None)
@given(CADENCES, ZONES, MOMENTS, PREFERENCES)
def test_the_same_question_gets_the_same_answer(
    cadence: Cadence, zone: str, sent: datetime, preferences: Preferences
) -> None:
    before = Before(sent.replace(tzinfo=UTC), sent.replace(tzinfo=UTC))
    answers = {next_due(cadence, before, Wish(), ZoneInfo(zone), preferences) for _ in range(2)}
    assert len(answers) == 1


@pytest.mark.parametrize("wish", ["9999-12-31", "0001-01-01", "9999-12-31T23:59"])
def test_a_wish_no_calendar_can_keep_is_refused(wish: str) -> None:
    with pytest.raises(ValueError, match="is not between 1970 and 2199"):
        parse_wish(wish)
