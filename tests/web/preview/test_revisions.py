"""A page beside what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from newsletter.compose.composer import Composer
from newsletter.errors import UsageError
from newsletter.store.database import open_database
from newsletter.store.emails import save_email
from newsletter.store.migrations import upgrade
from newsletter.store.tables import delivery
from newsletter.web.preview.revisions import content_at, revisions_of
from tests.web.preview.project import PAGES, commit, desk_of, make_project, write

LAST = "content/unions/last.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path.resolve())


def test_the_commits_of_a_page_are_listed_newest_first(project: Path) -> None:
    commit(project, "Begin")
    write(project, LAST, PAGES["unions/last.md"].replace("The end", "The very end"))
    commit(project, "Be final")
    assert [revision.subject for revision in revisions_of(project / LAST)] == ["Be final", "Begin"]
    assert b"The end" in content_at(project / LAST, "HEAD~1")


def test_a_page_is_shown_as_of_a_revision(project: Path) -> None:
    commit(project, "Begin")
    write(project, LAST, PAGES["unions/last.md"].replace("The end", "The very end"))
    desk = desk_of(project)
    assert "The very end." in desk.showing.page("unions/last", "")["text"]
    assert "The end." in desk.showing.page("unions/last", "", "HEAD")["text"]
    assert [one["subject"] for one in desk.showing.page("unions/last", "")["revisions"]] == ["Begin"]


@pytest.mark.parametrize("revision", ["--output=x", "-n", "HEAD:other", "a b", "", "HEAD\n", "nope", "HEAD~999"])
def test_what_git_does_not_know_is_refused_and_options_never_reach_it(project: Path, revision: str) -> None:
    commit(project, "Begin")
    with pytest.raises(UsageError):
        content_at(project / LAST, revision)
    assert not (project / "x").exists()


def test_without_git_there_are_no_revisions(project: Path) -> None:
    assert revisions_of(project / LAST) == ()


def test_a_page_is_shown_as_last_sent(project: Path) -> None:
    desk = desk_of(project)
    assert "never sent" in desk.showing.page("unions/last", "", "sent")["error"]["message"]
    series, page = desk.workbench.page("unions/last")
    email = Composer(desk.workbench.settings).compose(page, series).email
    database = open_database(f"sqlite:///{project / 'newsletter.db'}")
    upgrade(database)
    with database.transaction() as connection:
        content_hash = save_email(connection, email, now=0)
    assert "never sent" in desk.showing.page("unions/last", "", "sent")["error"]["message"], "kept is not yet sent"
    with database.transaction() as connection:
        row = {"campaign_id": 1, "subscriber_id": 1, "page_id": "last", "email_hash": content_hash}
        connection.execute(insert(delivery).values(**row, state="sent", due_at=0, finished_at=1))
    database.close()
    write(project, LAST, PAGES["unions/last.md"].replace("The end", "The very end"))
    assert "The end." in desk.showing.page("unions/last", "", "sent")["text"]
