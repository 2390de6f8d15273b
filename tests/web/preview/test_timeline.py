"""The days of a simulated subscriber."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import UsageError
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.showing import Json
from newsletter.web.preview.timeline import simulation
from tests.web.preview.project import NOON, desk_of, make_project, write


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_of(make_project(tmp_path.resolve()))


def unions(desk: Desk, **controls: str) -> list[Json]:
    """The rows of the series `unions`."""
    controls = {"start": "2026-03-02T09:30", "zone": "Europe/Paris", "cadence": "", "at": "", "persona": ""} | controls
    shown = desk.timeline(**controls, compose=True)  # type: ignore[arg-type]
    rows: list[Json] = next(series for series in shown["series"] if series["name"] == "unions")["pages"]
    return rows


def test_every_page_stands_on_its_day_and_a_draft_on_none(desk: Desk) -> None:
    assert {row["slug"]: row["due"] for row in unions(desk)} == {
        "_index": "2026-03-03T09:00",
        "learning": "2026-03-06T09:00",
        "unfinished": None,
        "last": "2026-03-13T09:00",
    }
    assert [row["slug"] for row in unions(desk) if row["draft"]] == ["unfinished"]


def test_cadence_start_and_hour_can_be_chosen(desk: Desk) -> None:
    rows = unions(desk, cadence="mon, thu", at="18:15", start="2026-03-04")
    assert [row["due"] for row in rows if row["due"]][:2] == ["2026-03-05T18:15", "2026-03-09T18:15"]


def test_a_change_of_clocks_keeps_the_hour(desk: Desk) -> None:
    rows = unions(desk, cadence="1d", start="2026-03-27T10:00")
    assert [row["due"] for row in rows if row["due"]][:2] == ["2026-03-28T09:00", "2026-03-29T09:00"]


def test_the_reader_lives_in_their_own_zone(desk: Desk) -> None:
    shown = desk.timeline(start="", zone="", cadence="", at="", persona="row-2")
    assert (shown["zone"], shown["start"]) == ("Asia/Tokyo", "2026-03-02T21:00")


def test_a_campaign_gives_its_cadence_and_a_broken_one_is_told(desk: Desk, tmp_path: Path) -> None:
    write(tmp_path, "campaigns/slow.toml", 'series = "unions"\n[cadence]\nevery = "2w"\nat = "07:00"\n')
    write(tmp_path, "campaigns/torn.toml", "series = [\n")
    assert [row["due"] for row in unions(desk, cadence="slow")][:2] == ["2026-03-03T07:00", "2026-03-17T07:00"]
    shown = desk.timeline(start="", zone="", cadence="", at="", persona="")
    assert [note["path"] for note in shown["notes"]] == ["campaigns/torn.toml"]


def test_a_link_that_leads_nowhere_stands_at_its_page(desk: Desk) -> None:
    astray = {row["slug"]: row["astray"] for row in unions(desk) if row["astray"]}
    assert list(astray) == ["learning"]
    assert (astray["learning"]["path"], astray["learning"]["line"]) == ("unions/learning.md", 7)


def test_a_row_is_merged_for_the_reader(desk: Desk) -> None:
    assert unions(desk, persona="row-2")[0]["subject"] == "Welcome Bo"
    assert unions(desk, persona="bare")[0]["subject"] == "Welcome friend"


@pytest.mark.parametrize(
    ("control", "value"),
    [("zone", "Mars/Olympus"), ("zone", "../etc"), ("start", "yesterday"), ("cadence", "often"), ("at", "25:00")],
)
def test_what_can_not_be_meant_is_refused_in_words(desk: Desk, control: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        unions(desk, **{control: value})
    assert caught.value.remedy


@given(
    start=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda when: when.isoformat())
    | st.text(max_size=12),
    cadence=st.text(max_size=30) | st.sampled_from(["0d", "-1d", "999999999d", "FREQ=DAILY", "FREQ=SECONDLY", "mon,"]),
    at=st.text(max_size=8),
    zone=st.sampled_from(["UTC", "Europe/Paris", "Asia/Kathmandu"]) | st.text(max_size=20),
)
def test_any_controls_give_a_simulation_or_a_usage_error(start: str, cadence: str, at: str, zone: str) -> None:
    try:
        simulation(start, zone, cadence, at, now=NOON, campaigns={})
    except UsageError as error:
        assert error.message
