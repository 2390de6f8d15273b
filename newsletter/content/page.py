"""The document model: what a page is once it has been read and repaired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from newsletter.finding import Finding


@dataclass(frozen=True)
class Picture:
    """A picture as the author refers to it.

    `src` is what the page says (root-relative, relative or absolute); `width` is the shown width in CSS
    pixels if the page gives one in pixels, `fraction` the part of the column (0–1] if it gives a percentage.
    `alt` is None when the author wrote none, "" when it is said to be decorative.
    """

    src: str
    alt: str | None = None
    width: int | None = None
    fraction: float | None = None
    line: int | None = None


@dataclass(frozen=True)
class Link:
    """A link with its text."""

    href: str
    text: str
    line: int | None = None


@dataclass(frozen=True)
class Hero:
    """The figure a page opens with. `caption` is a clean XHTML fragment (inline elements only), maybe empty."""

    picture: Picture
    caption: str = ""
    href: str = ""


@dataclass(frozen=True)
class LinkedPicture:
    """One column of the two-column footer; `caption` are the words below its picture."""

    href: str
    picture: Picture
    caption: str = ""


@dataclass(frozen=True)
class Footer:
    """The two-column footer a page ends with."""

    left: LinkedPicture
    right: LinkedPicture


@dataclass(frozen=True)
class Page:
    """One content file.

    `id` is stable for the life of the page (front matter `id`, else the folders below the series and `slug`) and is what progress is kept by.
    `path` is the file as the author knows it (relative to the folder `content` was read from, with `/`).
    `article` is a clean, well-formed XHTML fragment of block elements; every element carries `data-line`,
    the 1-based line of `path` it came from. Merge expressions (`{{ … }}`, `{% … %}`) stand in it as written.
    `front_matter` holds every key of the file, known or not, for templates; `keys` maps the known keys to
    the line they stand on.
    """

    id: str
    series: str
    slug: str
    path: str
    title: str
    article: str
    description: str = ""
    draft: bool = False
    include_footer: bool = False
    sidebar: bool = False
    logo: str = ""
    weight: int | None = None
    date: datetime | None = None
    lang: str = ""
    tags: tuple[str, ...] = ()
    url: str = ""
    hero: Hero | None = None
    next: Link | None = None
    footer: Footer | None = None
    front_matter: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[Finding, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Series:
    """The pages of one dojo in reading order, drafts among them and marked.

    `broken` holds a finding of severity ERROR for each file that can't be read; such a page is never sent.
    `findings` are about the order: a `next` that leads nowhere, a page that no chain reaches, a cycle.
    """

    name: str
    title: str
    pages: tuple[Page, ...]
    findings: tuple[Finding, ...] = ()
    broken: tuple[Finding, ...] = ()

    @property
    def mailable(self) -> tuple[Page, ...]:
        """The pages that may be mailed: those that are not drafts, in order."""
        return tuple(page for page in self.pages if not page.draft)
