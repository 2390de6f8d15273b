"""Campaign files: what they may say, and how they are refused."""

from __future__ import annotations

import json
import os
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.campaigns import schema as schemas
from newsletter.campaigns.definition import Definition
from newsletter.campaigns.definition_file import (
    Source,
    definition_from,
    definition_to_json,
    parse_definition,
)
from newsletter.campaigns.rhythm import Dates, Interval, MonthDays, Rule, Weekdays
from newsletter.campaigns.timetable import timetable
from newsletter.errors import CampaignError
from newsletter.scheduler.campaign_files import read_holidays

WHOLE = """
series = "unions"
mode = "cohort"
start = 2027-01-04
end = 2027-12-24
evergreen = true
relay = "main"
crash_policy = "resend"
tracking = "none"
require_approval = true

[audience]
tags = ["founders", "press"]

[sender]
name = "The Dojo"
reply_to = "us@example.com"

[cadence]
on = ["Mon", "thursday"]
at = "08:30"
zone = "Europe/Paris"

[hours]
weekdays = ["mon", "tue", "wed", "thu", "fri"]
window = "08:00-20:00"
quiet = "12:00–14:00"
holidays = [2027-05-01, "2027-07-14"]

[limits]
per_day = 1
per_day_overall = 2
per_hour = 400

[seeds]
addresses = ["ann@example.com"]
wait = "30m"

[canary]
readers = 50
wait = "2h"
bounces = 3
complaints = 0.5
"""


def read(text: str) -> Definition:
    return parse_definition(text, name="campaigns/unions.toml", dates_of=lambda name: (date(2027, 1, 1),))


def test_a_file_may_say_everything() -> None:
    found = read(WHOLE)
    assert (found.series, found.mode, found.crash_policy, found.require_approval) == (
        "unions",
        "cohort",
        "resend",
        True,
    )
    assert found.start == datetime(2027, 1, 4)
    assert found.rhythm == Weekdays(frozenset({0, 3}))
    assert found.hours.holidays == (date(2027, 5, 1), date(2027, 7, 14))
    assert str(found.hours.quiet) == "12:00-14:00"
    assert found.canary.bounces == 3.0


def test_what_the_database_keeps_is_what_the_file_said() -> None:
    found = read(WHOLE)
    kept = json.loads(json.dumps(definition_to_json(found)))
    assert definition_from(kept, Source("database")) == found


@pytest.mark.parametrize(
    ("line", "rhythm"),
    [
        ('every = "2w"', Interval(2, "w")),
        ("days_of_month = [1, -1]", MonthDays(frozenset({1, -1}))),
        ('rrule = "FREQ=MONTHLY;BYDAY=1MO"', Rule("FREQ=MONTHLY;BYDAY=1MO")),
        ("dates = [2027-02-01, 2027-01-01]", Dates((date(2027, 1, 1), date(2027, 2, 1)))),
    ],
)
def test_there_is_one_rhythm(line: str, rhythm: object) -> None:
    assert read(f'series = "unions"\naudience = "all"\n[cadence]\n{line}\n').rhythm == rhythm


