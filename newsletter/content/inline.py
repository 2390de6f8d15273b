"""Inline content: text and the elements within a paragraph, as well-formed XHTML."""

from __future__ import annotations

import re

from lxml import etree

from newsletter.content.allowed import INLINE
from newsletter.content.tree import Element, is_visible, unwrap

SPACES = re.compile(r"[ \t\n\r\f]+")
KEPT = frozenset(["data-line", "lang", "dir", "style"])
VOID = frozenset(["br", "hr", "img"])
NEVER = frozenset(["class", "id", "rel"])


def inline_fragment(element: Element) -> str:
    """The inline content of an element as XHTML, for a caption; blocks in it become text after a blank."""
    holder = etree.Element("span")
    inline_only(holder, element)
    trim(holder)
    close_up(holder)
    if not shows_something(holder):
        return ""
    markup: str = etree.tostring(holder, encoding="unicode", with_tail=False)
    return markup.split(">", 1)[1].rsplit("</", 1)[0]


def inline_only(target: Element, source: Element) -> None:
    """Copy inline content; a block in it is unfolded, with a blank where it began."""
    append_text(target, SPACES.sub(" ", source.text or ""))
    for child in source:
        if child.tag in INLINE and not has_block(child):
            copy = tidy_inline(child)
            if copy is not None:
                target.append(copy)
        elif child.tag in ("hr", "pre"):
            append_text(target, " " + SPACES.sub(" ", "".join(child.itertext())))
        else:
            append_text(target, " ")
            inline_only(target, child)
            append_text(target, " ")
        append_text(target, SPACES.sub(" ", child.tail or ""))


def tidy_inline(element: Element) -> Element | None:
    """A copy of an inline element with blanks collapsed; None if it shows nothing."""
    new = etree.Element(element.tag)
    for name, value in element.attrib.items():
        if name not in NEVER:
            new.set(name, value)
    if element.tag in VOID:
        return new
    append_text(new, SPACES.sub(" ", element.text or ""))
    for child in element:
        copy = tidy_inline(child)
        if copy is not None:
            new.append(copy)
        append_text(new, SPACES.sub(" ", child.tail or ""))
    if (element.tag == "a" and not element.get("href")) or (
        element.tag == "span" and not (KEPT - {"data-line"}) & set(new.attrib)
    ):
        new.tag = "span"
    return new if new.text or len(new) else None


def append_text(element: Element, text: str) -> None:
    """Add text behind everything in an element; blanks at a seam become one."""
    if not text:
        return
    last = next(element.iterchildren(reversed=True), None)  # `len` counts, so that a long paragraph would take minutes
    before = (last.tail if last is not None else element.text) or ""
    if text[0] == " " and (before.endswith(" ") or (last is not None and last.tag == "br" and not before)):
        text = text.lstrip(" ")
    if last is not None:
        last.tail = before + text
    else:
        element.text = before + text


def trim(element: Element) -> None:
    """Take away blanks and `<br>` at both ends of a paragraph."""
    while True:
        element.text = (element.text or "").lstrip(" ")
        if not element.text and len(element) and element[0].tag == "br":
            element.text = element[0].tail
            element.remove(element[0])
            continue
        break
    while len(element):
        last = element[-1]
        last.tail = (last.tail or "").rstrip(" ") or None
        if last.tag != "br" or last.tail:
            return
        element.remove(last)
    element.text = (element.text or "").rstrip(" ")


def shows_something(element: Element) -> bool:
    """Whether a reader sees anything of it."""
    return any(is_visible(text) for text in element.itertext()) or next(element.iter("img", "hr"), None) is not None


def wrap_content(element: Element, wrapper: Element) -> None:
    """Put the content of a block into a copy of an inline element that stood around the block."""
    new = etree.Element(wrapper.tag)
    for name, value in wrapper.attrib.items():
        if name not in NEVER:
            new.set(name, value)
    new.text, element.text = element.text, None
    new.extend(list(element))
    element.append(new)


def close_up(block: Element) -> None:
    """Unwrap spans that say nothing, and give empty elements an empty text: HTML reads `<b/>` as never closed."""
    for element in list(block.iterdescendants("span")):
        if not (KEPT - {"data-line"}) & set(element.attrib):
            unwrap(element)
    line = block.get("data-line", "1")
    for element in block.iter():
        if not element.get("data-line"):
            element.set("data-line", line)
        for name in NEVER.intersection(element.attrib):
            del element.attrib[name]
        if not len(element) and not element.text and element.tag not in VOID:
            element.text = ""


def has_block(element: Element) -> bool:
    """Whether a block stands inside an inline element."""
    return any(child.tag not in INLINE for child in element.iterdescendants())
