"""Page → Email, the whole way: mask, prepare, render, put back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from newsletter.compose import article as articles
from newsletter.compose.addresses import Site
from newsletter.compose.direction import LANGUAGE_TAG, direction_of
from newsletter.compose.email import Composition, Email
from newsletter.compose.house_style import ARTICLE_THEME, CAPTION_THEME, EMAIL, TEXT, HouseStyle
from newsletter.compose.merge_slots import MergeSlots, clean
from newsletter.compose.pictures import MailPictures, Pictures, ShownPicture
from newsletter.compose.plain_text import LinkList, columns, plain_text, underlined, wrapped
from newsletter.compose.preheader import filler_for, preheader_of
from newsletter.config import Settings
from newsletter.content.page import Footer, Hero, LinkedPicture, Page, Picture, Series
from newsletter.finding import Finding, Severity

BODY_WIDTH = 600
"""CSS pixels: the width that Outlook's and Gmail's reading panes have in common."""

COLUMN = 528
"""CSS pixels of the article's column: the body less 36 on either side."""

FOOTER_COLUMN = 232
"""CSS pixels of a picture in the two-column footer: half the body less margins."""

LOWEST_FOOTER = 36
"""CSS pixels: below this height the two footer pictures don't share one."""

LOGO_WIDTH, LOGO_HEIGHT = 240, 40
NEXT_PREFIX = re.compile(r"^\s*(?:up\s+)?next\s*[:：–—-]\s*|^\s*next\s*$", re.I)
INDEX_SLUGS = frozenset(("_index", "index", ""))


@dataclass(frozen=True)
class Linked:
    """A link or a linked picture as a template needs it."""

    href: str
    text: str = ""
    picture: ShownPicture | None = None


@dataclass(frozen=True)
class HeroFigure:
    """The opening figure as a template needs it."""

    picture: ShownPicture
    caption: Markup
    href: str = ""


