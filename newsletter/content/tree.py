"""The parsed tree of a page: taking elements out, and reading what is in them."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from newsletter.content.page import Picture

Element: TypeAlias = Any
"""`lxml.etree._Element`; lxml carries no types."""

VISIBLE_TEXT = re.compile(r"[^\s\u00a0\u200b\u2060\ufeff]")


def line_of(element: Element) -> int | None:
    """The line of the content file an element came from."""
    line = element.get("data-line", "")
    return int(line) if line.isdigit() else None


def drop(element: Element) -> None:
    """Remove an element with what is in it; the text behind it stays."""
    element.text = None
    for child in list(element):
        element.remove(child)
    unwrap(element)


def unwrap(element: Element) -> None:
    """Remove an element; what is in it stays."""
    parent = element.getparent()
    if parent is None:
        return
    index = parent.index(element)
    children = list(element)
    before, tail = element.text or "", element.tail or ""
    if children:
        children[-1].tail = (children[-1].tail or "") + tail
    else:
        before += tail
    element.tail = None
    parent[index : index + 1] = children
    if before:
        if index:
            parent[index - 1].tail = (parent[index - 1].tail or "") + before
        else:
            parent.text = (parent.text or "") + before


def text_of(element: Element) -> str:
    """The text in an element, blanks collapsed."""
    return " ".join("".join(element.itertext()).split())


def is_visible(text: str | None) -> bool:
    """Whether a reader sees anything of a text."""
    return bool(text and VISIBLE_TEXT.search(text))


def picture_of(image: Element) -> Picture:
    """The picture an `img` shows."""
    width = image.get("width", "")
    return Picture(
        src=image.get("src", ""),
        alt=image.get("alt"),
        width=int(width) if width.isdigit() else None,
        fraction=int(width[:-1]) / 100 if width.endswith("%") else None,
        line=line_of(image),
    )


def link_around(element: Element) -> str:
    """The address a picture links to, or ""."""
    link = next((up for up in element.iterancestors("a")), None)
    return link.get("href", "") if link is not None else ""
