"""The pictures of a mail: found, measured, made mailable, and linked or embedded."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from urllib.parse import quote, unquote, urlsplit

from newsletter.compose.addresses import Site
from newsletter.compose.email import EmbeddedPicture, PublishedPicture
from newsletter.compose.picture_files import PictureFile, contents, mailable_copy, measure
from newsletter.config import Settings
from newsletter.content.page import Page, Picture
from newsletter.errors import PictureError
from newsletter.finding import Finding, Severity

CACHED_FILES = 256
"""Measured pictures kept in memory; older ones are measured anew."""

LOGO_FOLDERS = ("", "uploads", "images", "img")
LOGO_SUFFIXES = (".svg", ".png", ".jpg", ".gif", ".webp")
"""Where `sidebarlogo: name` is looked for, below the static folder."""

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


class Pictures:
    """Finds and measures picture files; what it learned is kept in memory, what it made on disk by content hash.

    Several threads may use one, as a preview does.
    """

    def __init__(self, settings: Settings) -> None:
        self.static = settings.path(settings.site.static)
        self.named = settings.site.static  # as its author knows it: reports travel to other machines
        self.content = settings.path(settings.site.content)
        self.cache = settings.path(settings.pictures.cache)
        self.are_embedded = settings.pictures.delivery == "embed"
        self.published_url = (
            settings.pictures.url or (f"{settings.web.url.rstrip('/')}/pictures" if settings.web.url else "")
        ).rstrip("/")
        self.host = urlsplit(settings.site.base_url).hostname or "newsletter.invalid"
        self._lock = Lock()
        self._measured: OrderedDict[tuple[str, int, int], PictureFile] = OrderedDict()
        self._logo_folders = [(name, self.static / name) for name in LOGO_FOLDERS]
        self._logos: dict[str, tuple[list[int], str]] = {}

    def find(self, src: str, page: Page, site: Site) -> Path | None:
        """The file of a picture: in the static folder, the content folder or beside the page, never outside them."""
        on_site = site.path_on_site(src)
        if on_site is None:
            return None
        below = unquote(on_site).lstrip("/")
        candidates = [(self.static, below), (self.content, below)]
        if not re.match(r"/|[A-Za-z][A-Za-z0-9+.\-]*:", src.strip()):
            beside = (self.content / page.path).parent
            candidates.append((self.content, str(beside / unquote(urlsplit(src.strip()).path))))
        for root, name in candidates:
            if "\x00" in name:
                continue
            try:
                path = root / name
                if path.is_file() and _stays_inside(root, path):
                    return path
            except (OSError, RuntimeError):
                continue
        return None

    def measure(self, path: Path) -> PictureFile:
        """What a picture file is. Raises PictureError for one that can't be used."""
        try:
            status = path.stat()
        except OSError as error:
            raise PictureError(f"can't be read: {error.strerror}", where=path) from error
        key = (str(path), status.st_mtime_ns, status.st_size)
        with self._lock:
            if key in self._measured:
                self._measured.move_to_end(key)
                return self._measured[key]
        file = measure(path, self.cache)
        with self._lock:
            self._measured[key] = file
            if len(self._measured) > CACHED_FILES:
                self._measured.popitem(last=False)
        return file

    def logo(self, name: str) -> str:
        """The address of the picture that `sidebarlogo` names without folder or ending, "" if there is none."""
        if "." in name or "/" in name or "\x00" in name:
            return f"/{name.lstrip('/')}" if "." in name else ""
        state = [_changed(folder) for _, folder in self._logo_folders]
        known = self._logos.get(name)
        if known is None or known[0] != state:
            if len(self._logos) >= CACHED_FILES:
                self._logos.clear()
            known = self._logos[name] = (state, self._look_for_logo(name))
        return known[1]

    def _look_for_logo(self, name: str) -> str:
        for below, folder in self._logo_folders:
            for suffix in LOGO_SUFFIXES:
                if (folder / f"{name}{suffix}").is_file():
                    return f"/{below}/{name}{suffix}" if below else f"/{name}{suffix}"
        return ""


