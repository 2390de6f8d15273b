"""The arrows of the design hold: pure rooms know no effects, and rooms know only those below them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "newsletter"

EFFECTS = {
    "socket", "asyncio", "sqlite3", "sqlalchemy", "smtplib", "aiosmtplib", "aiosmtpd", "starlette", "uvicorn",
    "schedule", "psycopg", "http", "urllib.request", "requests", "time",
}  # fmt: skip
PURE_ROOMS = ("content", "compose", "check", "campaigns", "message")
EFFECTFUL_FILES = {
    "check/online.py": "asks the web for links, only with --online",
    "message/keys.py": "reads the key file",
}
ALLOWED = {
    "content": set(),
    "compose": {"content"},
    "message": {"content", "compose"},
    "campaigns": {"content", "compose", "message"},
    "check": {"content", "compose", "message", "campaigns"},
    "store": {"content", "compose", "message", "campaigns"},
}


def imports_of(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files_of(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_room_imports_no_effect(room: str) -> None:
    guilty = {
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file in files_of(room)
        if str(file.relative_to(PACKAGE)) not in EFFECTFUL_FILES
        for name in imports_of(file)
        if name in EFFECTS or name.split(".")[0] in EFFECTS
    }
    assert not guilty


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_a_pure_room_reads_neither_clock_nor_environment(room: str) -> None:
    guilty = {
        f"{file.relative_to(PACKAGE)}: {call}"
        for file in files_of(room)
        if str(file.relative_to(PACKAGE)) not in EFFECTFUL_FILES
        for call in ("datetime.now(", "date.today(", "os.environ", "os.getenv")
        if call in file.read_text(encoding="utf-8")
    }
    assert not guilty


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_arrows_point_one_way(room: str) -> None:
    rooms = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    guilty = {
        f"{file.relative_to(PACKAGE)} imports newsletter.{target}"
        for file in files_of(room)
        for name in imports_of(file)
        if name.startswith("newsletter.")
        for target in [name.split(".")[1]]
        if target in rooms and target != room and target not in ALLOWED[room]
    }
    assert not guilty


def test_only_the_command_line_knows_the_command_line() -> None:
    guilty = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if "cli" not in file.relative_to(PACKAGE).parts
        and file.name != "__main__.py"
        and any(name.startswith("newsletter.cli") for name in imports_of(file))
    }
    assert not guilty


@pytest.mark.parametrize("room", ["newsletter.build", "newsletter.audience.rows", "newsletter.cli.check"])
def test_who_needs_no_database_does_not_load_its_library(room: str) -> None:
    """SQLAlchemy takes longer to import than a page to build."""
    code = f"import sys, {room}; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
