"""Commands that only look: they write nothing, and work where nothing can be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.scaffold import make_project
from tests.cli.command_line import Done, newsletter

ANN = "ann.lee@acme.example"
OF_A_CAMPAIGN = (
    ("campaign", "status"),
    ("campaign", "status", "captains", "--readers"),
    ("campaign", "plan", "captains"),
    ("campaign", "why", "captains", ANN),
    ("campaign", "show", "captains", "--page", "1", "--subscriber", ANN),
    ("campaign", "errata", "captains", "1", "--dry-run"),
    ("campaign", "log"),
    ("campaign", "clicks", "captains"),
    ("simulate", "captains", "--days", "5"),
    ("simulate", "captains", "--days", "5", "--subscriber", ANN),
    ("run", "--dry-run"),
)
OF_PEOPLE = (
    ("subscribers", "list"),
    ("subscribers", "show", ANN),
    ("subscribers", "export"),
    ("subscribers", "tag", "founders"),
    ("subscribers", "segment", "list"),
    ("subscribers", "segment", "show", "seats > 3"),
    ("subscribers", "suppressions", "export"),
)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which each reader has got the first page."""
    folder = tmp_path_factory.mktemp("used") / "dojo"
    make_project(folder)
    for command in (
        "subscribers import subscribers.example.csv",
        "campaign start captains --every 10d --zone UTC",
        "run --until-idle --outbox sent",
    ):
        done = newsletter(*command.split(), folder=folder)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "sent 8\n", done.stderr
    return folder


@pytest.fixture
def project(used: Path, tmp_path: Path) -> Path:
    return shutil.copytree(used, tmp_path / "dojo")


def without_writing(*arguments: str, folder: Path) -> Done:
    """Run a command as somebody whom the file system lets read only. Root loses the right to write everywhere first."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-P", "-m", "newsletter", *arguments]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def files(folder: Path) -> dict[Path, bytes]:
    """What lies there, but for the copies of pictures that composing keeps, and the index of SQLite's log."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
    return {path: path.read_bytes() for path in found if ".newsletter" not in path.parts}


@pytest.mark.parametrize("arguments", (*OF_A_CAMPAIGN, *OF_PEOPLE), ids=" ".join)
def test_looking_changes_no_byte_of_the_project(project: Path, arguments: tuple[str, ...]) -> None:
    before = files(project)
    done = newsletter(*arguments, folder=project)
    assert done.returncode == 0, done.stderr
    after = files(project)
    assert after.pop(project / "newsletter.db-wal", b"") == before.pop(project / "newsletter.db-wal", b"")
    assert after == before


def test_looking_works_in_a_folder_that_takes_no_file(project: Path) -> None:
    for path in (project / "newsletter.db", project):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for arguments in (OF_A_CAMPAIGN[2], OF_A_CAMPAIGN[4], OF_A_CAMPAIGN[9]):
            done = without_writing(*arguments, folder=project)
            assert done.returncode == 0, done.stderr
        refused = without_writing("campaign", "pause", "captains", folder=project)
        assert refused.returncode == 3 and "readonly" in refused.stderr
    finally:
        project.chmod(0o755)


def test_looking_makes_no_database_and_no_keys_in_a_new_project(tmp_path: Path) -> None:
    make_project(tmp_path)
    before = files(tmp_path)
    assert "No campaign yet" in newsletter("campaign", "status", folder=tmp_path).stdout
    assert "audience is empty" in newsletter("campaign", "plan", "captains", folder=tmp_path).stderr
    assert "is not a subscriber" in newsletter("subscribers", "show", ANN, folder=tmp_path).stderr
    assert "0 of 0" in newsletter("subscribers", "list", folder=tmp_path).stdout
    assert newsletter("run", "--dry-run", folder=tmp_path).stdout.startswith("0 messages would go out now")
    csv = ("--csv", "subscribers.example.csv", "--every", "3d")
    assert "to 8 readers" in newsletter("simulate", "captains", *csv, folder=tmp_path).stdout
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "arguments", [("run",), ("run", "--dry-run"), ("serve",), ("campaign", "status")], ids=" ".join
)
def test_in_a_folder_that_is_no_project_nothing_is_made_and_nobody_waits(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = newsletter(*arguments, folder=tmp_path)
    assert done.returncode == 2 and "there is no project here" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_out_of_reach_is_not_taken_for_a_new_project(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "newsletter.db").mkdir()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    try:
        for url, reason in (
            ("newsletter.db", "the database refused"),
            ("gone/newsletter.db", "unable to open database file"),
            ("closed/newsletter.db", "the database can't be opened: Permission denied"),
        ):
            settings = (tmp_path / "newsletter.toml").read_text().partition("\n[database]")[0]
            (tmp_path / "newsletter.toml").write_text(f'{settings}\n[database]\nurl = "sqlite:///{url}"\n')
            done = without_writing("campaign", "status", folder=tmp_path)
            assert done.returncode == 3 and reason in done.stderr, url
    finally:
        closed.chmod(0o755)


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("0003", ("schema is of an older version", "newsletter doctor --migrate")),
        ("9999", ("made by a newer version", "Update the program")),
    ],
)
def test_a_schema_of_another_version_is_named_with_what_mends_it(
    project: Path, revision: str, said: tuple[str, str]
) -> None:
    with closing(sqlite3.connect(project / "newsletter.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    done = newsletter("campaign", "status", folder=project)
    assert done.returncode == 3
    assert all(words in done.stderr for words in said)


def test_a_mail_is_not_shown_with_keys_it_was_not_made_with(project: Path) -> None:
    (project / "newsletter.key").unlink()
    done = newsletter(*OF_A_CAMPAIGN[4], folder=project)
    assert done.returncode == 2 and "there is no key file" in done.stderr and "backup" in done.stderr
    assert not (project / "newsletter.key").exists()
