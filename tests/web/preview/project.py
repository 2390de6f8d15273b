"""A small project to look at: two series, a draft, a link that leads nowhere, pictures, readers."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from newsletter.config import load_settings
from newsletter.web.preview.desk import Desk

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

SETTINGS = """
[site]
name = "Test Dojo"
base_url = "https://dojo.example"
zone = "Europe/Paris"
[sender]
address = "letters@dojo.example"
postal_address = "1 Example Street"
"""

PAGES = {
    "unions/_index.md": "---\ntitle: Welcome {{ first_name | default('friend') }}\ndescription: How it begins.\n"
    'next: {link: "learning", text: "Learning"}\n---\nHello **you**.\n\n![A red square](/uploads/red.png)\n',
    "unions/learning.md": '---\ntitle: Learning\nweight: 2\n---\nRead this.\n\n<a href="/unions/gone/">Next: Gone</a>\n',
    "unions/unfinished.md": "---\ntitle: Unfinished\nweight: 3\ndraft: true\n---\nNot yet.\n",
    "unions/last.md": "---\ntitle: Last\nweight: 4\ndelay: 1w\n---\nThe end.\n",
    "letters/first.md": "---\ntitle: A letter\n---\nDear {{ name }}, from {{ company | default('nowhere') }}.\n",
}

READERS = """email,name,zone,lang,company
ann@acme.example,Ann Lee,America/New_York,en,Acme
bo@coop.example,Bo,Asia/Tokyo,ja,Co-op
"""


class FixedClock:
    """It is always noon on Monday, 2 March 2026."""

    def now(self) -> datetime:
        return NOON


def make_project(folder: Path) -> Path:
    """Write the project into `folder`; gives it back."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "subscribers.example.csv").write_text(READERS, encoding="utf-8")
    for path, text in PAGES.items():
        write(folder, f"content/{path}", text)
    uploads = folder / "static" / "uploads"
    uploads.mkdir(parents=True)
    Image.new("RGB", (120, 80), "red").save(uploads / "red.png")
    (folder / "templates").mkdir()
    return folder


def write(folder: Path, path: str, text: str) -> Path:
    """Save a file of the project."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def desk_of(folder: Path, only: str | None = None) -> Desk:
    """The desk on which the project lies."""
    return Desk(
        lambda: load_settings(folder / "newsletter.toml", {}),
        FixedClock(),
        content=None,
        only=only,
        examples=lambda settings: settings.path(Path("subscribers.example.csv")),
    )


def commit(folder: Path, message: str) -> None:
    """Commit everything in `folder`, which becomes a git repository."""
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@dojo.example"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", message]):
        subprocess.run([*git, *arguments], check=True)
