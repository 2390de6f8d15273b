"""A file that gets another name and keeps its id is the same page to its readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.campaigns.changes import describe
from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.config import SenderSettings, Settings, SiteSettings
from newsletter.scheduler import operate
from newsletter.scheduler.apply import apply
from newsletter.scheduler.prepare import prepare
from newsletter.store.database import Database
from tests.scheduler.world import World

PAGE = "---\nid: {id}\ntitle: About {id}\nweight: {weight}\n---\n{words}\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "content" / "course"
    folder.mkdir(parents=True)
    for weight, page_id in enumerate(("first", "second", "third"), 1):
        text = PAGE.format(id=page_id, weight=weight, words=f"Words of the {page_id}.")
        (folder / f"{page_id}.md").write_text(text, encoding="utf-8")
    return Settings(
        root=tmp_path,
        site=SiteSettings(name="Dojos", base_url="https://dojos.example"),
        sender=SenderSettings(address="letters@dojos.example", postal_address="1 Example Street"),
    )


def put(world: World, settings: Settings) -> list[str]:
    definition = definition_from({"series": "course", "cadence": {"every": "3d", "at": "09:00"}}, Source("test"))
    return describe(apply(world.database, settings, prepare(settings, "course", definition), world, who="test"))


def test_a_renamed_file_is_sent_to_nobody_again(settings: Settings, sqlite_database: Database) -> None:
    world = World(sqlite_database)
    world.add_people(["UTC", "America/Lima"])
    put(world, settings)
    world.live("2026-12-05 00:00")  # first on the 1st, second on the 4th
    folder = settings.path(settings.site.content) / "course"
    (folder / "first.md").rename(folder / "the-beginning.md")
    (folder / "third.md").rename(folder / "the-end.md")
    assert put(world, settings) == ["Nothing changes"]
    world.live("2026-12-31 00:00")
    assert [page for page, _ in world.sent(1)] == [page for page, _ in world.sent(2)] == ["first", "second", "third"]


def test_a_file_renamed_and_reworded_goes_to_those_who_had_it_only_if_an_operator_says_so(
    settings: Settings, sqlite_database: Database
) -> None:
    world = World(sqlite_database)
    world.add_people(["UTC", "America/Lima"])
    put(world, settings)
    world.live("2026-12-01 12:00")  # Lima's first is due at 14:00
    folder = settings.path(settings.site.content) / "course"
    (folder / "first.md").unlink()
    (folder / "the-beginning.md").write_text(PAGE.format(id="first", weight=1, words="Better words."), encoding="utf-8")
    assert put(world, settings) == [
        "Page 1 edited (first): 1 have had the old one, 1 will get the new one on Tue 01 Dec 2026 at 14:00 UTC"
    ]
    world.live("2026-12-05 00:00")
    assert [page for page, _ in world.sent(1)] == [page for page, _ in world.sent(2)] == ["first", "second"]
    assert operate.errata(world.database, "course", "first", world, who="test") == 1
    world.live("2026-12-31 00:00")
    assert sorted(page for page, _ in world.sent(1)) == ["first", "first", "second", "third"]
    assert [page for page, _ in world.sent(2)] == ["first", "second", "third"]
