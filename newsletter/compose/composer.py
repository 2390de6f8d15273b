"""Page → Email, the whole way: mask, prepare, render, put back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from markupsafe import Markup

from newsletter.compose import article as articles
from newsletter.compose.addresses import Site
from newsletter.compose.direction import LANGUAGE_TAG, direction_of
from newsletter.compose.email import Composition, Email
from newsletter.compose.house_style import ARTICLE_THEME, CAPTION_THEME, HouseStyle
from newsletter.compose.merge_slots import MergeSlots, clean
from newsletter.compose.page_parts import COLUMN, HeroFigure, PageParts
from newsletter.compose.pictures import MailPictures, Pictures, ShownPicture
from newsletter.compose.plain_text import LinkList, plain_text, underlined, wrapped
from newsletter.compose.preheader import filler_for, preheader_of
from newsletter.config import Settings
from newsletter.content.page import Page, Picture, Series
from newsletter.finding import Finding, Severity

INDEX_SLUGS = frozenset(("_index", "index", ""))


class Composer:
    """Makes emails from pages. Keep one for as long as you like: it notices edits of templates and pictures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._style = HouseStyle(settings.path(settings.site.templates))
        self._pictures = Pictures(settings)

    def compose(self, page: Page, series: Series, *, trace: bool = False) -> Composition:
        """The email of a page, its slots open for each subscriber's data.

        `trace` leaves `data-line` (the line of the content file) on what came from the page.
        Raises TemplateError for a template or a merge expression that can't be rendered. Pictures that can't be
        used are findings, and the mail goes without them.
        """
        return _Composing(self._settings, self._style, self._pictures, page, series, trace).composition()


