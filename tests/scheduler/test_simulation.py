"""Looking ahead shows what really happens later."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.campaigns.outlook_files import Sending, to_csv, to_html, to_ical
from newsletter.campaigns.volume import jams, per_hour
from newsletter.config import Settings
from newsletter.errors import CampaignError
from newsletter.scheduler.apply import apply
from newsletter.scheduler.show import show
from newsletter.scheduler.simulation import copy_of, simulate
from newsletter.store.database import Database
from tests.delivery.servers import KeepingServer
from tests.delivery.world import RING, a_relay, settings_for
from tests.scheduler.lived import live_through, mails_sent
from tests.scheduler.prepared_pages import ready
from tests.scheduler.world import World, utc

ZONES = ["Europe/Paris", "America/Lima", "Asia/Tokyo", "", "Australia/Lord_Howe"]


@pytest.fixture
def world(sqlite_database: Database) -> World:
    return World(sqlite_database, utc("2026-03-20 00:00"))


def test_the_scheduler_with_a_moved_clock_and_a_real_relay_does_what_was_simulated(
    world: World, tmp_path: Path
) -> None:
    """Row by row, over a change of clocks; and each mail can be shown again as it was sent."""
    world.add_people(ZONES)
    world.change("INSERT INTO preference (subscriber_id, hour) VALUES (2, 18)")
    prepared = ready("abc")
    with KeepingServer() as server:
        settings = settings_for(world.database, tmp_path, a_relay(server.port))
        expected = list(simulate(copy_of(world.database), settings, "course", world.at, 30, prepared))
        apply(world.database, settings, prepared, world, who="test")
        live_through(world, settings, world.at + timedelta(days=30))
        arrived = [email.message_from_bytes(kept.data, policy=email.policy.default) for kept in server.kept]
    assert mails_sent(world.database) == sorted((each.at, each.zone, each.address, each.page_id) for each in expected)
    assert len(arrived) == len(expected) == 15
    found = next(each for each in arrived if each["subject"] == "b" and each["to"] == "reader1@example.com")
    shown = show(world.database, settings, RING, "course", "b", "Reader1@example.com")
    assert shown.doubts == ()
    again = email.message_from_bytes(shown.message, policy=email.policy.default)
    assert [again[key] for key in again] == [found[key] for key in again]
    assert again.get_content_type() == found.get_content_type()
    world.at += timedelta(days=1)
    world.change("UPDATE subscriber SET name = 'Ann Other', updated_at = :now WHERE id = 1", now=world.seconds)
    (doubt,) = show(world.database, settings, RING, "course", "b", "Reader1@example.com").doubts
    assert "was changed on 2026" in doubt


def test_looking_ahead_changes_nothing(world: World) -> None:
    world.add_people(ZONES)
    world.add_campaign()
    world.live("2026-03-21 00:00")
    before = world.campaign(), world.states(), world.sent()
    assert len(list(simulate(copy_of(world.database), Settings(), "course", world.at, 60))) > 0
    assert (world.campaign(), world.states(), world.sent()) == before


def test_one_reader_may_be_looked_at_alone(world: World) -> None:
    ids = world.add_people(ZONES)
    world.add_campaign()
    world.tick()
    alone = list(simulate(copy_of(world.database, subscriber_id=ids[1]), Settings(), "course", world.at, 60))
    together = list(simulate(copy_of(world.database), Settings(), "course", world.at, 60))
    assert alone == [each for each in together if each.subscriber_id == ids[1]]


def test_a_cancelled_campaign_has_no_future(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.change("UPDATE campaign SET state = 'cancelled'")
    with pytest.raises(CampaignError, match="cancelled"):
        list(simulate(copy_of(world.database), Settings(), "course", world.at, 60))


def test_a_jam_says_when_it_will_be_over() -> None:
    nine = datetime(2027, 1, 5, 9, tzinfo=UTC)
    (jam,) = jams({nine: 41_000}, 10_000)
    assert str(jam) == "Tuesday 05 January 09:00 needs 41,000/h, relay allows 10,000/h: done by 13:06"
    assert list(jams({nine: 41_000}, 50_000)) == []
    assert list(jams({nine: 41_000}, 0)) == []


def test_mail_that_piles_up_over_several_hours_is_one_jam() -> None:
    nine = datetime(2027, 1, 5, 9, tzinfo=UTC)
    hours = {nine: 150, nine + timedelta(hours=1): 120, nine + timedelta(days=3): 50}
    (jam,) = jams(hours, 100)
    assert (jam.start, jam.needed, jam.done) == (nine, 150, nine + timedelta(hours=2, minutes=42))


SENDINGS = [
    Sending(utc("2027-01-05 08:00"), "Europe/Paris", "=ann@example.com", 1, "unions", "day, one"),
    Sending(utc("2027-01-05 08:00"), "UTC", "bob@example.com", 2, "unions", "day, one"),
]


def test_the_csv_is_safe_for_spreadsheets() -> None:
    assert (
        list(to_csv(SENDINGS))[1]
        == '2027-01-05T08:00:00Z,2027-01-05 09:00:00,Europe/Paris,\'=ann@example.com,unions,"day, one"\r\n'
    )


def test_the_calendar_has_one_event_for_what_goes_out_together() -> None:
    calendar = to_ical(SENDINGS, by_reader=False)
    assert calendar.count("BEGIN:VEVENT\r\n") == 1
    assert "SUMMARY:unions: day\\, one to 2 readers\r\n" in calendar
    assert to_ical(SENDINGS, by_reader=True).count("BEGIN:VEVENT\r\n") == 2


def test_long_lines_of_a_calendar_are_folded_between_characters() -> None:
    long = [SENDINGS[0]._replace(page_id="é" * 200)]
    for line in to_ical(long, by_reader=True).split("\r\n"):
        assert len(line.encode()) <= 75


def test_the_chart_loads_nothing_from_anywhere() -> None:
    html = to_html("<unions>", per_hour(each.at for each in SENDINGS), 1, list(jams({SENDINGS[0].at: 5}, 1)))
    assert "<svg" in html and "&lt;unions&gt;" in html and "needs 5/h" in html
    assert "<script" not in html and "src=" not in html and "@import" not in html
