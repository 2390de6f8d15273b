"""Where the browser finds the pictures of a mail: on this machine, though the mail links them on the web."""

from __future__ import annotations

import mimetypes
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from newsletter.compose.email import Composition, Email
from newsletter.config import Settings

SHELF_BYTES = 64_000_000
"""Pictures kept in memory at once."""

SHOWN_TYPES = frozenset(
    ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/avif", "image/bmp")
)


@dataclass(frozen=True)
class ShelfPicture:
    """A picture ready to be served."""

    media_type: str
    data: bytes


class PictureShelf:
    """Pictures that composing made or embedded, and the folders the others lie in. Safe to ask from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.static = settings.path(settings.site.static)
        self._roots = {"static": self.static, "content": settings.path(settings.site.content)}
        self._site = urlsplit(settings.site.base_url)
        published = settings.pictures.url or (f"{settings.web.url.rstrip('/')}/pictures" if settings.web.url else "")
        self._published = (published or f"{settings.site.base_url.rstrip('/')}/pictures").rstrip("/") + "/"
        self._made: OrderedDict[str, ShelfPicture] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def keep(self, composition: Composition) -> None:
        """Take the pictures of an email onto the shelf; the oldest make room."""
        for published in composition.published:
            self._put(published.name, ShelfPicture(published.media_type, published.data))
        self.keep_embedded(composition.email)

    def keep_embedded(self, email: Email) -> None:
        """Take the pictures that travel inside an email onto the shelf."""
        for embedded in email.embedded:
            self._put(embedded.content_id, ShelfPicture(embedded.media_type, embedded.data))

    def address_of(self, src: str) -> str | None:
        """Where the browser finds the picture `src` (relative to the preview's root), None if it is not here."""
        if src.startswith("cid:"):
            return f"pictures/made/{quote(unquote(src[4:]), safe='@')}"
        if src.startswith(self._published):
            return f"pictures/made/{src.removeprefix(self._published)}"
        parts = urlsplit(src)
        prefix = self._site.path.rstrip("/")
        if parts.netloc.lower() != self._site.netloc.lower() or not parts.path.startswith(f"{prefix}/"):
            return None
        below = parts.path[len(prefix) + 1 :]
        for kind in self._roots:
            file = self.file(kind, unquote(below))
            if file is not None:
                # The time makes another address of a picture that was saved again, so it may be cached for good.
                return f"pictures/{kind}/{below}?v={file.stat().st_mtime_ns:x}"
        return None

    def made(self, name: str) -> ShelfPicture | None:
        """A picture that composing made, by its name or Content-ID."""
        with self._lock:
            return self._made.get(name)

    def file(self, kind: str, below: str) -> Path | None:
        """The picture file `below` the folder `kind` (static or content), None for anything else or outside."""
        root = self._roots.get(kind)
        if root is None or "\x00" in below or mimetypes.guess_type(below)[0] not in SHOWN_TYPES:
            return None
        try:
            file = (root / below.lstrip("/")).resolve()
            return file if file.is_relative_to(root.resolve()) and file.is_file() else None
        except (OSError, RuntimeError):
            return None

    def _put(self, name: str, picture: ShelfPicture) -> None:
        with self._lock:
            old = self._made.pop(name, None)
            self._size += len(picture.data) - (len(old.data) if old else 0)
            self._made[name] = picture
            while self._size > SHELF_BYTES and len(self._made) > 1:
                self._size -= len(self._made.popitem(last=False)[1].data)
