"""The pictures of a mail: found, measured, made mailable, and linked or embedded."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from newsletter.compose.addresses import Site
from newsletter.compose.email import EmbeddedPicture, PublishedPicture
from newsletter.compose.picture_files import PictureFile, mailable_copy, measure
from newsletter.config import Settings
from newsletter.content.page import Page, Picture
from newsletter.errors import PictureError
from newsletter.finding import Finding, Severity

CACHED_FILES = 256
"""Measured pictures kept in memory; older ones are measured anew."""

NEARLY_FULL = 2 / 3
"""Part of the column from which an opening photograph fills it: a narrow margin looks like a mistake."""

TALLEST_HERO = 560
TALLEST = 2400
"""CSS pixels of height. An opening picture leaves the title in sight; an infographic keeps its width."""


@dataclass(frozen=True)
class ShownPicture:
    """A picture as it stands in the mail.

    `src` is an https address or `cid:…`; `width` and `height` are CSS pixels, `height` None for a picture that
    is not here to be measured; `transparent` says that what is behind it shows through.
    """

    src: str
    alt: str
    width: int
    height: int | None
    transparent: bool = False


@dataclass
class PicturesOfOneMail:
    """What the pictures of one mail bring with them."""

    embedded: dict[str, EmbeddedPicture] = field(default_factory=dict)
    published: dict[str, PublishedPicture] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class Pictures:
    """Finds and prepares pictures; what it made is kept on disk by content hash, what it measured in memory."""

    def __init__(self, settings: Settings) -> None:
        self._static = settings.path(settings.site.static)
        self._content = settings.path(settings.site.content)
        self._cache = settings.path(settings.pictures.cache)
        self._embed = settings.pictures.delivery == "embed"
        self._published_url = (
            settings.pictures.url or (f"{settings.web.url.rstrip('/')}/pictures" if settings.web.url else "")
        ).rstrip("/")
        self._host = urlsplit(settings.site.base_url).hostname or "newsletter.invalid"
        self._measured: OrderedDict[tuple[str, int, int], PictureFile] = OrderedDict()

    def size_of(self, picture: Picture, page: Page, site: Site) -> tuple[int, int] | None:
        """Width and height of the picture's file in pixels, None for one that is not here or can't be read."""
        path = self._find(picture.src, page, site)
        try:
            found = self._measure(path) if path else None
        except PictureError:
            return None
        return (found.width, found.height) if found else None

    def show(
        self,
        picture: Picture,
        page: Page,
        site: Site,
        mail: PicturesOfOneMail,
        *,
        column: int,
        alt: str = "",
        fill: bool = False,
        width: int | None = None,
    ) -> ShownPicture:
        """The picture as it stands in a column of `column` CSS pixels.

        Its width is `width`, else what the page asks for, else its own, never more than the column; `fill`: an
        opaque picture that is nearly as wide as the column becomes as wide. `alt` is for a picture whose author wrote none.
        A picture that is missing or broken is reported in `mail.findings` and linked to the site.
        """
        text = picture.alt if picture.alt is not None else alt
        path = self._find(picture.src, page, site)
        if path is None:
            return self._elsewhere(picture, page, site, mail, text, width or _asked(picture, column) or column)
        try:
            file = self._measure(path)
            shown_width, shown_height = _fit(file, width or _asked(picture, column), column, fill)
            return self._place(file, picture, page, site, mail, text, shown_width, shown_height)
        except PictureError as error:
            mail.findings.append(
                Finding(
                    "picture-broken",
                    Severity.ERROR,
                    f"{error.where}: {error.message}",
                    page.path,
                    picture.line,
                    error.remedy,
                )
            )
            return self._linked(picture, site, text, width or _asked(picture, column) or column)

    def _place(
        self,
        file: PictureFile,
        picture: Picture,
        page: Page,
        site: Site,
        mail: PicturesOfOneMail,
        alt: str,
        width: int,
        height: int,
    ) -> ShownPicture:
        can_publish = bool(self._embed or self._published_url)
        made = mailable_copy(file, 2 * width, 2 * height, self._cache, must_change=not can_publish)
        transparent = file.transparent
        if made is None:
            if not self._embed:
                src = self._linked(picture, site, alt, width).src
                return ShownPicture(src, alt, width, height, transparent)
            data, media_type, name = file.path.read_bytes(), file.media_type, file.path.name
        else:
            data, media_type, name = made.data, made.media_type, made.name
        if self._embed:
            content_id = f"{sha256(data).hexdigest()[:20]}@{self._host}"
            mail.embedded[content_id] = EmbeddedPicture(content_id, media_type, data)
            return ShownPicture(f"cid:{content_id}", alt, width, height, transparent)
        mail.published[name] = PublishedPicture(name, media_type, data)
        if not can_publish:
            mail.findings.append(
                Finding(
                    "picture-unpublished",
                    Severity.WARNING,
                    f"{picture.src} had to be converted, and there is no address to put the result",
                    page.path,
                    picture.line,
                    'Set `[pictures] url`, or `[web] url`, or `[pictures] delivery = "embed"`.',
                )
            )
        url = self._published_url or f"{site.base_url}/pictures"
        return ShownPicture(f"{url}/{quote(name)}", alt, width, height, transparent)

    def _elsewhere(
        self, picture: Picture, page: Page, site: Site, mail: PicturesOfOneMail, alt: str, width: int
    ) -> ShownPicture:
        shown = self._linked(picture, site, alt, width)
        path = site.path_on_site(picture.src)
        if not shown.src:
            mail.findings.append(
                Finding(
                    "picture-address",
                    Severity.ERROR,
                    f"{picture.src[:80]!r} is no address of a picture",
                    page.path,
                    picture.line,
                    "Name a file of the site (`/uploads/x.png`) or an https address.",
                )
            )
        elif path is not None:
            mail.findings.append(
                Finding(
                    "picture-missing",
                    Severity.WARNING,
                    f"{picture.src} is not here, so it is linked to {site.base_url} unseen",
                    page.path,
                    picture.line,
                    f"Put the file to {self._static / unquote(path).lstrip('/')}, or check its name.",
                )
            )
        return shown

    def _linked(self, picture: Picture, site: Site, alt: str, width: int) -> ShownPicture:
        src = site.absolute(picture.src)
        return ShownPicture(src if src.startswith(("http://", "https://")) else "", alt, width, None)

    def _find(self, src: str, page: Page, site: Site) -> Path | None:
        """The file of a picture, in the static folder, the content folder or beside the page; never outside."""
        on_site = site.path_on_site(src)
        if on_site is None:
            return None
        below = unquote(on_site).lstrip("/")
        candidates = [(self._static, below), (self._content, below)]
        if not re.match(r"/|[A-Za-z][A-Za-z0-9+.\-]*:", src.strip()):
            beside = (self._content / page.path).parent if page.path else self._content
            candidates.append((self._content, str(beside / unquote(urlsplit(src.strip()).path))))
        for root, name in candidates:
            if "\x00" in name:
                continue
            try:
                path = (root / name).resolve()
                if path.is_relative_to(root.resolve()) and path.is_file():
                    return path
            except (OSError, RuntimeError):
                continue
        return None

    def _measure(self, path: Path) -> PictureFile:
        try:
            status = path.stat()
        except OSError as error:
            raise PictureError(f"can't be read: {error.strerror}", where=path) from error
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key in self._measured:
            self._measured.move_to_end(key)
            return self._measured[key]
        file = self._measured[key] = measure(path)
        if len(self._measured) > CACHED_FILES:
            self._measured.popitem(last=False)
        return file


def _asked(picture: Picture, column: int) -> int | None:
    """The width the page asks for."""
    if picture.width:
        return max(1, min(picture.width, column))
    return max(1, round(column * min(1.0, picture.fraction))) if picture.fraction and picture.fraction > 0 else None


def _fit(file: PictureFile, asked: int | None, column: int, fill: bool) -> tuple[int, int]:
    width = asked or (column if file.scalable and fill else min(file.width, column))
    if fill and not file.transparent and width >= NEARLY_FULL * column:
        width = column
    tallest = TALLEST_HERO if fill else TALLEST
    if width * file.height > tallest * file.width:
        width = max(1, tallest * file.width // file.height)
    return width, max(1, round(width * file.height / file.width))
