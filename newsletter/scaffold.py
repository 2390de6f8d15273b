"""`newsletter init`: a new project that works at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from newsletter.campaigns.schema import schema_text
from newsletter.compose.house_style import house_folder
from newsletter.errors import UsageError
from newsletter.sample import sample_path

SETTINGS = """\
# Settings of this project. Every key is explained in docs/configuration.md of newsletter.

[site]
name = "My Dojo"
base_url = "https://www.example.com"    # relative links and pictures resolve against this
lang = "en"
zone = "UTC"                            # for subscribers and campaigns that name no zone

[sender]
address = "letters@newsletter.example"
postal_address = "1 Example Street, Springfield"

[relay]                                 # `newsletter inbox` is a relay that keeps everything here
host = "127.0.0.1"
port = 1025
security = "plain"                      # for loopback only; for real: "starttls" or "tls"
# username = "me"                       # the password comes from NEWSLETTER_RELAY_PASSWORD

# [web]
# url = "https://letters.example.com"   # where `newsletter serve` is reached from outside

# [dkim]
# selector = "news"
# key_file = "dkim.pem"                 # openssl genpkey -algorithm ed25519 -out dkim.pem; chmod 600 dkim.pem

[pictures]
delivery = "embed"                      # or "link", once the site is on the web
"""

CAMPAIGN = """\
#:schema campaign.schema.json
# A campaign: this series, to these people, this often. Apply it with: newsletter campaign apply captains
series = "captains"
audience = "all"

[cadence]
every = "3d"
at = "09:00"
zone = "subscriber"
"""

IGNORED = """\
newsletter.db*
newsletter.key
journal/
.newsletter/
out/
"""

TEMPLATES = """\
# Templates

A file here replaces the file of the same name in the house style: `colours.j2` is a copy to start from. The others
(header, hero, article, next button, two-column footer, legal footer) follow upgrades until you put your own here.
"""


def make_project(folder: Path) -> list[Path]:
    """Make the files of a new project and return them, relative to `folder`.

    Raises UsageError, before anything is written, if `folder` already holds a project; and for a folder that takes
    no files.
    """
    if (folder / "newsletter.toml").exists():
        raise UsageError(
            "there is a project already", where=folder / "newsletter.toml", remedy="Choose another folder."
        )
    try:
        return _make_files(folder)
    except OSError as error:
        raise UsageError(
            f"can't be made: {error.strerror}",
            where=error.filename or folder,
            remedy="Choose a folder that you may write to, on a disk with room.",
        ) from error


def _make_files(folder: Path) -> list[Path]:
    texts = {
        "newsletter.toml": SETTINGS,
        "campaigns/captains.toml": CAMPAIGN,
        "campaigns/campaign.schema.json": schema_text(),  # for editors: they complete and check campaign files
        "templates/README.md": TEMPLATES,
        ".gitignore": IGNORED,
    }
    made = [_write(folder, Path(name), text) for name, text in texts.items() if not (folder / name).exists()]
    for name in ("content/captains", "subscribers.example.csv", *_pictures_of("content/captains")):
        made += _copy(sample_path(name), folder, Path(name))
    made += _copy(house_folder() / "colours.j2", folder, Path("templates/colours.j2"))
    return made


def _pictures_of(series: str) -> list[str]:
    """The pictures that the pages of a sample series name, as paths of the sample."""
    text = "".join(page.read_text(encoding="utf-8") for page in sample_path(series).iterdir())
    uploads = sample_path("static/uploads")
    pictures = sorted(
        picture
        for picture in uploads.rglob("*.*")
        if f"/{picture.name}" in text or re.search(rf"sidebarlogo\W+{re.escape(picture.stem)}\b", text)
    )
    return [f"static/uploads/{picture.relative_to(uploads).as_posix()}" for picture in pictures]


def _write(folder: Path, relative: Path, text: str) -> Path:
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return relative


def _copy(source: Path, folder: Path, relative: Path) -> list[Path]:
    """Copy a file or a folder of the sample; what is there stays as it is."""
    if source.is_dir():
        return [made for child in sorted(source.iterdir()) for made in _copy(child, folder, relative / child.name)]
    target = folder / relative
    if target.exists():
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return [relative]
