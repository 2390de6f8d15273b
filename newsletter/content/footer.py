"""The two-column footer of a page, told by its structure: two linked pictures side by side at the end."""

from __future__ import annotations

import re

from newsletter.content.allowed import BLOCK
from newsletter.content.page import Footer, LinkedPicture
from newsletter.content.tree import Element, drop, is_visible, picture_of, text_of

FOOTER_NAME = re.compile(r"templateColumn|columnImage|(?:left|right)Column|footer|two-?col", re.IGNORECASE)
CAPTION_LIMIT = 90
"""Characters of text a footer may hold besides its pictures (a caption under each)."""

MEDIA = ("iframe", "video", "audio", "object", "embed", "form", "svg")


def take_footer(body: Element) -> Footer | None:
    """Take out the two-column footer: the last block of the page when it is two linked pictures and little else.

    A table that carries the class names of the well-known e-mail template counts wherever it stands. Content that
    a missing `</table>` drew into the footer stays in the article.
    """
    is_end = True
    for block in reversed(_outermost(body)):
        pictures = _linked_pictures(block)
        if len(pictures) == 2 and _in_columns(block, pictures):
            named = _is_named(block)
            captions = _captions(block, pictures)
            if named and (block.tag == "table" or captions is None):
                footer = _footer(pictures, ("", ""))
                _keep_swallowed(block, pictures)
                return footer
            if captions is not None and (named or (is_end and _is_footer(block))):
                footer = _footer(pictures, captions)
                drop(block)
                return footer
        shows = is_visible(text_of(block)) or block.find(".//img") is not None or block.tag == "img"
        is_end = is_end and (not shows or _only_small_print(block))
    return None


def _footer(pictures: list[tuple[Element, Element]], captions: tuple[str, str]) -> Footer:
    (left_link, left), (right_link, right) = pictures
    return Footer(
        LinkedPicture(left_link.get("href", ""), picture_of(left), captions[0]),
        LinkedPicture(right_link.get("href", ""), picture_of(right), captions[1]),
    )


def _captions(block: Element, pictures: list[tuple[Element, Element]]) -> tuple[str, str] | None:
    """The words below each picture; None if the block holds more than that, which would be lost with it."""
    (_, left), (_, right) = pictures
    captions = text_of(_column(left, right)), text_of(_column(right, left))
    if len(text_of(block)) > CAPTION_LIMIT or any(next(block.iter(tag), None) is not None for tag in MEDIA):
        return None
    return captions if _letters("".join(captions)) == _letters(text_of(block)) else None


def _column(image: Element, other: Element) -> Element:
    """The outermost element around a picture that does not hold the other one."""
    shared = set(other.iterancestors())
    return [up for up in (image, *image.iterancestors()) if up not in shared][-1]


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _is_named(block: Element) -> bool:
    return any(FOOTER_NAME.search(f"{element.get('class', '')} {element.get('id', '')}") for element in block.iter())


def _only_small_print(block: Element) -> bool:
    text = text_of(block)
    return bool(re.match(r"(?:©|\(c\)|copyright\b)", text, re.IGNORECASE)) and len(text) < CAPTION_LIMIT * 2


def _outermost(body: Element) -> list[Element]:
    """The blocks of the page in order, looking through wrappers that hold nothing but blocks."""
    blocks: list[Element] = []
    pending: list[Element] = list(reversed(list(body)))
    while pending:
        element = pending.pop()
        if element.tag in ("div", "section", "article", "main", "center", "footer", "aside") and len(element) != 0:
            inner = [child for child in element if child.tag in BLOCK]
            if inner and len(_linked_pictures(element)) != 2:
                pending.extend(reversed(list(element)))
                continue
            if inner and any(is_visible(text_of(child)) and child.find(".//img") is None for child in inner):
                pending.extend(reversed(list(element)))
                continue
        blocks.append(element)
    return blocks


def _linked_pictures(block: Element) -> list[tuple[Element, Element]]:
    pairs = []
    for image in block.iter("img"):
        link = next((up for up in image.iterancestors("a") if up.get("href")), None)
        if link is None:
            return []
        pairs.append((link, image))
    return pairs


def _is_footer(block: Element) -> bool:
    """Nothing but the two pictures, each with a short caption in its own cell or not at all."""
    if next(block.iter("th"), None) is not None or len(text_of(block)) > CAPTION_LIMIT:
        return False
    cells = [cell for cell in block.iter("td") if is_visible(text_of(cell)) and cell.find(".//img") is None]
    rows = [row for row in block.iter("tr") if row.find(".//img") is not None]
    side_by_side = any(len(list(row.iter("img"))) == 2 for row in rows)
    return not cells and (not rows or side_by_side)


def _in_columns(block: Element, pictures: list[tuple[Element, Element]]) -> bool:
    """Two cells of a table, two boxes, or two links on one line; not one link around both."""
    if pictures[0][0] is pictures[1][0]:
        return False
    if block.tag == "table":
        cells = [next(image.iterancestors("td", "th"), None) for _, image in pictures]
        return cells[0] is not cells[1]
    return block.tag in ("div", "section", "footer", "aside", "center", "p", "ul")


def _keep_swallowed(table: Element, pictures: list[tuple[Element, Element]]) -> None:
    """Take out the pictures with their links; what else stands in the table's cells becomes ordinary content."""
    for link, image in pictures:
        drop(image)
        if not is_visible(text_of(link)):
            drop(link)
    for element in [table, *table.iterdescendants()]:
        if element.tag in ("table", "tbody", "thead", "tfoot", "tr", "td"):
            for name in ("class", "id", "style"):
                element.attrib.pop(name, None)
            element.tag = "div"
