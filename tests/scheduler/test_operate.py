"""What operators do: at once, idempotent, and written down."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from newsletter.campaigns.definition import Limits
from newsletter.compose.email import Email
from newsletter.errors import CampaignError
from newsletter.scheduler import operate
from newsletter.scheduler.status import why
from newsletter.store.audits import actions_on
from newsletter.store.campaigns import change_definition, planning, running_campaigns
from newsletter.store.database import Database
from newsletter.store.emails import save_email
from tests.scheduler.world import World, utc

OPERATOR = "ada"
READER = "reader1@example.com"


@pytest.fixture
def world(sqlite_database: Database) -> World:
    return World(sqlite_database)


def reasons(world: World, address: str = READER) -> tuple[str, ...]:
    with world.database.reading() as connection:
        return why(connection, "course", address, world.seconds).sentences


def log(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as connection:
        return [(each.who, each.action) for each in actions_on(connection, "course")][::-1]


def test_a_pause_holds_what_is_planned_and_resuming_sends_one_page_at_a_sane_hour(database: Database) -> None:
    world = World(database)
    (reader,) = world.add_people(["UTC"])
    world.add_campaign()
    world.at = utc("2026-12-01 09:00")
    world.tick()
    assert operate.pause(world.database, "course", world, who=OPERATOR)
    assert not operate.pause(world.database, "course", world, who=OPERATOR)
    world.at = utc("2026-12-01 09:01")
    world.live("2026-12-14 23:00")
    assert world.sent() == []
    assert reasons(world)[0] == "The campaign is paused: nothing leaves until it is resumed."
    assert operate.resume(world.database, "course", world, who=OPERATOR)
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-15 09:00"), ("b", "12-18 09:00"), ("c", "12-21 09:00")]
    assert log(world) == [(OPERATOR, "pause"), (OPERATOR, "resume")]


def test_a_cancelled_campaign_is_over(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.at = utc("2026-12-01 09:00")
    world.tick()
    assert operate.cancel(world.database, "course", world, who=OPERATOR)
    assert not operate.cancel(world.database, "course", world, who=OPERATOR)
    world.live("2026-12-31 00:00")
    assert world.sent() == []
    with pytest.raises(CampaignError, match="cancelled"):
        operate.resume(world.database, "course", world, who=OPERATOR)


def test_nothing_leaves_before_it_is_approved(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.change("UPDATE campaign SET state = 'unapproved', started_at = NULL")
    world.live("2026-12-03 00:00")
    assert world.sent() == []
    assert operate.approve(world.database, "course", world, who=OPERATOR)
    world.live("2026-12-04 00:00")
    assert world.sent() == [("a", "12-03 09:00")]


def test_skipping_moving_and_restarting_one_reader(database: Database) -> None:
    world = World(database)
    one, two, three = world.add_people(["UTC"] * 3)
    world.add_campaign("abcd")
    world.live("2026-12-02 00:00")  # everybody has had a
    assert operate.skip(world.database, "course", READER, world, who=OPERATOR) == "c"
    assert operate.move(world.database, "course", "READER2@example.com", "4", world, who=OPERATOR) == "d"
    assert operate.restart(world.database, "course", "reader3@example.com", world, who=OPERATOR) == "a"
    world.live("2027-01-31 00:00")
    assert world.sent(one) == [("a", "12-01 09:00"), ("c", "12-04 09:00"), ("d", "12-07 09:00")]
    assert world.sent(two) == [("a", "12-01 09:00"), ("d", "12-04 09:00")]
    assert [page for page, _ in world.sent(three)] == list("aabcd")
    assert world.sent(three)[1] == ("a", "12-02 09:00")
    assert log(world) == [(OPERATOR, "skip"), (OPERATOR, "move"), (OPERATOR, "restart")]


def test_a_reader_moved_back_gets_the_pages_again_under_other_message_ids(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign("abc")
    world.live("2026-12-31 00:00")
    assert operate.move(world.database, "course", READER, "b", world, who=OPERATOR) == "b"
    assert operate.move(world.database, "course", READER, "b", world, who=OPERATOR) == "b"  # nothing more
    world.live("2027-01-31 00:00")
    assert [page for page, _ in world.sent(reader)] == list("abcbc")
    with world.database.reading() as connection:
        copies = connection.execute(text("SELECT page_id, copy FROM delivery WHERE state = 'sent' ORDER BY id")).all()
    assert copies == [("a", 0), ("b", 0), ("c", 0), ("b", 100), ("c", 100)]


def test_what_is_being_sent_is_not_sent_again_by_moving_its_reader(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign("abc")
    world.at = utc("2026-12-01 09:00")
    world.tick()
    world.at = utc("2026-12-01 09:01")
    world.tick()
    world.change("UPDATE delivery SET state = 'claimed'")
    operate.move(world.database, "course", READER, "c", world, who=OPERATOR)
    world.change("UPDATE delivery SET state = 'sent', finished_at = :now WHERE state = 'claimed'", now=world.seconds)
    world.live("2026-12-31 00:00")
    assert [page for page, _ in world.sent(reader)] == ["a", "c"]


def test_sending_again_is_a_copy_and_moves_nobody(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    world.add_campaign()
    world.live("2026-12-02 10:00")
    operate.send_again(world.database, "course", READER, "a", world, who=OPERATOR)
    world.live("2026-12-05 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("a", "12-02 10:00"), ("b", "12-04 09:00")]


def test_errata_go_to_those_who_got_the_wrong_page_once_and_at_an_hour_for_mail(database: Database) -> None:
    world = World(database)
    paris, tokyo = world.add_people(["Europe/Paris", "Asia/Tokyo"])
    world.add_campaign()
    world.live("2026-12-02 00:00")
    assert operate.errata(world.database, "course", "a", world, who=OPERATOR) == 0
    with world.database.transaction() as connection:
        mended = save_email(
            connection, Email("course", "a", "a", "a", "", "<p>mended</p>", "mended", "en", "ltr"), now=0
        )
    world.change("UPDATE campaign_page SET email_hash = :mended WHERE page_id = 'a'", mended=mended)
    world.at = utc("2026-12-02 13:00")  # 14:00 in Paris, 22:00 in Tokyo
    assert operate.count_errata_of(world.database, "course", "a") == 2
    assert operate.errata(world.database, "course", "1", world, who=OPERATOR) == 2
    assert operate.errata(world.database, "course", "1", world, who=OPERATOR) == 0
    world.live("2026-12-03 12:00")
    assert world.sent(paris)[1] == ("a", "12-02 13:00")
    assert world.sent(tokyo)[1] == ("a", "12-03 00:00")


def test_an_erratum_that_waits_for_the_morning_survives_a_skip_and_reaches_whoever_was_moved(
    database: Database,
) -> None:
    world = World(database)
    skipped, moved = world.add_people(["Asia/Tokyo"] * 2)
    world.add_campaign("abcd")
    world.live("2026-12-02 00:00")
    operate.move(world.database, "course", "reader2@example.com", "c", world, who=OPERATOR)
    operate.move(world.database, "course", "reader2@example.com", "b", world, who=OPERATOR)  # a is passed over now
    with world.database.transaction() as connection:
        mended = save_email(
            connection, Email("course", "a", "a", "a", "", "<p>mended</p>", "mended", "en", "ltr"), now=0
        )
    world.change("UPDATE campaign_page SET email_hash = :mended WHERE page_id = 'a'", mended=mended)
    world.at = utc("2026-12-02 13:00")  # 22:00 in Tokyo
    assert operate.errata(world.database, "course", "a", world, who=OPERATOR) == 2
    assert operate.skip(world.database, "course", READER, world, who=OPERATOR) == "c"
    world.live("2026-12-31 00:00")
    assert [page for page, _ in world.sent(skipped)] == list("aacd")
    assert [page for page, _ in world.sent(moved)] == list("aabcd")


def test_a_person_decides_about_uncertain_mails(world: World) -> None:
    one, two = world.add_people(["UTC"] * 2)
    world.add_campaign()
    world.at = utc("2026-12-01 09:00")
    world.tick()
    world.at = utc("2026-12-01 09:01")
    world.tick()
    world.change("UPDATE delivery SET state = 'uncertain', reply = 'uncertain: the connection broke'")
    assert "may or may not have arrived" in reasons(world)[0]
    assert operate.resolve(world.database, "course", "sent", world, who=OPERATOR, address=READER) == 1
    assert operate.resolve(world.database, "course", "due", world, who=OPERATOR) == 1
    assert operate.resolve(world.database, "course", "due", world, who=OPERATOR) == 0
    world.live("2026-12-05 00:00")
    assert [page for page, _ in world.sent(one)] == ["a", "b"]
    assert [page for page, _ in world.sent(two)] == ["a", "b"]


def test_seeds_get_each_page_before_everybody_else(database: Database) -> None:
    world = World(database)
    (seed,) = world.add_people(["UTC"])
    (reader,) = world.add_people(["UTC"], tag="readers")
    world.add_campaign(audience={"tags": ["readers"]}, seeds={"addresses": ["Reader1@example.com"], "wait": "2h"})
    world.live("2026-12-10 00:00")
    assert world.sent(seed) == [("a", "12-01 09:00"), ("b", "12-04 09:00"), ("c", "12-07 09:00")]
    assert world.sent(reader) == [("a", "12-01 11:00"), ("b", "12-04 11:00"), ("c", "12-07 11:00")]


def test_a_canary_goes_first_and_opens_the_page_if_all_is_well(world: World) -> None:
    world.add_people(["UTC"] * 10)
    world.add_campaign(canary={"readers": 3, "wait": "1h"})
    world.live("2026-12-01 09:30")
    assert len(world.sent()) == 3
    world.live("2026-12-01 23:00")
    assert [when for _, when in world.sent()] == ["12-01 09:00"] * 3 + ["12-01 10:00"] * 7


def test_a_canary_that_bounces_stops_the_campaign(world: World) -> None:
    world.add_people(["UTC"] * 10)
    world.add_campaign(canary={"readers": 4, "wait": "1h", "bounces": 20})
    world.at = utc("2026-12-01 09:00")
    world.tick()
    world.at = utc("2026-12-01 09:01")
    world.tick()
    world.change("UPDATE delivery SET state = 'failed', finished_at = :now WHERE id <= 2", now=world.seconds)
    world.live("2026-12-05 00:00")
    assert len(world.sent()) == 2
    assert world.campaign().state == "paused"
    with world.database.reading() as connection:
        (message,) = connection.execute(text("SELECT message FROM alert")).scalars()
    assert message == "paused by its canary: page a, 2 of the first 4 bounced, more than 20 per cent"


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        ("", "Page a is due Tue 01 Dec 2026 09:00 (UTC): every 3 days at 09:00."),
        ("UPDATE subscriber SET state = 'pending'", "They have not confirmed their subscription."),
        ("INSERT INTO suppression (address_hash, reason, at) VALUES (CAST('1' AS BLOB), 'complained', 0)", "They must not be mailed: complained."),
        ("UPDATE enrollment SET state = 'finished', next_page_id = NULL", "They have had every page."),
        ("DELETE FROM enrollment", "They are not enrolled yet; the scheduler does that at its next tick (`newsletter run`)."),
    ],
)  # fmt: skip
def test_why_says_what_is_next_and_why_not_now(world: World, prepare: str, sentence: str) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    world.tick()
    if prepare:
        world.change(prepare)
    assert reasons(world)[0] == sentence


def test_whoever_is_unknown_is_named(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign()
    for act in (operate.skip, operate.restart):
        with pytest.raises(CampaignError, match=r"nobody has the address who@x\.example"):
            act(world.database, "course", "who@x.example", world, who=OPERATOR)
    with pytest.raises(CampaignError, match="no campaign 'corse'"):
        operate.pause(world.database, "corse", world, who=OPERATOR)
    with pytest.raises(CampaignError, match="no page '9'"):
        operate.errata(world.database, "course", "9", world, who=OPERATOR)


def test_a_limit_per_hour_can_be_changed_while_the_campaign_runs(world: World) -> None:
    world.add_people(["UTC"])
    world.add_campaign("a", limits={"per_hour": 400})
    world.add_campaign("a", name="free")
    with planning(world.database) as connection:
        limited, free = running_campaigns(connection)
        assert (limited.per_hour, free.per_hour) == (400, 0)
        changed = replace(world.campaign().definition, limits=Limits(per_hour=900))
        change_definition(connection, limited.id, changed, git_revision="", now=world.seconds)
        assert running_campaigns(connection)[0].per_hour == 900