class MailPictures:
    """The pictures of one mail, and what they bring with them."""

    def __init__(self, pictures: Pictures, page: Page, site: Site) -> None:
        self._pictures, self._page, self._site = pictures, page, site
        self._found: dict[str, Path | None] = {}
        self.embedded: dict[str, EmbeddedPicture] = {}
        self.published: dict[str, PublishedPicture] = {}
        self.findings: list[Finding] = []

    def size_of(self, picture: Picture) -> tuple[int, int] | None:
        """Width and height of the picture's file in pixels, None for one that is not here or can't be read."""
        path = self._find(picture.src)
        try:
            file = self._pictures.measure(path) if path else None
        except PictureError:
            return None
        return (file.width, file.height) if file else None

    def show(
        self, picture: Picture, *, column: int, alt: str = "", fill: bool = False, width: int | None = None
    ) -> ShownPicture:
        """The picture as it stands in a column of `column` CSS pixels.

        Its width is `width`, else what the page asks for, else its own, never more than the column; `fill`: an
        opaque picture that is nearly as wide as the column becomes as wide. `alt` is for a picture whose author
        wrote none. A picture that is missing or broken is reported in `findings` and linked to the site.
        """
        text = picture.alt if picture.alt is not None else alt
        asked = width or _asked(picture, column)
        path = self._find(picture.src)
        if path is None:
            return self._show_unseen(picture, text, asked or column)
        try:
            file = self._pictures.measure(path)
            shown_width, shown_height = _fit(file, asked, column, fill)
            src = self._place(file, picture, shown_width, shown_height)
            return ShownPicture(src, text, shown_width, shown_height, file.transparent)
        except PictureError as error:
            self._report(picture, "picture-broken", Severity.ERROR, f"{picture.src}: {error.message}", error.remedy)
            return ShownPicture(self._address(picture), text, asked or column, None)

    def _place(self, file: PictureFile, picture: Picture, width: int, height: int) -> str:
        """Link or embed a picture, made mailable if need be; its `src`."""
        pictures = self._pictures
        is_published = bool(pictures.published_url)
        made = mailable_copy(file, 2 * width, 2 * height, pictures.cache, scale=pictures.are_embedded or is_published)
        if pictures.are_embedded:
            data, media_type = (made.data, made.media_type) if made else (contents(file.path), file.media_type)
            content_id = f"{sha256(data).hexdigest()[:20]}@{pictures.host}"
            self.embedded[content_id] = EmbeddedPicture(content_id, media_type, data)
            return f"cid:{content_id}"
        if made is None:
            return self._address(picture)
        self.published[made.name] = PublishedPicture(made.name, made.media_type, made.data)
        if not is_published:
            self._report(
                picture,
                "picture-unpublished",
                Severity.WARNING,
                f"{picture.src} had to be converted, and there is no address to publish the result at",
                'Set `[pictures] url`, or `[web] url`, or `[pictures] delivery = "embed"`.',
            )
        return f"{pictures.published_url or f'{self._site.base_url}/pictures'}/{quote(made.name)}"

    def _show_unseen(self, picture: Picture, alt: str, width: int) -> ShownPicture:
        """A picture that is elsewhere, missing, or nowhere."""
        src = self._address(picture)
        path = self._site.path_on_site(picture.src)
        if not src:
            self._report(
                picture,
                "picture-address",
                Severity.ERROR,
                f"{picture.src[:80]!r} is no address of a picture",
                "Name a file of the site (`/uploads/x.png`) or an https address.",
            )
        elif path is not None:
            self._report(
                picture,
                "picture-missing",
                Severity.WARNING,
                f"{picture.src} is not here, so the mail takes it from {self._site.base_url}, unchecked",
                f"Put the file at {self._pictures.named / unquote(path).lstrip('/')}, or check its name.",
            )
        return ShownPicture(src, alt, width, None)

    def _address(self, picture: Picture) -> str:
        src = self._site.absolute(picture.src) if picture.src.strip() else ""
        return src if src.startswith(("http://", "https://")) else ""

    def _find(self, src: str) -> Path | None:
        if src not in self._found:
            self._found[src] = self._pictures.find(src, self._page, self._site)
        return self._found[src]

    def _report(self, picture: Picture, code: str, severity: Severity, message: str, remedy: str) -> None:
        self.findings.append(Finding(code, severity, message, self._page.path, picture.line, remedy))


def _stays_inside(root: Path, path: Path) -> bool:
    """Whether a file is below `root`, also when links are followed."""
    below = path.relative_to(root).parts if path.is_relative_to(root) else ("..",)
    if ".." in below:
        return False
    if any(root.joinpath(*below[:count]).is_symlink() for count in range(1, len(below) + 1)):
        return path.resolve().is_relative_to(root.resolve())
    return True


def _changed(folder: Path) -> int:
    """When a folder last got or lost a file, in nanoseconds; 0 for none."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


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
