"""Links and pictures' addresses → absolute ones: a mail has no page to be relative to."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, urljoin, urlsplit

ALLOWED_SCHEMES = frozenset(("http", "https", "mailto", "tel", "sms"))
BLANKS = "".join(map(chr, range(33)))
IGNORED = re.compile(r"[\x00-\x1f]")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\"'<>\\^`{|}\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff]")
"""Characters that end an address in some client, or hide where it leads; they are percent-encoded."""


class Site:
    """The site a page belongs to, as far as addresses go."""

    def __init__(self, base_url: str, page_path: str, is_slot: Callable[[str], bool] = lambda address: False) -> None:
        """`base_url` is the site's address, `page_path` the path of the page on it (`/unions/learning/`).

        `is_slot` tells addresses that begin with a merge slot: those are whole already.
        """
        self._is_slot = is_slot
        self.base_url = base_url.rstrip("/")
        self._page = urljoin(f"{self.base_url}/", page_path.lstrip("/"))

    def absolute(self, address: str) -> str:
        """`address` as an absolute one, or "" if it can't stand in a mail: `javascript:`, `data:`, nonsense."""
        # As browsers do: tabs and line breaks inside an address don't count, so they must not hide a scheme either.
        address = IGNORED.sub("", address.strip(BLANKS))
        if self._is_slot(address):
            return _encoded(address)
        scheme = SCHEME.match(address)
        if scheme and scheme[1].lower() not in ALLOWED_SCHEMES:
            return ""
        if scheme and scheme[1].lower() in ("mailto", "tel", "sms"):
            return _encoded(address if scheme[1].lower() == "mailto" else address.replace(" ", ""))
        try:
            joined = address if scheme else urljoin(self._page, address.replace("\\", "/"))
            parts = urlsplit(joined)
            port_is_sane = parts.port is None or parts.port >= 0
        except ValueError:
            return ""
        if not parts.scheme or not parts.hostname or not port_is_sane:
            return ""
        return _encoded(joined)

    def path_on_site(self, address: str) -> str | None:
        """The path (`/uploads/x.jpg`) of an address on this site, None for one elsewhere."""
        absolute = self.absolute(address)
        parts, own = urlsplit(absolute), urlsplit(self.base_url)
        if not absolute or parts.netloc.lower() != own.netloc.lower():
            return None
        prefix = own.path.rstrip("/")
        return parts.path[len(prefix) :] if parts.path.startswith(f"{prefix}/") else None


def _encoded(address: str) -> str:
    return UNSAFE.sub(lambda match: quote(match[0], safe=""), address)
