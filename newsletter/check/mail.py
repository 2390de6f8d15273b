"""What rules look at: one mail as one reader would get it, and what is known about where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from lxml import etree

from newsletter.content.tree import Element

CLIP = 102_400
"""Bytes of decoded HTML: Gmail shows the first 102 kB and a link to the rest; measured by senders, never published."""
NOWHERE = "https://reader.example/"
"""Stands where an address depends on the reader."""
HIDDEN = re.compile(r"display\s*:\s*none|max-height\s*:\s*0|font-size\s*:\s*0(?:px)?\s*(?:;|$)", re.IGNORECASE)
NOT_SHOWN = re.compile(r"(?:^|;)\s*display\s*:\s*none", re.IGNORECASE)
CONDITIONAL = re.compile(r"<!--\[if[^\]]*\]>.*?<!\[endif\]-->", re.DOTALL)
STYLE_BLOCK = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
TRACE = re.compile(r' data-line="\d+"')


@dataclass(frozen=True)
class Mail:
    """One mail. `traced` is the HTML with `data-line` on what came from the page; `html` is what is sent.

    `article` is the page as its author wrote it (XHTML): composing mends some of what it lacks, an alternative text
    for instance, which only its author can do well.

    `data` is the whole message, b"" if it could not be built. `pictures` maps the address of each picture that
    travels inside or is published with the mail to its size in bytes. `site_pages` are the paths of all pages of
    all series, `series_names` their first parts. `keys` has the lines of front matter keys.
    """

    traced: str = ""
    article: str = ""
    text: str = ""
    subject: str = "A subject"
    preheader: str = "A few words that make one want to read on"
    lang: str = "en"
    data: bytes = b""
    pictures: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    base_url: str = "https://site.example"
    web_url: str = "https://mail.site.example"
    next_href: str = ""
    site_pages: frozenset[str] = frozenset()
    series_names: frozenset[str] = frozenset()
    keys: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    sender_address: str = "letters@site.org"
    postal_address: str = "1 Example Street"
    signed: bool = True
    other_subjects: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def html(self) -> str:
        """The HTML that is sent."""
        return TRACE.sub("", self.traced)

    @cached_property
    def bytes_of_html(self) -> int:
        """The size of the HTML, as Gmail counts it."""
        return len(self.html.encode())

    @cached_property
    def styles(self) -> tuple[str, ...]:
        """The CSS of each style block, those for Outlook only left out."""
        return tuple(STYLE_BLOCK.findall(CONDITIONAL.sub("", self.html)))

    @cached_property
    def body(self) -> Element:
        """The parsed `<body>`, conditional comments for Outlook left out."""
        source = CONDITIONAL.sub("", self.traced) or "<p></p>"
        root = etree.fromstring(source.encode(), etree.HTMLParser(remove_comments=True, encoding="utf-8"))
        body = root.find("body") if root is not None else None
        return body if body is not None else etree.Element("body")

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """The elements a reader sees, in order; the preheader and other hidden parts are left out."""
        return tuple(_visible(self.body))

    @cached_property
    def written(self) -> tuple[Element, ...]:
        """The elements the author wrote; those of the mail when there is no article."""
        if not self.article:
            return self.elements
        return tuple(etree.fromstring(f"<article>{self.article}</article>").iterdescendants())

    def named(self, *tags: str) -> Iterator[Element]:
        """The visible elements with these tags."""
        return (element for element in self.elements if element.tag in tags)

    @cached_property
    def links(self) -> tuple[Element, ...]:
        """The links a reader sees."""
        return tuple(element for element in self.named("a"))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words a reader sees."""
        return tuple(" ".join(text for element in self.elements for text in _own_text(element)).split())


def _visible(element: Element) -> Iterator[Element]:
    for child in element:
        if isinstance(child.tag, str) and child.tag not in ("style", "script", "title", "head"):
            style = child.get("style", "")
            if NOT_SHOWN.search(style) or (child.tag == "div" and HIDDEN.search(style) and "opacity" in style):
                continue
            yield child
            yield from _visible(child)


def _own_text(element: Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield child.tail or ""


def line_of(element: Element) -> int | None:
    """The line of the content file an element came from: its own, or that of what it stands in."""
    while element is not None:
        line = element.get("data-line", "")
        if line.isdigit():
            return int(line)
        element = element.getparent()
    return None


def is_authors(element: Element) -> bool:
    """Whether an element came from the page rather than from the templates."""
    return line_of(element) is not None
