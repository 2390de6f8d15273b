"""Edits midway: what each reader gets is what the rules say, whatever is inserted, deleted, moved, drafted or renamed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from newsletter.campaigns.changes import describe
from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.errors import CampaignError
from newsletter.finding import Finding, Severity
from newsletter.scheduler import operate
from newsletter.scheduler.apply import apply, plan
from newsletter.scheduler.prepared import Prepared
from newsletter.scheduler.status import why
from newsletter.store.audits import actions_on
from newsletter.store.campaigns import pages_of
from newsletter.store.database import Database
from newsletter.store.emails import load_email
from newsletter.store.tables import metadata
from tests.scheduler.prepared_pages import HERE, page, ready
from tests.scheduler.world import World, utc


@pytest.fixture
def world(sqlite_database: Database) -> World:
    return World(sqlite_database)


def put(world: World, prepared: Prepared) -> list[str]:
    return describe(apply(world.database, HERE, prepared, world, who="test"))


def test_a_page_inserted_midway_goes_to_those_who_are_not_past_it(database: Database) -> None:
    world = World(database)
    (early,) = world.add_people(["UTC"])
    put(world, ready("abcd"))
    world.live("2026-12-05 00:00")  # a on the 1st, b on the 4th
    (late,) = world.add_people(["UTC"])
    world.at = utc("2026-12-05 00:01")
    world.live("2026-12-06 00:00")
    said = describe(plan(world.database, HERE, ready("axbcyd"), world))
    assert said == [
        "Page 2 inserted (x): 2 readers, 1 past it, 1 will get it on Tue 08 Dec 2026 at 09:00 UTC",
        "Page 5 inserted (y): 2 readers, 0 past it, 2 will get it",
    ]
    assert put(world, ready("axbcyd")) == said
    world.live("2027-01-31 00:00")
    assert [each for each, _ in world.sent(early)] == list("abcyd")
    assert [each for each, _ in world.sent(late)] == list("axbcyd")


def test_a_plan_changes_nothing(world: World) -> None:
    world.add_people(["UTC"] * 3)
    put(world, ready("abc"))
    world.live("2026-12-05 00:00")

    def everything() -> list[object]:
        with world.database.reading() as connection:
            return [connection.execute(table.select()).all() for table in metadata.sorted_tables]

    before = everything()
    plan(world.database, HERE, ready("xcb"), world)
    assert everything() == before


def test_whoever_leaves_the_audience_midway_goes_on_and_the_plan_says_so(world: World) -> None:
    first, _ = world.add_people(["UTC"] * 2, tag="new")
    tagged = definition_from(
        {
            "series": "course",
            "cadence": {"every": "3d", "at": "09:00", "default_zone": "UTC"},
            "audience": {"tags": ["new"]},
        },
        Source("test"),
    )
    put(world, ready("abc", tagged))
    world.live("2026-12-01 12:00")
    world.change("DELETE FROM subscriber_tag WHERE subscriber_id = :id", id=first)
    world.change("UPDATE subscriber SET updated_at = :now", now=world.seconds)
    assert "1 reader under way who left the audience will go on to the end" in put(world, ready("abcd", tagged))
    with world.database.reading() as connection:
        said = why(connection, "course", "reader1@example.com", world.seconds).sentences
    assert said[-1] == "They are not in the audience any more (tagged new): whoever has begun goes on to the end."
    world.live("2026-12-31 00:00")
    assert [page for page, _ in world.sent(first)] == ["a", "b", "c", "d"]


def test_applying_twice_changes_nothing_more(world: World) -> None:
    world.add_people(["UTC"])
    put(world, ready("abc"))
    assert put(world, ready("abc")) == ["Nothing changes"]


def test_a_deleted_page_is_skipped_also_when_it_is_planned_already(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    put(world, ready("abc"))
    world.tick()
    world.at = utc("2026-12-01 09:00")
    world.tick()  # a is planned and has not left
    assert put(world, ready("bc")) == ["Page a deleted: 0 of 1 reader have had it, the others skip it"]
    world.live("2026-12-31 00:00")
    assert [each for each, _ in world.sent(reader)] == list("bc")


def test_a_page_that_is_deleted_while_it_waits_and_comes_back_is_received(database: Database) -> None:
    world = World(database)
    (reader,) = world.add_people(["UTC"])
    put(world, ready("abc"))
    world.tick()
    world.at = utc("2026-12-01 09:00")
    world.tick()  # a is planned and has not left
    put(world, ready("bc"))
    put(world, ready("abc"))
    world.live("2026-12-31 00:00")
    assert [each for each, _ in world.sent(reader)] == list("abc")


def test_a_series_that_is_empty_for_a_while_loses_no_reader_and_no_newcomer(database: Database) -> None:
    world = World(database)
    (reader,) = world.add_people(["UTC"])
    put(world, ready("abc"))
    world.live("2026-12-02 00:00")
    assert put(world, ready("", drafts=("course/a.md", "course/b.md", "course/c.md"))) == [
        "Page a deleted: 1 of 1 reader have had it, the others skip it",
        "Page b deleted: 0 of 1 reader have had it, the others skip it",
        "Page c deleted: 0 of 1 reader have had it, the others skip it",
        "1 reader for whom no page is left will go on when there is one again",
        "3 drafts held back: course/a.md, course/b.md, course/c.md",
    ]
    (late,) = world.add_people(["UTC"])
    world.at = utc("2026-12-02 00:01")
    world.live("2026-12-10 12:00")
    with world.database.reading() as connection:
        said = why(connection, "course", "reader1@example.com", world.seconds).sentences
    assert said[0] == "No page is left for them; they go on when there is one again."
    with pytest.raises(CampaignError, match="has no page"):
        operate.restart(world.database, "course", "reader1@example.com", world, who="test")
    put(world, ready("abc"))
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("b", "12-10 12:00"), ("c", "12-13 09:00")]
    assert world.sent(late) == [("a", "12-11 09:00"), ("b", "12-14 09:00"), ("c", "12-17 09:00")]


def test_a_new_campaign_needs_a_page(world: World) -> None:
    world.add_people(["UTC"])
    with pytest.raises(CampaignError, match="has no page that may be sent"):
        put(world, ready(""))


def test_the_log_names_no_subscriber_by_address(world: World) -> None:
    world.add_people(["UTC"] * 2)
    put(world, ready("a"))
    seeded = definition_from(
        {
            "series": "course",
            "cadence": {"every": "3d", "at": "09:00", "default_zone": "UTC"},
            "seeds": {"addresses": ["reader1@example.com", "reader2@example.com"]},
            "audience": {"segment": "email = 'reader1@example.com'"},
        },
        Source("test"),
    )
    put(world, ready("a", seeded))
    with world.database.reading() as connection:
        assert actions_on(connection, "course")[0].detail["settings"] == [
            "audience.segment: unset → email = '(an address)'", "seeds.addresses: unset → (an address), (an address)",
        ]  # fmt: skip


def test_a_draft_is_held_back_and_comes_when_it_is_ready_if_the_reader_is_not_past_it(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    assert (
        put(world, ready("ac", drafts=("course/b.md", "course/d.md")))[-1]
        == "2 drafts held back: course/b.md, course/d.md"
    )
    world.live("2026-12-02 00:00")
    put(world, ready("abcd"))
    world.live("2026-12-31 00:00")
    assert [each for each, _ in world.sent(reader)] == list("abcd")


def test_an_edited_page_goes_out_in_its_new_version_to_those_who_have_not_had_it(world: World) -> None:
    one, two = world.add_people(["UTC", "America/Lima"])
    put(world, ready("ab"))
    world.live("2026-12-01 10:00")  # one has had a; for two it is due in the afternoon
    corrected = replace(ready("ab"), pages=(page("a", "better"), page("b")))
    assert put(world, corrected) == [
        "Page 1 edited (a): 1 have had the old one, 1 will get the new one on Tue 01 Dec 2026 at 14:00 UTC"
    ]
    world.live("2026-12-02 00:00")
    with world.database.reading() as connection:
        rows = connection.execute(text("SELECT subscriber_id, email_hash FROM delivery")).all()
    hashes = {row.subscriber_id: row.email_hash for row in rows}
    assert hashes == {one: page("a").email.content_hash, two: page("a", "better").email.content_hash}


def numbered(pages: str, **changes: str) -> Prepared:
    """As `ready`; each mail says which part of how many it is, in the words of its language, and `changes` to it."""
    mails = tuple(
        page(each, f"Teil {number} von {len(pages)}. {changes.get(each, 'On 5 May 2026')}")
        for number, each in enumerate(pages, 1)
    )
    return replace(ready(""), pages=mails)


def test_a_longer_series_makes_no_page_before_it_wrong(world: World) -> None:
    world.add_people(["UTC"] * 2)
    put(world, numbered("abc"))
    world.live("2026-12-05 00:00")
    assert [line for line in put(world, numbered("abcd")) if "edited" in line] == []
    assert operate.count_errata_of(world.database, "course", "a") == 0
    world.live("2026-12-08 00:00")
    with world.database.reading() as connection:
        newest = load_email(connection, pages_of(connection, 1)[2].email_hash)
    assert newest.text.startswith("Teil 3 von 4")
    edited = [line for line in put(world, numbered("abcd", a="On 6 May 2026")) if "edited" in line]
    assert edited == ["Page 1 edited (a): 2 have had the old one, 0 will get the new one"]
    assert operate.count_errata_of(world.database, "course", "a") == 2


def test_a_reader_who_has_finished_goes_on_if_the_campaign_is_evergreen(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    evergreen = replace(ready("ab").definition, evergreen=True)
    put(world, ready("ab", evergreen))
    world.live("2026-12-20 00:00")
    said = put(world, ready("abc", evergreen))
    assert said[-1] == "1 reader who had finished will go on"
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("b", "12-04 09:00"), ("c", "12-20 09:00")]


def test_a_reader_who_has_finished_stays_finished_otherwise(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    put(world, ready("ab"))
    world.live("2026-12-20 00:00")
    put(world, ready("abc"))
    world.live("2026-12-31 00:00")
    assert [each for each, _ in world.sent(reader)] == list("ab")


def test_a_new_cadence_counts_from_the_last_page(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    put(world, ready("abc"))
    world.live("2026-12-02 00:00")
    weekly = definition_from(
        {"series": "course", "cadence": {"every": "1w", "at": "18:00", "default_zone": "UTC"}}, Source("test")
    )
    assert put(world, ready("abc", weekly)) == ["`cadence.every`: 3d → 1w", "`cadence.at`: 09:00 → 18:00"]
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("b", "12-08 18:00"), ("c", "12-15 18:00")]


def test_a_cohort_keeps_what_is_released_and_plans_the_rest_anew(database: Database) -> None:
    world = World(database)
    (reader,) = world.add_people(["UTC"])
    together = replace(ready("abc").definition, mode="cohort")
    put(world, ready("abc", together))
    world.live("2026-12-02 00:00")
    put(world, ready("axbc", together))
    world.live("2026-12-31 00:00")
    assert world.sent(reader) == [
        ("a", "12-01 09:00"), ("x", "12-04 09:00"), ("b", "12-07 09:00"), ("c", "12-10 09:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"definition": replace(ready("a").definition, series="other")}, "sends the series course"),
        ({"pages": (page("b"),), "broken": (Finding("page-unreadable", Severity.ERROR, "no", "course/a.md", 3),)}, "can't be read"),
        ({"definition": definition_from({"series": "course", "cadence": {"every": "3d"}, "audience": {"tags": ["none"]}}, Source("t"))}, "audience is empty"),
        ({"definition": definition_from({"series": "course", "cadence": {"every": "3d"}, "seeds": {"addresses": ["who@x.example"]}}, Source("t"))}, "who@x.example is not"),
    ],
)  # fmt: skip
def test_what_must_not_be_applied_changes_nothing(world: World, change: dict[str, object], message: str) -> None:
    world.add_people(["UTC"])
    put(world, ready("a"))
    with pytest.raises(CampaignError, match=message):
        put(world, replace(ready("a"), **change))  # type: ignore[arg-type]
    assert put(world, ready("a")) == ["Nothing changes"]


def test_mail_to_the_world_needs_a_postal_address_and_an_address_to_unsubscribe_at(world: World) -> None:
    from newsletter.config import RelaySettings, SenderSettings

    world.add_people(["UTC"])
    outside = replace(HERE, relays={"main": RelaySettings(host="smtp.example.com")})
    with pytest.raises(CampaignError, match="postal address"):
        apply(world.database, outside, ready("a"), world, who="test")
    addressed = replace(outside, sender=SenderSettings(postal_address="1 Road"))
    with pytest.raises(CampaignError, match="unsubscribe"):
        apply(world.database, addressed, ready("a"), world, who="test")


def test_a_page_that_gets_another_time_of_its_own_is_said_and_written_down(world: World) -> None:
    (reader,) = world.add_people(["UTC"])
    put(world, ready("abc"))
    world.live("2026-12-02 00:00")
    later = replace(ready("abc"), pages=(page("a"), page("b", wish="2d"), page("c", wish="2026-12-24T18:00")))
    said = [
        "Page b comes 2d after the page before (was when the campaign says), for whoever has not had it",
        "Page c comes on 2026-12-24 at 18:00 (was when the campaign says), for whoever has not had it",
    ]
    assert describe(plan(world.database, HERE, later, world)) == said
    assert put(world, later) == said
    with world.database.reading() as connection:
        assert actions_on(connection, "course")[0].detail["times"][0] == "b: as the campaign → 2d"
    world.live("2027-01-31 00:00")
    assert world.sent(reader) == [("a", "12-01 09:00"), ("b", "12-03 09:00"), ("c", "12-24 18:00")]
    assert put(world, later) == ["Nothing changes"]
