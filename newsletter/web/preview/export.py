"""`newsletter preview --export DIR`: the same screen as files, for a pull request, an artefact store or a stick."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from newsletter.errors import MaterialError, ServiceError
from newsletter.web.preview.app import STATIC, screen_html
from newsletter.web.preview.bundle import bundle
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.display import with_local_pictures
from newsletter.web.preview.pictures import PictureShelf
from newsletter.web.preview.showing import Json

FIRST = "first"
"""The name of the first reader in the files of an export."""

EXAMPLE_GROUP = "Example subscribers"


def export_preview(desk: Desk, out: Path) -> int:
    """Write the preview into `out`, where `index.html` opens it; gives the number of mails.

    Each page is there for the first example subscriber and for the hard cases. Raises ServiceError when the folder
    can't be written.
    """
    try:
        _write_screen(out)
        desk.check_everything()
        people = _readers(desk)
        _write_data(out, "people", {"people": [who | {"key": name} for name, who in people.items()]})
        mails = 0
        for reference in _pages(desk):
            for name, who in people.items():
                _write_page(desk, out, reference, name, who["key"])
            mails += _write_mail(desk, out, reference)
        timeline = desk.timeline(start="", zone="", cadence="", at="", persona="", compose=True)
        _write_data(out, "timeline", timeline)
        return mails
    except OSError as error:
        where = error.filename or out
        raise ServiceError(f"the export can't be written: {error.strerror}", where=where) from error


def _write_screen(out: Path) -> None:
    for folder in ("static", "data", "mails", "pictures"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text(screen_html(exported=True), encoding="utf-8")
    (out / "static" / "preview.js").write_text(bundle(STATIC, "main.js"), encoding="utf-8")
    for name in ("preview.css", "icon.svg"):
        shutil.copyfile(STATIC / name, out / "static" / name)


def _readers(desk: Desk) -> dict[str, Json]:
    """The first example subscriber and the hard cases, by their names in the export."""
    first, *others = desk.people()["people"]
    return {FIRST: first} | {who["key"]: who for who in others if who["group"] != EXAMPLE_GROUP}


def _pages(desk: Desk) -> Iterator[str]:
    for series in desk.workbench.series.values():
        yield from (f"{series.name}/{page.id}" for page in series.pages)
        yield from (f"{series.name}/{finding.path}" for finding in series.broken)


def _write_page(desk: Desk, out: Path, reference: str, name: str, key: str) -> None:
    about = desk.showing.page(reference, key)
    about.pop("revisions", None)  # an export can't ask git
    if "html" in about:
        about["html"] = pictures_as_files(about["html"], desk.workbench.shelf, out)
    _write_data(out, f"{_file_name(reference)}--{name}", about)


def _write_mail(desk: Desk, out: Path, reference: str) -> bool:
    try:
        _, message = desk.showing.message(reference, "")
    except MaterialError:
        return False  # the page itself tells
    (out / "mails" / f"{_file_name(reference)}.eml").write_bytes(message.data)
    return True


def pictures_as_files(html: str, shelf: PictureShelf, out: Path) -> str:
    """The HTML of a mail as the preview shows it, with its pictures put below `out`."""

    def copied(address: str) -> str | None:
        path = urlsplit(address).path
        kind, _, below = unquote(path).removeprefix("pictures/").partition("/")
        target = out / "pictures" / kind / below
        made = shelf.made(below) if kind == "made" else None
        file = None if made else shelf.file(kind, below)
        data = made.data if made else file.read_bytes() if file else None
        if data is None or not path.startswith("pictures/"):
            return None
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return path

    return with_local_pictures(html, copied)


def _write_data(out: Path, name: str, data: Json) -> None:
    """A script, since a page opened from the disk may load scripts but not fetch files."""
    script = f"previewData({json.dumps(name)}, {json.dumps(data, ensure_ascii=False)});\n"
    (out / "data" / f"{name}.js").write_text(script, encoding="utf-8")


def _file_name(reference: str) -> str:
    """As the front end names the file of a page."""
    return reference.replace("/", "--")
