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
from newsletter.web.inbox.mailbox import Mailbox
from newsletter.web.inbox.reception import start_reception
from newsletter.web.preview.revisions import content_at, revisions_of
from tests.cli.command_line import newsletter
from tests.web.preview.project import NOON, PAGES, SETTINGS, commit, desk_of, make_project, write

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


def test_a_page_is_shown_as_a_campaign_has_really_sent_it(project: Path) -> None:
    mailbox = Mailbox(project / "mails", lambda: NOON)
    reception = start_reception(mailbox, 0)
    relay = f'[relay]\nhost = "127.0.0.1"\nport = {reception.port}\nsecurity = "plain"\n'
    write(project, "newsletter.toml", SETTINGS + relay)
    write(project, "people.csv", "email,name,company\ncleo@acme.example,Cleo,Acme\n")
    try:
        for command in (
            ("subscribers", "import", "people.csv"),
            ("campaign", "start", "letters", "--every", "1s"),
            ("run", "--until-idle"),
        ):
            done = newsletter(*command, folder=project)
            assert done.returncode == 0, done.stderr
    finally:
        reception.stop()
    assert [summary.recipients for summary in mailbox.summaries()] == [("cleo@acme.example",)]
    write(project, "content/letters/first.md", PAGES["letters/first.md"].replace("Dear", "My dear"))
    desk = desk_of(project)
    assert "My dear Ann Lee, from Acme." in desk.showing.page("letters/first", "")["text"]
    assert "Dear Ann Lee, from Acme." in desk.showing.page("letters/first", "", "sent")["text"]
    assert "Dear Bo, from Co-op." in desk.showing.page("letters/first", "row-2", "sent")["text"]
