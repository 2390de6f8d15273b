"""`newsletter build`: what would be mailed, written to files.

`DIR/SERIES/NN-slug.eml` is the exact message for one subscriber; `.html` and `.txt` are its two parts, the HTML with
embedded pictures as files beside it so that a browser shows them. `DIR/pictures/` holds the pictures that were
made here and must be put on the web.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from newsletter.check.merging import line_at_fault
from newsletter.compose.composer import Composer
from newsletter.compose.email import EmbeddedPicture
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.errors import MaterialError, UsageError
from newsletter.finding import Finding, Severity
from newsletter.message.builder import MessageBuilder, identity_of
from newsletter.message.keys import Key, KeyRing
from newsletter.message.links import NOBODY, Links
from newsletter.subscriber import Subscriber

PICTURES = "pictures"

EXAMPLE_KEYS = KeyRing((Key(0, bytes(32)),))
"""Signs the links of built mails, so that they come out the same on each machine; no server accepts them."""


@dataclass(frozen=True)
class Built:
    """A page that was built: its files' common path without ending, and the size of its HTML in bytes."""

    page: Page
    stem: Path
    html_bytes: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Refused:
    """A page that could not be built, and why."""

    page: Page
    finding: Finding


class Builder:
    """Composes pages, merges them for one subscriber and writes the files below `out`."""

    def __init__(self, settings: Settings, subscriber: Subscriber, out: Path) -> None:
        self._settings = settings
        self._composer = Composer(settings)
        self._links = Links(EXAMPLE_KEYS, settings.web_url)
        self._subscriber = subscriber
        self._out = out

    def build(self, series: Series, now: datetime) -> Iterator[Built | Refused]:
        """Build each page that would be sent, in order; `now` becomes the Date of the messages."""
        folder = self._out / series.name
        for number, page in enumerate(series.mailable, start=1):
            stem = folder / f"{number:02}-{_short(page.slug.replace('/', '-'))}"
            try:
                yield self._build_page(series, page, stem, now)
            except MaterialError as error:
                where, line = error.where, error.line
                if where in ("", f"{page.series}/{page.id}"):  # the message knows its mail, not the file
                    where, line = page.path, line_at_fault(page, error)
                finding = Finding("not-built", Severity.ERROR, error.message, where, line, error.remedy)
                yield Refused(page, finding)

    def _build_page(self, series: Series, page: Page, stem: Path, now: datetime) -> Built:
        composition = self._composer.compose(page, series)
        identity = identity_of(self._settings, series)
        message = MessageBuilder(composition.email, identity, self._links, ()).build(self._subscriber, NOBODY, now=now)
        html, text = _parts(message.data)
        html = self._show_embedded(html, composition.email.embedded)
        for published in composition.published:
            self._write_picture(published.name, published.data)
        for ending, data in ((".eml", message.data), (".html", html.encode()), (".txt", text.encode())):
            _write(stem.with_name(stem.name + ending), data)
        return Built(page, stem, len(html.encode()), composition.findings)

    def _show_embedded(self, html: str, pictures: tuple[EmbeddedPicture, ...]) -> str:
        for picture in pictures:
            name = f"{picture.content_id.partition('@')[0]}.{picture.media_type.rpartition('/')[2]}"
            self._write_picture(name, picture.data)
            html = html.replace(f"cid:{picture.content_id}", f"../{PICTURES}/{name}")
        return html

    def _write_picture(self, name: str, data: bytes) -> None:
        path = self._out / PICTURES / name
        if not path.exists():
            _write(path, data)


def _short(slug: str) -> str:
    """A slug that fits into a file name: file systems take 255 bytes, and `NN-` and the ending need a few."""
    return slug.encode()[:200].decode(errors="ignore")


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises UsageError for a folder or disk that takes none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise UsageError(
            f"The file can't be written: {error.strerror}.",
            where=path,
            remedy="Check the space on the disk, or choose another folder with --out DIR.",
        ) from error


def _parts(data: bytes) -> tuple[str, str]:
    """HTML and plain text as a mail client reads them."""
    parsed = BytesParser(EmailMessage, policy=policy.default).parsebytes(data)
    contents = {}
    for kind in ("html", "plain"):
        part = parsed.get_body((kind,))
        contents[kind] = "" if part is None else str(part.get_content()).replace("\r\n", "\n")
    return contents["html"], contents["plain"]