class _Composing:
    """What is known while one page is being composed."""

    def __init__(
        self, settings: Settings, style: HouseStyle, pictures: Pictures, page: Page, series: Series, trace: bool
    ) -> None:
        self.settings, self.style, self.all_pictures = settings, style, pictures
        self.page, self.series, self.trace = page, series, trace
        self.findings: list[Finding] = []
        self.lang = self._language()
        self.direction = direction_of(self.lang)
        self.slots = MergeSlots(f"{page.series}/{page.path}\n{page.title}\n{page.article}", page.source)
        self.site = Site(settings.site.base_url, path_of(page), self.slots.begins)
        self.pictures = MailPictures(pictures, page, self.site)
        self.parts = PageParts(page, self.site, self.slots, self.pictures, settings.site.name)
        self.links = LinkList()
        self.series_name = " ".join(re.split(r"[-_\s]+", clean(series.name))).strip().capitalize()

    def composition(self) -> Composition:
        title = " ".join(self._masked(self.page.title, "title").split())
        root = articles.read_article(self.slots.mask(self.page.article, where=self.page.path, markup=True))
        articles.prepare(root, title, self.site, self._show, COLUMN)
        values = self._values(title, self._preheader(title, root))
        values["text"] = plain_text(root, self.links)
        values["article"] = Markup(articles.styled(root, self._css(ARTICLE_THEME), trace=self.trace))  # noqa: S704
        html = self.style.html(values)
        if self.trace:
            html = self._traced(html, values)
        email = Email(
            series=self.page.series,
            page_id=self.page.id,
            slug=self.page.slug,
            subject=self.slots.text(title, where=self.page.path),
            preheader=self.slots.text(values["preheader"], where=self.page.path),
            html=self.slots.html(clean(html), where=self.page.path),
            text=self.slots.text(clean(self.style.text(values)), where=self.page.path),
            lang=self.lang,
            direction=self.direction,
            embedded=tuple(self.pictures.embedded.values()),
        )
        return Composition(email, tuple(self.pictures.published.values()), (*self.findings, *self.pictures.findings))

    def _values(self, title: str, preheader: str) -> dict[str, Any]:
        """What templates may name; docs/how-to/change-the-look.md lists it for authors."""
        page, settings = self.page, self.settings
        order = [other.id for other in self.series.mailable]
        return {
            "title": title,
            "preheader": preheader,
            "filler": filler_for(preheader),
            "lang": self.lang,
            "direction": self.direction,
            "site": settings.site,
            "site_name": clean(settings.site.name),
            "sender": settings.sender,
            "series": self.series,
            "series_name": self.series_name,
            "part": order.index(page.id) + 1 if page.id in order else None,
            "parts": len(order),
            "page": page,
            "front_matter": self.slots.lazily(page.front_matter, where=page.path),
            "logo": self._logo(),
            "hero": self._hero(),
            "next": self.parts.next(page.next) if page.next else None,
            "footer": self.parts.footer(page.footer) if page.footer and page.include_footer else None,
            "links": self.links,
            "slot": self.slots.open,
            "wrapped": wrapped,
            "underlined": underlined,
        }

    def _preheader(self, title: str, root: Any) -> str:
        description = self._masked(self.page.description, "description")
        paragraphs = self.slots.unconditional(articles.paragraphs_of(root), "".join(root.itertext()))
        found = preheader_of(title, description, paragraphs, lambda text, end: not self.slots.is_inside(text, end))
        return found or f"{clean(self.settings.site.name)} · {self.series_name}"

    def _masked(self, text: str, key: str) -> str:
        return self.slots.mask(text, where=self.page.path, line=self.page.keys.get(key))

    def _css(self, theme: str) -> str:
        return self.style.theme(theme, self.direction)

    def _show(self, picture: Picture, column: int) -> ShownPicture:
        return self.pictures.show(picture, column=column)

    def _hero(self) -> HeroFigure | None:
        hero = self.page.hero
        return self.parts.hero(hero, self.links, self._css(CAPTION_THEME), trace=self.trace) if hero else None

    def _logo(self) -> ShownPicture | None:
        name = clean(self.page.logo).strip() if self.page.sidebar else ""
        src = self.all_pictures.logo(name) if name else ""
        return self.parts.logo(src) if src else None

    def _language(self) -> str:
        wanted, usual = ((lang or "en").strip().replace("_", "-") for lang in (self.page.lang, self.settings.site.lang))
        if not self.page.lang:
            wanted = usual
        if LANGUAGE_TAG.fullmatch(wanted):
            return wanted
        lang = usual if LANGUAGE_TAG.fullmatch(usual) else "en"
        message = f"{wanted!r} is no language tag, so the mail says {lang!r}"
        remedy = "Write a tag as in `en`, `he` or `pt-BR`."
        line = self.page.keys.get("lang")
        self.findings.append(Finding("language-unknown", Severity.WARNING, message, self.page.path, line, remedy))
        return lang

    def _traced(self, html: str, values: Mapping[str, Any]) -> str:
        """`data-line` on the links and pictures outside the article, found by their addresses."""
        page, lines = self.page, dict[str, int | None]()
        if page.hero:
            lines[values["hero"].picture.src] = page.hero.picture.line
        if page.next and values["next"]:
            lines[values["next"].href] = page.next.line
        if page.footer and values["footer"]:
            for side, linked in zip((page.footer.left, page.footer.right), values["footer"], strict=True):
                lines[linked.href] = lines[linked.picture.src] = side.picture.line
        for address, line in lines.items():
            if address and line:
                attribute = rf'(?:href|src)="{re.escape(escape(address))}"'
                html = re.sub(rf"(<(?:a|img)\b)(?![^>]*data-line)(?=[^>]*{attribute})", rf'\1 data-line="{line}"', html)
        return html


def path_of(page: Page) -> str:
    """The path of a page on its site: `/unions/learning/`, `/unions/` for the index."""
    if page.url:
        return page.url
    return f"/{page.series}/" if page.slug in INDEX_SLUGS else f"/{page.series}/{page.slug}/"
