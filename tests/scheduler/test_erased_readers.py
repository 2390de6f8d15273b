"""Somebody who was operated on in every way and is erased: it works beside a log that is never changed, and leaves no
address in it or anywhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from newsletter.audience.addresses import fold
from newsletter.audience.erasing import erase
from newsletter.campaigns.definition import Seeds
from newsletter.message.keys import address_hash, load_keys
from newsletter.scheduler import operate
from newsletter.scheduler.apply import apply
from newsletter.store.audits import actions_on
from newsletter.store.database import Database
from newsletter.store.tables import metadata
from tests.scheduler.prepared_pages import HERE, page, ready
from tests.scheduler.world import World, utc

ADDRESS = "reader1@example.com"


def every_cell(database: Database) -> str:
    with database.reading() as connection:
        return repr([connection.execute(table.select()).all() for table in metadata.sorted_tables])


def operate_in_every_way(world: World) -> None:
    """Everything the log writes down, done to the first reader by their address."""
    database, plain = world.database, ready("abcd")
    seeded = replace(plain, definition=replace(plain.definition, seeds=Seeds((ADDRESS,))))
    for prepared in (plain, seeded, plain):
        apply(database, HERE, prepared, world, who="ada")
    world.live("2026-12-02 00:00")
    operate.skip(database, "course", ADDRESS, world, who="ada")
    operate.move(database, "course", ADDRESS, "b", world, who="ada")
    operate.send_again(database, "course", ADDRESS, "a", world, who="ada")
    apply(database, HERE, replace(plain, pages=(page("a", "mended"), *plain.pages[1:])), world, who="ada")
    world.live("2026-12-03 00:00")
    operate.send_again(database, "course", ADDRESS, "a", world, who="ada")
    world.change("UPDATE delivery SET state = 'uncertain' WHERE state = 'due' AND subscriber_id = 1")
    operate.resolve(database, "course", "sent", world, who="ada", address=ADDRESS)
    operate.restart(database, "course", ADDRESS, world, who="ada")
    operate.errata(database, "course", "a", world, who="ada")
    operate.pause(database, "course", world, who="ada")


def test_an_erased_reader_leaves_no_address_behind_and_the_log_stays_whole(database: Database, tmp_path: Path) -> None:
    world = World(database)
    world.add_people(["UTC"] * 2)
    ring = load_keys(tmp_path / "newsletter.key")
    world.change("UPDATE subscriber SET address_hash = :hash WHERE id = 1", hash=address_hash(ring, fold(ADDRESS)))
    operate_in_every_way(world)
    with database.reading() as connection:
        before = actions_on(connection)
    assert {"create", "apply", "skip", "move", "send-again", "resolve", "restart", "errata", "pause"} == {
        each.action for each in before
    }
    assert erase(database, ring, ADDRESS, world)
    with database.reading() as connection:
        assert actions_on(connection) == before
        assert connection.execute(text("SELECT DISTINCT subscriber_id FROM delivery")).scalars().all() == [2]
    assert "reader1" not in every_cell(database)
    operate.resume(database, "course", world, who="ada")
    world.at = utc("2026-12-03 00:01")
    world.live("2026-12-31 00:00")
    assert [page_id for page_id, _ in world.sent(2)] == list("aabcd")
