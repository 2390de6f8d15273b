"""The picture a page opens with and its caption."""

from __future__ import annotations

from lxml import etree

from newsletter.content.allowed import BLOCK
from newsletter.content.next_link import stretch_around
from newsletter.content.tree import Element, is_visible, link_around, text_of, unwrap

ICON = 200
"""A picture shown narrower than this (CSS pixels) is an icon or a logo, not a hero."""


def release_swallowed(body: Element) -> None:
    """Move what an unclosed `<figure>` or `<figcaption>` swallowed behind the figure."""
    for figure in list(body.iter("figure")):
        caption = figure.find(".//figcaption")
        if caption is not None:
            _release(figure, _first_foreign(caption, after=None, limit=300))
        image = figure.find(".//img")
        holder = image
        while holder is not None and holder.getparent() is not figure:
            holder = holder.getparent()
        _release(figure, _first_foreign(figure, after=holder, limit=0))


def _first_foreign(element: Element, after: Element | None, limit: int) -> Element | None:
    """The first block of an element (behind `after`) that can't be a part of it; one short paragraph may be its text."""
    behind = after is None
    has_text = is_visible(element.text)
    for child in element:
        says = text_of(child)
        foreign = child.tag in BLOCK and child.tag != "figcaption" and (is_visible(says) or len(child))
        if behind and foreign and (child.tag != "p" or has_text or len(says) > limit):
            return child
        behind = behind or child is after
        has_text = has_text or (behind and is_visible(says))
    return None


def _release(figure: Element, first: Element | None) -> None:
    parent = figure.getparent()
    if first is None or parent is None:
        return
    moved = [first, *first.itersiblings()]
    tail, figure.tail = figure.tail, None
    index = parent.index(figure) + 1
    parent[index:index] = [element for element in moved if element.tag != "figcaption"]
    if tail:
        last = parent[index + len([element for element in moved if element.tag != "figcaption"]) - 1]
        last.tail = (last.tail or "") + tail


def take_hero(body: Element, title: str) -> tuple[Element, Element | None, str] | None:
    """Take out the picture the page opens with: the `img`, the `figcaption` if there is one, the address it links to."""
    image = _first_visible(body, title)
    if image is None:
        return None
    width = image.get("width", "")
    if width.isdigit() and int(width) < ICON:
        return None
    figure = next(image.iterancestors("figure"), None)
    href = link_around(image)
    if figure is None:
        if not _stands_alone(image):
            return None
        _detach(image)
        return image, None, href
    caption = figure.find(".//figcaption")
    if len(list(figure.iter("img"))) > 1 and caption is None:
        return None
    if caption is not None:
        caption.tail = None
        parent = caption.getparent()
        assert parent is not None
        parent.remove(caption)
    _detach(image)
    unwrap(figure)
    return image, caption, href


def _first_visible(body: Element, title: str) -> Element | None:
    """The first thing seen, if it is a picture; a heading that repeats the title may come before it."""
    skipped: set[Element] = set()
    if is_visible(body.text):
        return None
    for element in body.iterdescendants():
        if element in skipped:
            pass
        elif element.tag == "img":
            return element
        elif element.tag in ("h1", "h2") and text_of(element).lower() == title.lower():
            skipped.update(element.iterdescendants())
            skipped.add(element)
        elif element.tag == "table" or is_visible(element.text):
            return None
        if (not len(element) or element in skipped) and element.tag != "img" and is_visible(element.tail):
            return None
    return None


def _stands_alone(image: Element) -> bool:
    _, siblings, texts = stretch_around(image)
    return not any(is_visible(text) for text in texts) and not siblings


def _detach(image: Element) -> None:
    """Remove an image, and its link if that holds nothing else."""
    link = next((up for up in image.iterancestors("a")), None)
    parent = image.getparent()
    assert parent is not None
    replacement = etree.Element("span")
    replacement.tail, image.tail = image.tail, None
    parent.replace(image, replacement)
    unwrap(replacement)
    if link is not None and not is_visible(text_of(link)):
        unwrap(link)
