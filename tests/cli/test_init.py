"""`newsletter init` makes a project that works at once, and spoils nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command_line import newsletter


def test_a_new_project_builds_at_once(tmp_path: Path) -> None:
    done = newsletter("init", "mydojo", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "mydojo"
    assert {"newsletter.toml", "content", "static", "templates", "campaigns", "subscribers.example.csv"} <= {
        child.name for child in project.iterdir()
    }
    built = newsletter("build", folder=project)
    assert built.returncode == 0, built.stderr
    assert len(list((project / "out" / "captains").glob("*.eml"))) >= 2


def test_a_project_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text("# mine")
    done = newsletter("init", ".", folder=tmp_path)
    assert done.returncode == 2
    assert [child.name for child in tmp_path.iterdir()] == ["newsletter.toml"]


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "subscribers.example.csv").write_text("email\nmine@example.com\n")
    newsletter("init", ".", folder=tmp_path)
    assert (tmp_path / "subscribers.example.csv").read_text() == "email\nmine@example.com\n"


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_place_that_takes_no_project_is_refused_in_words(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    done = newsletter("init", place, folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert place in done.stderr


def test_the_next_step_can_be_pasted(tmp_path: Path) -> None:
    done = newsletter("init", "my dojo", folder=tmp_path)
    assert "cd 'my dojo' && newsletter preview" in done.stdout
    inside = newsletter("init", ".", folder=tmp_path)
    assert "Next:  newsletter preview" in inside.stdout


def test_a_project_inside_another_says_so(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text("")
    done = newsletter("init", "inner", folder=tmp_path)
    assert "The project around it" in done.stdout


def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    done = newsletter("inbox", "--smtp-port", "70000", folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