class Composer:
    """Makes emails from pages. Keep one for as long as you like: it notices edits of templates and pictures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._style = HouseStyle(settings.path(settings.site.templates))
        self._pictures = Pictures(settings)

    def compose(self, page: Page, series: Series, *, trace: bool = False) -> Composition:
        """The email of a page, its slots open for each subscriber's data.

        `trace` leaves `data-line` (the line of the content file) on the elements of the article.
        Raises TemplateError for a template or a merge expression that can't be rendered. Pictures that can't be
        used are findings, and the mail goes without them.
        """
        return _OneMail(self._settings, self._style, self._pictures, page, series, trace).compose()


class _OneMail:
    """What is known while one page is being composed."""

    def __init__(
        self, settings: Settings, style: HouseStyle, pictures: Pictures, page: Page, series: Series, trace: bool
    ) -> None:
        self.settings, self.style = settings, style
        self.page, self.series, self.trace = page, series, trace
        self.slots = MergeSlots(f"{page.series}/{page.path}\n{page.title}\n{page.article}")
        self.site = Site(settings.site.base_url, path_of(page), self.slots.begins)
        self.pictures = MailPictures(pictures, page, self.site)
        self.all_pictures = pictures
        self.lang = self._language()
        self.links = LinkList()

    def compose(self) -> Composition:
        title = " ".join(self._masked(self.page.title, "title").split())
        root = articles.read_article(self.slots.mask(self.page.article, where=self.page.path, markup=True))
        articles.prepare(root, title, self.site, self._show_in_article, COLUMN)
        preheader = preheader_of(
            title, self._masked(self.page.description, "description"), articles.paragraphs_of(root)
        )
        values = self._values(title, preheader)
        values["text"] = plain_text(root, self.links)
        values["article"] = Markup(self._styled(root, ARTICLE_THEME))  # noqa: S704
        html = self.style.html(values)
        if self.trace:
            html = self._traced(html, values)
        text = self.style.text(values)
        email = Email(
            series=self.page.series,
            page_id=self.page.id,
            slug=self.page.slug,
            subject=self.slots.text(title, where=self.page.path),
            preheader=self.slots.text(preheader, where=self.page.path),
            html=self.slots.html(clean(html), where=EMAIL),
            text=self.slots.text(clean(text), where=TEXT),
            lang=self.lang,
            direction=direction_of(self.lang),
            embedded=tuple(self.pictures.embedded.values()),
        )
        return Composition(email, tuple(self.pictures.published.values()), tuple(self.pictures.findings))

    def _values(self, title: str, preheader: str) -> dict[str, Any]:
        """What templates may name; documented in docs/templates.md."""
        page, settings = self.page, self.settings
        mailable = [other.id for other in self.series.mailable]
        return {
            "title": title,
            "preheader": preheader,
            "filler": filler_for(preheader),
            "lang": self.lang,
            "direction": direction_of(self.lang),
            "site": settings.site,
            "sender": settings.sender,
            "site_name": clean(settings.site.name),
            "series": self.series,
            "series_name": self.series.name.replace("-", " ").replace("_", " ").strip().capitalize(),
            "part": mailable.index(page.id) + 1 if page.id in mailable else None,
            "parts": len(mailable),
            "page": page,
            "front_matter": self.slots.mask_all(page.front_matter, where=page.path),
            "logo": self._logo(),
            "hero": self._hero(page.hero) if page.hero else None,
            "next": self._next(),
            "footer": self._footer(page.footer) if page.footer and page.include_footer else None,
            "links": self.links,
            "slot": self.slots.open,
            "wrapped": wrapped,
            "underlined": underlined,
            "columns": columns,
        }

    def _masked(self, text: str, key: str) -> str:
        return self.slots.mask(text, where=self.page.path, line=self.page.keys.get(key))

    def _language(self) -> str:
        lang = (self.page.lang or self.settings.site.lang).strip().replace("_", "-")
        if LANGUAGE_TAG.fullmatch(lang):
            return lang
        self.pictures.findings.append(
            Finding(
                "language-unknown",
                Severity.WARNING,
                f"{lang!r} is no language tag; the mail says {self.settings.site.lang}",
                self.page.path,
                self.page.keys.get("lang"),
                "Write a tag as in `en`, `he` or `pt-BR`.",
            )
        )
        return self.settings.site.lang if LANGUAGE_TAG.fullmatch(self.settings.site.lang) else "en"

    def _show_in_article(self, picture: Picture, column: int) -> ShownPicture:
        return self.pictures.show(picture, column=column)

    def _styled(self, root: Any, theme: str) -> str:
        return articles.styled(root, self.style.theme(theme, direction_of(self.lang)), trace=self.trace)

    def _hero(self, hero: Hero) -> HeroFigure:
        caption = articles.read_article(self.slots.mask(hero.caption, where=self.page.path, markup=True))
        articles.prepare(caption, "", self.site, self._show_in_article, COLUMN)
        markup = self._styled(caption, CAPTION_THEME)
        picture = self.pictures.show(_clean(hero.picture, self.slots), column=BODY_WIDTH, fill=True)
        return HeroFigure(
            picture,
            Markup(markup.removeprefix("<div>").removesuffix("</div>")),  # noqa: S704 - read and cleaned above
            self.site.absolute(self.slots.mask(hero.href, where=self.page.path)) if hero.href else "",
        )

    def _next(self) -> Linked | None:
        link = self.page.next
        if link is None:
            return None
        href = self.site.absolute(self.slots.mask(link.href, where=self.page.path, line=link.line))
        text = self.slots.mask(link.text, where=self.page.path, line=link.line)
        return Linked(href, " ".join(NEXT_PREFIX.sub("", text).split())) if href else None

    def _footer(self, footer: Footer) -> tuple[Linked, Linked]:
        """Both columns, their pictures of the same height where that leaves both legible."""
        sides = (footer.left, footer.right)
        widths = [_footer_width(self.pictures.size_of(side.picture)) for side in sides]
        sizes = [self.pictures.size_of(side.picture) for side in sides]
        if sizes[0] and sizes[1] and widths[0] and widths[1]:
            height = min(width * size[1] / size[0] for width, size in zip(widths, sizes, strict=True) if width and size)
            if height >= LOWEST_FOOTER:
                widths = [max(1, round(height * size[0] / size[1])) for size in sizes if size]
        left, right = (self._footer_side(side, width) for side, width in zip(sides, widths, strict=True))
        return left, right

    def _footer_side(self, side: LinkedPicture, width: int | None) -> Linked:
        href = self.site.absolute(self.slots.mask(side.href, where=self.page.path, line=side.picture.line))
        alt = self._name_of(href or side.picture.src)
        picture = _clean(side.picture, self.slots)
        if not (picture.alt or "").strip():
            picture = Picture(picture.src, None, picture.width, picture.fraction, picture.line)
        shown = self.pictures.show(picture, column=FOOTER_COLUMN, alt=alt, width=width)
        return Linked(href, shown.alt, shown)

    def _name_of(self, address: str) -> str:
        """Words for a linked picture without alt text: where it leads (`unions.workdojos.com` → Unions)."""
        own = (urlsplit(self.site.base_url).hostname or "").removeprefix("www.")
        parts = urlsplit(self.slots.bare(address))
        host = (parts.hostname or "").removeprefix("www.")
        if host.endswith(f".{own}"):
            return host.removesuffix(f".{own}").replace("-", " ").replace(".", " ").capitalize()
        if host and host != own:
            return host
        last = re.sub(r"\.\w+$", "", parts.path.rstrip("/").rpartition("/")[2])
        return re.sub(r"[-_]+", " ", last).strip().capitalize() or self.settings.site.name

    def _logo(self) -> ShownPicture | None:
        """The picture that `sidebarlogo` names, if it is here; else the header sets the site's name in type."""
        name = self.slots.bare(clean(self.page.logo)).strip()
        if not self.page.sidebar or not name:
            return None
        src = self.all_pictures.logo(name)
        if not src:
            return None
        picture = Picture(src, clean(self.settings.site.name), line=self.page.keys.get("sidebarlogo"))
        size = self.pictures.size_of(picture)
        if not size:
            return None
        width = min(LOGO_WIDTH, max(1, round(LOGO_HEIGHT * size[0] / size[1])))
        return self.pictures.show(picture, column=LOGO_WIDTH, width=width)

    def _traced(self, html: str, values: Mapping[str, Any]) -> str:
        """`data-line` on the links and pictures outside the article, found by their addresses."""
        page = self.page
        lines: dict[str, int | None] = {}
        if page.hero:
            lines[values["hero"].picture.src] = page.hero.picture.line
        if page.next and values["next"]:
            lines[values["next"].href] = page.next.line
        for side, linked in (
            zip((page.footer.left, page.footer.right), values["footer"], strict=True)
            if page.footer and values["footer"]
            else ()
        ):
            lines[linked.href] = lines[linked.picture.src] = side.picture.line
        for address, line in lines.items():
            if address and line:
                html = re.sub(
                    rf'(<(?:a|img)\b)(?![^>]*data-line)(?=[^>]*(?:href|src)="{re.escape(escape(address))}")',
                    rf'\1 data-line="{line}"',
                    html,
                )
        return html


def path_of(page: Page) -> str:
    """The path of a page on its site: `/unions/learning/`, `/unions/` for the index."""
    if page.url:
        return page.url
    return f"/{page.series}/" if page.slug in INDEX_SLUGS else f"/{page.series}/{page.slug}/"


def _clean(picture: Picture, slots: MergeSlots) -> Picture:
    """A picture whose alt text may hold merge expressions, and whose address may not hold tokens of any kind."""
    alt = None if picture.alt is None else " ".join(slots.mask(picture.alt).split())
    return Picture(clean(picture.src), alt, picture.width, picture.fraction, picture.line)


def _footer_width(size: tuple[int, int] | None) -> int | None:
    return min(FOOTER_COLUMN, size[0]) if size else None