def test_holidays_may_stand_in_a_file_of_their_own() -> None:
    assert read('series = "a"\n[cadence]\nevery = "1d"\n[hours]\nholidays = "days.ics"').hours.holidays == (
        date(2027, 1, 1),
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('series = "a"\nsereis = "b"', 2, "nobody knows this key"),
        ('series = "a"\n[cadense]\nevery = "1d"', 2, "Did you mean 'cadence'"),
        ('series = "a"\n[cadence]\nevry = "1d"', 3, "Did you mean 'every'"),
        ('series = "a"\n[cadence]\nevery = "3 dogs"', 3, "not a time span"),
        ('series = "a"\n[cadence]\nevery = "0d"', 3, "no time between pages"),
        ('series = "a"\n[cadence]\nevery = 3', 3, "should be a text in quotes"),
        ('series = "a"\n[cadence]\nevery = "1d"\nat = "25:00"', 4, "there is no 25:00"),
        ('series = "a"\n[cadence]\nevery = "1d"\nzone = "Europe/Pariss"', 4, "not an IANA time zone"),
        ('series = "a"\n[cadence]\nevery = "1d"\nzone = "../../etc/passwd"', 4, "not an IANA time zone"),
        ('series = "a"\n[cadence]\nevery = "1d"\non = ["mon"]', 2, "exactly one of"),
        ('series = "a"', None, "says nothing"),
        ('[cadence]\nevery = "1d"', None, "series: is missing"),
        ('series = "a"\n[cadence]\non = ["mon", "noday"]', 3, "not a day of the week"),
        ('series = "a"\n[cadence]\ndays_of_month = [0]', 3, "no day of a month"),
        ('series = "a"\n[cadence]\ndates = ["2027-02-30"]', 3, "not a day like"),
        ('series = "a"\nstart = 2027-02-30', 2, "is not TOML"),
        ('series = "a"\nstart = 2027-02-01\nend = 2027-01-01\n[cadence]\nevery = "1d"', 3, "before start"),
        ('series = "a"\n[cadence]\nrrule = "FREQ=NEVER"', 3, "not a rule of RFC 5545"),
        ('series = "a"\n[cadence]\nrrule = "FREQ=SECONDLY"', 3, "repeats within a day"),
        ('series = "a"\n[cadence]\nrrule = "DTSTART:20270101\\nRRULE:FREQ=DAILY"', 3, "one rule only"),
        (
            'series = "a"\n[cadence]\nevery = "1d"\n[hours]\nwindow = "08:00-10:00"\nquiet = "07:00-11:00"',
            6,
            "no minute of the day",
        ),
        ('series = "a"\n[cadence]\non = ["sat"]\n[hours]\nweekdays = ["mon"]', 5, "none of the days"),
        ('series = "a"\n[cadence]\nevery = "1d"\n[audience]\ntags = ["x"]\ncsv = "y.csv"', 6, "stands beside"),
        ('series = "a"\n[cadence]\nevery = "1d"\n[canary]\nreaders = -1', 5, "less than none"),
        ('series = "a"\n[cadence]\nevery = "1d"\n[canary]\nbounces = 101', 5, "not a percentage"),
        ('series = "a"\nmode = "both"\n[cadence]\nevery = "1d"', 2, "not one of"),
        ('series = "a"\ntracking = "pixels"\n[cadence]\nevery = "1d"', 2, "not one of"),
        ('series = "a"\nevergreen = "yes"\n[cadence]\nevery = "1d"', 2, "true or false"),
        ('series = "a"\ncadence = "daily"', 2, "is a table"),
        ("series = ", 1, "is not TOML"),
        ('series = "a"\nseries = "b"', 2, "is not TOML"),
        ("series = " + "[" * 50_000, None, "nested too deep"),
        ('series = "a"\nstart = 9999-12-31\n[cadence]\nevery = "1d"', 2, "the year 9999 is not between 1970 and 2199"),
        ('series = "a"\nstart = 0001-01-01T09:00:00\n[cadence]\nevery = "1d"', 2, "the year 1 is not between"),
        ('series = "a"\nend = 9999-12-31\n[cadence]\nevery = "1d"', 2, "the year 9999"),
        ('series = "a"\n[cadence]\ndates = [2027-01-01, 0001-01-01]', 3, "the year 1 "),
        ('series = "a"\n[cadence]\nrrule = "FREQ=DAILY;INTERVAL=0"', 3, "never moves on"),
        ('series = "a"\n[cadence]\nrrule = "INTERVAL=-2;FREQ=DAILY"', 3, "never moves on"),
        ('series = "a"\n[cadence]\nrrule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"', 3, "no day that ever comes"),
        ('series = "a"\n[cadence]\nrrule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3"', 3, "no day that ever"),
        ('series = "a"\n[cadence]\nrrule = "FREQ=DAILY;UNTIL=20270101T000000Z"', 3, "Leave the Z|local time"),
    ],
)
def test_what_can_not_be_meant_is_refused_by_key_and_line(text: str, line: int | None, message: str) -> None:
    with pytest.raises(CampaignError, match=message) as refused:
        read(text)
    assert refused.value.where == "campaigns/unions.toml"
    if line is not None:
        assert refused.value.line == line


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["series", "mode", "start", "cadence", "hours", "audience", "canary", "seeds", "limits", "x"])
TABLES = st.dictionaries(
    st.sampled_from(["every", "on", "at", "zone", "rrule", "dates", "days_of_month", "window", "quiet", "holidays", "wait", "readers"]),
    JUNK | st.sampled_from(["3d", "09:00", "22:00-07:00", ["mon"], "FREQ=DAILY", [1], 5]),
)  # fmt: skip


HOSTILE = st.sampled_from(
    ["nan", "-inf", "1e400", "9" * 400, "-0", "true", "{}", "[[]]", "07:32:00", "1979-05-27T07:32:00Z", '""']
) | st.sampled_from(["0001-01-01", '"2027-02-30"', '"24:00-24:00"', '"9999999d"', '"../../passwd"', '"FREQ=DAILY"'])
LINES = WHOLE.splitlines()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), HOSTILE | st.text(max_size=6)), min_size=1, max_size=3))
def test_nothing_but_a_clear_error_comes_of_a_hostile_file(changes: list[tuple[int, str]]) -> None:
    lines = list(LINES)
    for place, value in changes:
        lines[place] = f"{lines[place].split('=')[0]} = {value}"
    try:
        read("\n".join(lines))
    except CampaignError as error:
        assert error.message
        assert error.line is None or error.line >= 1


