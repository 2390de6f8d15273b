"""The parts of a page around its article, as templates need them: hero, next link, footer, logo."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from markupsafe import Markup

from newsletter.compose import article as articles
from newsletter.compose.addresses import Site
from newsletter.compose.merge_slots import MergeSlots, clean
from newsletter.compose.pictures import MailPictures, ShownPicture
from newsletter.compose.plain_text import LinkList, plain_text
from newsletter.content.page import Footer, Hero, Link, LinkedPicture, Page, Picture

BODY_WIDTH = 600
"""CSS pixels: the width that Outlook's and Gmail's reading panes have in common."""

COLUMN = 528
"""CSS pixels of the article's column: the body less 36 on either side."""

FOOTER_COLUMN = 232
"""CSS pixels of a picture in the two-column footer: half the body less margins."""

LOWEST_FOOTER = 36
"""CSS pixels: below this height the two footer pictures don't share one."""

LOGO_WIDTH, LOGO_HEIGHT = 240, 40
NEXT_PREFIX = re.compile(r"^\s*(?:up\s+)?next\s*(?:[:：–—-]\s*|$)", re.I)


@dataclass(frozen=True)
class Linked:
    """A link, maybe with a picture; `text` is its words, or the picture's alt text; `caption` stands below the picture."""

    href: str
    text: str
    picture: ShownPicture | None = None
    caption: str = ""


@dataclass(frozen=True)
class HeroFigure:
    """The opening figure. `caption` is styled XHTML, `text` the same in words."""

    picture: ShownPicture
    caption: Markup
    text: str
    href: str = ""


class PageParts:
    """Makes the parts of one page ready for its templates."""

    def __init__(self, page: Page, site: Site, slots: MergeSlots, pictures: MailPictures, site_name: str) -> None:
        self._page, self._site, self._slots, self._pictures = page, site, slots, pictures
        self._site_name = clean(site_name)

    def hero(self, hero: Hero, links: LinkList, caption_css: str, *, trace: bool) -> HeroFigure:
        """The opening figure, its caption's links numbered in `links` and styled with `caption_css`."""
        caption = articles.read_article(self._slots.mask(hero.caption, where=self._page.path, markup=True))
        articles.prepare(caption, "", self._site, self._show_in_caption, COLUMN)
        text = plain_text(caption, links)
        markup = articles.styled(caption, caption_css, trace=trace).removeprefix("<div>").removesuffix("</div>")
        return HeroFigure(
            self._pictures.show(self._masked(hero.picture), column=BODY_WIDTH, fill=True),
            Markup(markup),  # noqa: S704 - cleaned above
            text,
            self._address(hero.href, hero.picture.line) if hero.href else "",
        )

    def next(self, link: Link) -> Linked | None:
        """The link to the next page, without the word "next" in its text; None if it leads nowhere."""
        href = self._address(link.href, link.line)
        text = self._slots.mask(link.text, where=self._page.path, line=link.line)
        return Linked(href, " ".join(NEXT_PREFIX.sub("", text).split())) if href else None

    def footer(self, footer: Footer) -> tuple[Linked, Linked]:
        """Both columns, their pictures of the same height where that leaves both legible."""
        left, right = (self._pictures.size_of(side.picture) for side in (footer.left, footer.right))
        left_width, right_width = (min(FOOTER_COLUMN, size[0]) if size else None for size in (left, right))
        if left and right and left_width and right_width:
            height = min(left_width * left[1] / left[0], right_width * right[1] / right[0])
            if height >= LOWEST_FOOTER:
                left_width, right_width = (max(1, round(height * size[0] / size[1])) for size in (left, right))
        return self._side(footer.left, left_width), self._side(footer.right, right_width)

    def logo(self, src: str) -> ShownPicture | None:
        """The picture for the header, None if it can't be used: then the header sets the site's name in type."""
        picture = Picture(src, self._site_name, line=self._page.keys.get("sidebarlogo"))
        size = self._pictures.size_of(picture)
        if not size:
            return None
        width = min(LOGO_WIDTH, max(1, round(LOGO_HEIGHT * size[0] / size[1])))
        return self._pictures.show(picture, column=LOGO_WIDTH, width=width)

    def _side(self, side: LinkedPicture, width: int | None) -> Linked:
        href = self._address(side.href, side.picture.line)
        picture = self._masked(side.picture)
        caption = self._slots.mask(side.caption, where=self._page.path, line=side.picture.line)
        if caption:
            picture = replace(picture, alt="")  # the words below say it
        elif not (picture.alt or "").strip():
            # The picture is all there is of the link, so it can't be decorative (WCAG 2.4.4).
            picture = replace(picture, alt=self._name_of(href or side.picture.src))
        shown = self._pictures.show(picture, column=FOOTER_COLUMN, width=width)
        return Linked(href, caption or shown.alt, shown, caption)

    def _name_of(self, address: str) -> str:
        """Words for a linked picture without alt text: where it leads (`unions.workdojos.com` → Unions)."""
        own = (urlsplit(self._site.base_url).hostname or "").removeprefix("www.")
        parts = urlsplit(self._slots.bare(address))
        host = (parts.hostname or "").removeprefix("www.")
        if host.endswith(f".{own}"):
            return host.removesuffix(f".{own}").replace("-", " ").replace(".", " ").capitalize()
        if host and host != own:
            return host
        last = re.sub(r"\.\w+$", "", parts.path.rstrip("/").rpartition("/")[2])
        return re.sub(r"[-_]+", " ", last).strip().capitalize() or self._site_name

    def _address(self, address: str, line: int | None) -> str:
        return self._site.absolute(self._slots.mask(address, where=self._page.path, line=line))

    def _masked(self, picture: Picture) -> Picture:
        """A picture whose alt text may hold merge expressions; its address may not, for it must be measured now."""
        if picture.alt is None:
            return replace(picture, src=clean(picture.src))
        alt = self._slots.mask(picture.alt, where=self._page.path, line=picture.line)
        return replace(picture, src=clean(picture.src), alt=" ".join(alt.split()))

    def _show_in_caption(self, picture: Picture, column: int) -> ShownPicture:
        return self._pictures.show(picture, column=column)
