"""The command line as a whole: help, exit codes, and how errors read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.cli import COMMANDS
from tests.cli.command_line import newsletter


def test_help_names_every_command(tmp_path: Path) -> None:
    done = newsletter("--help", folder=tmp_path)
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


def test_help_imports_no_command() -> None:
    code = (
        "import sys, newsletter.cli as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'rich', 'lxml', 'sqlalchemy', 'jinja2', 'asyncio', 'starlette', 'premailer'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_mistyped_command_is_answered_with_the_nearest(tmp_path: Path) -> None:
    done = newsletter("previw", folder=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'preview'?" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name: str, tmp_path: Path) -> None:
    done = newsletter(name, "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Usage: newsletter" in done.stdout or "Usage:" in done.stdout


def test_an_error_says_what_where_and_how_to_mend(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text('[relay]\nhost = "mail.example"\nsecurity = "plain"\n')
    done = newsletter("build", folder=tmp_path)
    assert done.returncode == 2
    assert "newsletter.toml" in done.stderr
    assert "unencrypted" in done.stderr
    assert "starttls" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_on_the_audience_makes_nothing_outside_a_project(tmp_path: Path) -> None:
    done = newsletter("subscribers", "list", folder=tmp_path)
    assert done.returncode == 2
    assert "there is no project here or above" in done.stderr
    assert list(tmp_path.iterdir()) == []
