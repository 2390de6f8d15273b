"""Through whose eyes a page is seen."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from newsletter.audience.importing import import_subscribers
from newsletter.errors import UsageError
from newsletter.message.keys import load_keys
from newsletter.store.database import open_database
from newsletter.store.migrations import upgrade
from newsletter.web.preview.desk import Desk
from tests.web.preview.project import FixedClock, desk_of, make_project, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path.resolve())


@pytest.fixture
def desk(project: Path) -> Desk:
    return desk_of(project)


def imported(project: Path) -> None:
    """The example file, in the project's database."""
    database = open_database(f"sqlite:///{project / 'newsletter.db'}")
    upgrade(database)
    import_subscribers(
        database, load_keys(project / "newsletter.key"), project / "subscribers.example.csv", FixedClock()
    )
    database.close()


def test_the_first_example_is_whom_a_page_is_shown_for(desk: Desk) -> None:
    assert "Acme" in desk.showing.page("letters/first", "")["text"]
    assert desk.showing.page("letters/first", "")["envelope"]["recipient"] == "ann@acme.example"


def test_a_missing_value_without_a_default_is_an_error_that_names_it(desk: Desk) -> None:
    error = desk.showing.page("letters/first", "bare")["error"]
    assert "`name` has no value" in error["message"]


@pytest.mark.parametrize("key", ["long", "rtl", "emoji", "markup", "row-1", "row-2"])
def test_every_persona_gets_a_mail(desk: Desk, key: str) -> None:
    assert desk.showing.page("letters/first", key)["error"] is None


def test_markup_in_the_data_stays_text(desk: Desk) -> None:
    shown = desk.showing.page("letters/first", "markup")
    assert "<script>alert(1)" not in shown["html"]
    assert "&lt;script&gt;alert(1)" in shown["html"]
    assert "{{ name }}" in shown["text"], "a value is not a template"


def test_subscribers_are_found_by_address_and_name(desk: Desk, project: Path) -> None:
    imported(project)
    assert [who["address"] for who in desk.people("COOP")["people"]] == ["bo@coop.example"]
    [found] = desk.people("ann l")["people"]
    assert "Acme" in desk.showing.page("letters/first", found["key"])["text"]
    assert desk.people("100%")["people"] == []


@pytest.mark.parametrize("key", ["id-1", "id-999999999999999999", "id-x", "id-²", "nobody", "row-99"])
def test_a_reader_who_is_not_there_is_told_and_no_database_is_made(desk: Desk, project: Path, key: str) -> None:
    with pytest.raises(UsageError, match="there is no reader"):
        desk.showing.page("letters/first", key)
    assert desk.people("anybody") == {"people": []}
    assert not (project / "newsletter.db").exists()


def test_a_database_without_tables_has_no_subscribers(desk: Desk, project: Path) -> None:
    sqlite3.connect(project / "newsletter.db").close()
    (project / "newsletter.db").touch()
    assert desk.people("ann") == {"people": []}


def test_a_broken_example_file_is_told_and_the_hard_cases_remain(project: Path) -> None:
    write(project, "subscribers.example.csv", "nothing,of,the,kind\n1,2,3,4\n")
    desk = desk_of(project)
    shown = desk.timeline(start="", zone="", cadence="", at="", persona="")
    assert [Path(note["path"]).name for note in shown["notes"]] == ["subscribers.example.csv"]
    assert [who["group"] for who in desk.people()["people"]] == ["Hard cases"] * 5
