"""One content file → Page: the story of the whole room in one function."""

from __future__ import annotations

import posixpath
import re
from html import unescape
from types import MappingProxyType

from newsletter.content.decoding import decode
from newsletter.content.doubts import about_body, about_encoding
from newsletter.content.fields import Fields, read_fields
from newsletter.content.footer import take_footer
from newsletter.content.front_matter import FrontMatter, read_front_matter
from newsletter.content.hero import release_swallowed, take_hero
from newsletter.content.inline import inline_fragment
from newsletter.content.markdown import to_html
from newsletter.content.markup import Markup
from newsletter.content.next_link import take_next
from newsletter.content.page import Hero, Page
from newsletter.content.quotes import mend_quotes
from newsletter.content.repair import fragment, repair
from newsletter.content.shortcodes import Shortcodes, site_path
from newsletter.content.slots import set_aside
from newsletter.content.source import SourceText
from newsletter.content.tree import Element, drop, is_visible, picture_of, text_of
from newsletter.errors import ContentError
from newsletter.finding import Finding, Severity

EXTENSIONS = (".md", ".markdown", ".html", ".htm")
REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
TRANSLATION = re.compile(r"(.+)\.([a-z]{2,3}(?:-[A-Za-z]{2,4})?)")


def parse_page(data: bytes, *, path: str, series: str) -> Page:
    """Read one content file.

    `path` is the file relative to the content folder, with `/`. Raises ContentError, with line and remedy, for
    a file that can't be read without guessing.
    """
    decoded = decode(data, path)
    front_matter = read_front_matter(decoded.text, path)
    fields = read_fields(front_matter, path)
    folder = posixpath.dirname(path)
    shortcodes = Shortcodes(path, folder, front_matter.values)
    written = SourceText.starting_at(front_matter.body, front_matter.body_line)
    body, slots = set_aside(shortcodes.expand(written))
    body, about_quotes = mend_quotes(body, path)
    markup = Markup(path, folder, slots)
    tree = markup.read(to_html(body, path))
    slug, lang = _named_by(path, fields)
    title = _plain_title(fields.title) or _first_heading(tree)
    findings = [
        *about_encoding(decoded.converted_from, path),
        *shortcodes.findings,
        *about_quotes,
        *about_body(body, path),
        *markup.findings,
        *_about_fields(front_matter, fields, path),
    ]
    if not is_visible(title):
        raise ContentError(
            "The page has no title, so its mail would have no subject.",
            where=path,
            line=1,
            remedy="Write `title: …` in the front matter.",
        )
    release_swallowed(tree)
    link = take_next(tree)
    footer = take_footer(tree)
    hero = _hero(tree, title)
    _drop_repeated_title(tree, title)
    article = fragment(repair(tree))
    if not article and hero is None and not fields.draft:
        findings.append(_empty(path, front_matter.body_line))
    return Page(
        id=fields.id or _place_in_series(path, slug),
        series=series,
        slug=slug,
        path=path,
        title=title,
        article=article,
        description=_plain_title(fields.description),
        draft=fields.draft,
        include_footer=fields.include_footer,
        sidebar=fields.sidebar,
        logo=fields.logo,
        weight=fields.weight,
        date=fields.date,
        lang=lang,
        tags=fields.tags,
        url=fields.url or _url(path, fields.slug),
        hero=hero,
        next=fields.next or link,
        footer=footer,
        front_matter=MappingProxyType(dict(front_matter.values)),
        keys=MappingProxyType(dict(fields.keys)),
        findings=tuple(findings),
        source=decoded.text,
    )


def file_name(path: str) -> tuple[str, str]:
    """The name and language a file gives its page: `learning.de.md` is `learning` in `de`; an index below the series is its folder."""
    stem = posixpath.basename(path)
    for extension in EXTENSIONS:
        if stem.lower().endswith(extension):
            stem = stem[: -len(extension)]
            break
    translation = TRANSLATION.fullmatch(stem)
    name, lang = (translation[1], translation[2]) if translation else (stem, "")
    if name in ("index", "_index"):
        folders = posixpath.dirname(path).split("/")
        name = folders[-1] if len(folders) > 1 else "_index"
    return name, lang


def _url(path: str, slug: str) -> str:
    """The page's path on the site, as Hugo makes it."""
    own = site_path(posixpath.join("/", path.rpartition("/")[0], file_name(path)[0]), "")
    if posixpath.basename(path).split(".")[0] in ("index", "_index"):
        own = site_path(posixpath.join("/", posixpath.dirname(path)), "")
    return posixpath.join(posixpath.dirname(own), slug) if slug else own


def _named_by(path: str, fields: Fields) -> tuple[str, str]:
    name, lang = file_name(path)
    return fields.slug or name, fields.lang or lang


def _place_in_series(path: str, slug: str) -> str:
    """The slug with the folders above it: `rope/intro.md` and `sails/intro.md` are two pages, as on the site."""
    folders = posixpath.dirname(path).split("/")[1:]
    if posixpath.basename(path).split(".")[0] in ("index", "_index"):
        folders = folders[:-1]
    return "-".join((*folders, slug))


def _plain_title(title: str) -> str:
    """A title as it is read: exports write `Tom &amp; Jerry`, and a subject shows every character."""
    return " ".join(REFERENCE.sub(lambda match: unescape(match[0]), title).split())


def _empty(path: str, line: int) -> Finding:
    return Finding(
        "page-empty",
        Severity.WARNING,
        "The page has nothing to read, so its mail would be a title alone.",
        path,
        line,
        "Write something, or keep it back with `draft: true`.",
    )


def _first_heading(tree: Element) -> str:
    heading = next(tree.iter("h1", "h2"), None)
    return text_of(heading) if heading is not None else ""


def _hero(tree: Element, title: str) -> Hero | None:
    found = take_hero(tree, title)
    if found is None:
        return None
    picture, caption, href = found
    return Hero(picture_of(picture), inline_fragment(caption) if caption is not None else "", href)


def _drop_repeated_title(tree: Element, title: str) -> None:
    """The mail shows the title already; an opening heading with the same words would say it twice."""
    heading = next(tree.iter("h1", "h2"), None)
    if heading is not None and text_of(heading).lower() == title.lower():
        drop(heading)


def _about_fields(front_matter: FrontMatter, fields: Fields, path: str) -> list[Finding]:
    if fields.title:
        return []
    return [
        Finding(
            "title-missing",
            Severity.WARNING,
            "The page has no `title`; its first heading is the subject.",
            path,
            fields.keys.get("title", front_matter.body_line - 1),
            "Write `title: …` in the front matter.",
        )
    ]
