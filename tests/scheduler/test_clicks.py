"""A campaign that counts clicks: its mails lead over our links, and every other campaign's lead straight on."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.config import SenderSettings, Settings, SiteSettings, WebSettings
from newsletter.scheduler.apply import apply
from newsletter.scheduler.prepare import prepare
from newsletter.scheduler.prepared import Prepared
from newsletter.store.clicks import clicks_of
from newsletter.store.database import Database
from newsletter.store.emails import load_email
from tests.scheduler.world import World


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "content" / "unions"
    folder.mkdir(parents=True)
    (folder / "_index.md").write_text(
        "---\ntitle: Unions\n---\nRead [the handbook](https://union.example/handbook).\n", encoding="utf-8"
    )
    return Settings(
        root=tmp_path,
        site=SiteSettings(name="Dojos", base_url="https://dojos.example"),
        sender=SenderSettings(address="letters@dojos.example", postal_address="1 Example Street"),
        web=WebSettings(url="https://letters.example"),
    )


def prepared(settings: Settings, **document: object) -> Prepared:
    definition = definition_from({"series": "unions", "cadence": {"every": "3d"}, **document}, Source("test"))
    return prepare(settings, "spring", definition)


def test_the_links_of_a_counting_campaign_are_stored_with_its_pages(settings: Settings, database: Database) -> None:
    world = World(database)
    world.add_people(["UTC"])
    ready = prepared(settings, tracking="clicks")
    apply(database, settings, ready, world, who="test")
    with database.reading() as connection:
        links = clicks_of(connection, 1)
        email = load_email(connection, ready.pages[0].email.content_hash)
    assert "https://union.example/handbook" in [link.url for link in links]
    assert "https://union.example/handbook" not in email.html
    assert email.html.count("https://letters.example/l/") >= len(links) == len(ready.pages[0].links)
    assert "https://union.example/handbook" in email.text
    assert apply(database, settings, prepared(settings, tracking="clicks"), world, who="test").is_empty


def test_nothing_is_counted_unless_asked_for(settings: Settings, database: Database) -> None:
    world = World(database)
    world.add_people(["UTC"])
    ready = prepared(settings)
    apply(database, settings, ready, world, who="test")
    assert ready.pages[0].links == ()
    assert "/l/" not in ready.pages[0].email.html
    with database.reading() as connection:
        assert clicks_of(connection, 1) == []