def test_a_number_no_database_can_hold_is_refused_by_line() -> None:
    with pytest.raises(CampaignError, match="a number of 12 digits is too large") as refused:
        read(WHOLE.replace("bounces = 3", "bounces = 999999999999"))
    assert refused.value.line is not None


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, JUNK | TABLES))
def test_nothing_but_a_clear_error_comes_of_junk(document: dict[str, object]) -> None:
    try:
        found = definition_from({"series": "a", **document}, Source("junk"))
    except CampaignError as error:
        assert error.message
    else:
        assert definition_from(definition_to_json(found), Source("junk")) == found


def test_the_schema_for_editors_is_the_one_of_the_code() -> None:
    file = Path(schemas.__file__).with_name(schemas.FILE)
    assert file.read_text(encoding="utf-8") == schemas.schema_text()


def test_the_schema_knows_every_key_of_a_whole_file() -> None:
    document, known = tomllib.loads(WHOLE), schemas.schema()["properties"]
    for key, value in document.items():
        assert key in known
        table = known[key].get("anyOf", [known[key]])[0]
        for name in value if isinstance(value, dict) else ():
            assert name in table["properties"]


ICS = """BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:Christmas
DTSTART;VALUE=DATE:20261225
DTEND;VALUE=DATE:20261227
END:VEVENT
BEGIN:VEVENT
DTSTART:20270101T000000Z
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (ICS, (date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1))),
        (ICS.replace("\n", "\r\n"), (date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1))),
        ("# ours\n2026-12-25 Christmas\n\n2027-01-01\n", (date(2026, 12, 25), date(2027, 1, 1))),
    ],
)
def test_a_calendar_of_holidays_is_read(tmp_path: Path, text: str, days: tuple[date, ...]) -> None:
    (tmp_path / "days").write_bytes(text.encode())
    assert read_holidays(tmp_path / "days") == days


def test_an_impossible_holiday_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "days").write_text("2026-12-25\n2026-13-01\n")
    with pytest.raises(CampaignError, match="2026-13-01") as refused:
        read_holidays(tmp_path / "days")
    assert refused.value.line == 2


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (ICS.replace("SUMMARY:Christmas", "RRULE:FREQ=YEARLY"), 3, "this event repeats"),
        (ICS.replace("20261225", "99991231"), 4, "the year 9999"),
        ("2026-12-25\n" * 100_000, None, "1,100,000 bytes"),
    ],
)
def test_a_calendar_that_would_be_followed_wrongly_is_refused(
    tmp_path: Path, text: str, line: int | None, message: str
) -> None:
    (tmp_path / "days").write_text(text)
    with pytest.raises(CampaignError, match=message) as refused:
        read_holidays(tmp_path / "days")
    assert refused.value.line == line


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "days")
    with pytest.raises(CampaignError, match="not an ordinary file"):
        read_holidays(tmp_path / "days")


@pytest.mark.parametrize(
    ("lines", "zone"),
    [
        ('mode = "cohort"\n[cadence]\nevery = "10s"', "Europe/Paris"),
        ('mode = "drip"\n[cadence]\nevery = "10s"', "America/New_York"),
        ('mode = "cohort"\n[cadence]\nevery = "1d"', "America/New_York"),
        ('mode = "cohort"\n[cadence]\nevery = "6h"\nat = "09:00"', "America/New_York"),
        ('mode = "cohort"\nstart = 2027-01-11\n[cadence]\nevery = "6h"', "America/New_York"),
        ('mode = "cohort"\n[cadence]\nevery = "6h"\n[hours]\nquiet = "22:00-07:00"', "America/New_York"),
    ],
)
def test_a_cohort_on_a_stopwatch_waits_for_no_local_hour_unless_asked(lines: str, zone: str) -> None:
    assert read(f'series = "a"\n{lines}').zone_of("America/New_York", "Europe/Paris") == zone


@pytest.mark.parametrize("cadence", ['every = "10s"', 'every = "3d"', 'every = "3d"\nat = "21:00"'])
def test_a_drip_without_a_start_keeps_nobody_waiting_who_lives_west_of_it(cadence: str) -> None:
    """It was started at 01:30 UTC, when it was still half past eight in the evening in New York."""
    started = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    table = timetable(read(f'series = "a"\n[cadence]\n{cadence}\n'), started, [("one", "", "")])
    now = int(started.timestamp())
    due = table.due("one", now, now, "America/New_York", first=True)
    assert due is not None
    assert due - now <= 30 * 60
