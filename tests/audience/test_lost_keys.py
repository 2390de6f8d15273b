"""The key file by which a database knows its people, lost, or taken from another project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from newsletter.scaffold import make_project
from tests.cli.command_line import newsletter

COMMANDS = (
    ("run", "--until-idle", "--outbox", "sent"),
    ("run", "--dry-run"),
    ("subscribers", "import", "subscribers.example.csv"),
    ("subscribers", "show", "ann.lee@acme.example"),
    ("campaign", "start", "captains", "--every", "3d"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """With one reader who has left, of whom nothing but the hash may be left."""
    make_project(tmp_path)
    done = newsletter("subscribers", "import", "subscribers.example.csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_its_keys_a_database_is_not_worked_with_and_no_others_are_made(
    project: Path, arguments: tuple[str, ...]
) -> None:
    (project / "newsletter.key").unlink()
    done = newsletter(*arguments, folder=project)
    assert done.returncode == 2 and "there is no key file" in done.stderr and "Restore it" in done.stderr
    assert "there is no key file" in newsletter("doctor", "--offline", folder=project).stdout
    assert not (project / "newsletter.key").exists()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_keys_of_another_project_are_refused(
    project: Path, arguments: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    make_project(other)
    newsletter("subscribers", "import", "subscribers.example.csv", folder=other)
    shutil.copy(other / "newsletter.key", project / "newsletter.key")
    done = newsletter(*arguments, folder=project)
    assert done.returncode == 2 and "these keys are not those of the database" in done.stderr
    assert "bad  people: " in newsletter("doctor", "--offline", folder=project).stdout


def test_where_only_the_hash_of_somebody_erased_is_left_keys_are_not_made_anew(project: Path) -> None:
    for line in (project / "subscribers.example.csv").read_text().splitlines()[1:]:
        erased = newsletter("subscribers", "erase", line.partition(",")[0], "--yes", folder=project)
        assert erased.returncode == 0, erased.stderr
    (project / "newsletter.key").unlink()
    done = newsletter("subscribers", "import", "subscribers.example.csv", folder=project)
    assert done.returncode == 2 and "there is no key file" in done.stderr


def test_a_new_key_above_the_old_ones_changes_nothing(project: Path) -> None:
    old = (project / "newsletter.key").read_text()
    (project / "newsletter.key").write_text(f"2 {'ab' * 32}\n{old}")
    done = newsletter("subscribers", "import", "subscribers.example.csv", folder=project)
    assert done.returncode == 0 and "8 unchanged" in done.stdout
    assert "good  people: are known by newsletter.key" in newsletter("doctor", "--offline", folder=project).stdout
