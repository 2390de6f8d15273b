"""What a page is made of, told by structure: the hero it opens with, the `next:` link, the footer of two pictures.

Each function takes what it finds out of the tree, so that what remains is the article.
"""

from __future__ import annotations

import re

from lxml import etree

from newsletter.content.markup import BLOCK, Element, drop, line_of, unwrap
from newsletter.content.page import Footer, Link, LinkedPicture, Picture

NEXT_WORDS = (
    r"(?:(?:read|up|coming|continue)\s+)?next(?:\s+(?:up|page|issue|lesson|chapter|part|post|article|step|dojo|read|in\s+this\s+\w+))?"
    r"|weiter|als\s+nächstes|nächste(?:s|r)?(?:\s+seite)?|siguiente|suivante?|à\s+suivre|próximo|próxima|prossimo|prossima"
    r"|volgende|następn[ay]|далее|次へ?|下一页|הבא|التالي"
)
NEXT = re.compile(
    rf"[\s\W]*(?:{NEXT_WORDS})\s*(?:[:：»›→>|]|\s[-–—]+(?=\s)|[–—])+[\s→»›>]*(?P<label>.*)", re.IGNORECASE | re.DOTALL
)
NEXT_ALONE = re.compile(rf"[\s\W]*(?:{NEXT_WORDS})[\s\W]*", re.IGNORECASE)
PREVIOUS = re.compile(
    r"[\s\W]*(?:previous|prev|back|zurück|vorherige|home|index|contents|top|anterior|précédent)\b.*",
    re.IGNORECASE | re.DOTALL,
)
FOOTER_NAME = re.compile(r"templateColumn|columnImage|(?:left|right)Column|footer|two-?col", re.IGNORECASE)
VISIBLE_TEXT = re.compile(r"[^\s\u00a0\u200b\u2060\ufeff]")
CAPTION_LIMIT = 90
"""Characters of text a footer may hold besides its pictures (a caption under each)."""
ICON = 200
"""A picture shown narrower than this (CSS pixels) is an icon or a logo, not a hero."""


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


def text_of(element: Element) -> str:
    """The text in an element, blanks collapsed."""
    return " ".join("".join(element.itertext()).split())


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
    has_text = _is_visible(element.text)
    for child in element:
        says = text_of(child)
        foreign = child.tag in BLOCK and child.tag != "figcaption" and (_is_visible(says) or len(child))
        if behind and foreign and (child.tag != "p" or has_text or len(says) > limit):
            return child
        behind = behind or child is after
        has_text = has_text or (behind and _is_visible(says))
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


def _is_visible(text: str | None) -> bool:
    return bool(text and VISIBLE_TEXT.search(text))


def _segment(element: Element) -> tuple[Element, list[Element], list[str]]:
    """The paragraph-like stretch `element` stands in: its container, its sibling elements, the text around them.

    A stretch ends at a `<br>`, at a block and at a blank line.
    """
    top = element
    parent = top.getparent()
    while parent is not None and parent.tag not in BLOCK and parent.tag != "body":
        top, parent = parent, parent.getparent()
    assert parent is not None
    siblings: list[Element] = []
    texts = [(top.tail or "").split("\n\n", 1)[0]]
    for sibling in top.itersiblings() if "\n\n" not in (top.tail or "") else ():
        if _parts(sibling):
            break
        siblings.append(sibling)
        texts.append((sibling.tail or "").split("\n\n", 1)[0])
        if "\n\n" in (sibling.tail or ""):
            break
    for sibling in top.itersiblings(preceding=True):
        texts.append((sibling.tail or "").rsplit("\n\n", 1)[-1])
        if _parts(sibling) or "\n\n" in (sibling.tail or ""):
            return top, siblings, texts
        siblings.append(sibling)
    texts.append((parent.text or "").rsplit("\n\n", 1)[-1])
    return top, siblings, texts


def _parts(element: Element) -> bool:
    return element.tag == "br" or element.tag in BLOCK


def take_next(body: Element) -> Link | None:
    """Take out the last link that stands alone and says `next:`, in one of its spellings."""
    for link in reversed(list(body.iter("a"))):
        if not link.get("href"):
            continue
        label = _next_label(link)
        if label is None:
            continue
        top, siblings, texts = _segment(link)
        others = [sibling for sibling in siblings if _is_visible(text_of(sibling))]
        if not all(PREVIOUS.fullmatch(text_of(other)) for other in others):
            continue
        if any(re.search(r"\w", _without_next(text)) for text in texts):
            continue
        found = Link(link.get("href", ""), label, line_of(link))
        for other in others:
            drop(other)
        _remove_link(link, top)
        return found
    return None


def _without_next(text: str) -> str:
    return "" if NEXT_ALONE.fullmatch(text) or NEXT.fullmatch(text) else text


def _link_text(link: Element) -> str:
    """The text of a link up to a line break or block: an unclosed link holds whatever follows it."""
    pieces = [link.text or ""]
    for child in link:
        if _parts(child) or child.tag == "img":
            break
        pieces += ["".join(child.itertext()), child.tail or ""]
    return " ".join("".join(pieces).split())


def _next_label(link: Element) -> str | None:
    """What the link says behind `next:`; "" when it says nothing more; None when it is no such link."""
    text = _link_text(link)
    if match := NEXT.fullmatch(text):
        return match["label"].strip(" →»›>\u00a0")
    if NEXT_ALONE.fullmatch(text):
        return ""
    if "next" in link.get("rel", "").lower().split():
        return text.strip(" →»›>\u00a0")
    before = link.getprevious()
    parent = link.getparent()
    lead = (before.tail if before is not None else parent.text if parent is not None else "") or ""
    last = lead.rsplit("\n\n", 1)[-1]
    if last.strip() and NEXT_ALONE.fullmatch(last) and re.search(r"[:：→»›–—-]\s*$", last):
        return text.strip(" →»›>\u00a0")
    return None


def _remove_link(link: Element, top: Element) -> None:
    """Take out the link, the `next:` before it and the arrow behind it, but not what an unclosed link swallowed."""
    link.text = ""
    for child in list(link):
        if _parts(child) or child.tag == "img":
            break
        child.tail = ""
        drop(child)
    if len(link):
        unwrap(link)
        return
    if link.tail and not _is_visible(re.sub(r"[\W_]", "", link.tail.split("\n\n", 1)[0])):
        link.tail = "\n\n" + "\n\n".join(link.tail.split("\n\n", 1)[1:])
    before, parent = top.getprevious(), top.getparent()
    owner, attribute = (before, "tail") if before is not None else (parent, "text")
    lead = getattr(owner, attribute) or ""
    head, blank, last = lead.rpartition("\n\n")
    if not re.search(r"\w", _without_next(last)):
        setattr(owner, attribute, head + blank)
    drop(link)


def take_footer(body: Element) -> Footer | None:
    """Take out the two-column footer: the last block of the page when it is two linked pictures and little else.

    A table that carries the class names of the well-known e-mail template counts wherever it stands. Content that
    a missing `</table>` drew into the footer stays in the article.
    """
    for block in reversed(_outermost(body)):
        pictures = _linked_pictures(block)
        named = any(
            FOOTER_NAME.search(f"{element.get('class', '')} {element.get('id', '')}") for element in block.iter()
        )
        if len(pictures) == 2 and (named or _is_footer(block)) and _in_columns(block, pictures):
            footer = Footer(*(LinkedPicture(link.get("href", ""), picture_of(image)) for link, image in pictures))
            if block.tag == "table" and named:
                _keep_swallowed(block, pictures)
            else:
                drop(block)
            return footer
        shows = _is_visible(text_of(block)) or block.find(".//img") is not None or block.tag == "img"
        if shows and not _only_small_print(block):
            break
    return None


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
            if inner and any(_is_visible(text_of(child)) and child.find(".//img") is None for child in inner):
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
    cells = [cell for cell in block.iter("td") if _is_visible(text_of(cell)) and cell.find(".//img") is None]
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
        if not _is_visible(text_of(link)):
            drop(link)
    for element in [table, *table.iterdescendants()]:
        if element.tag in ("table", "tbody", "thead", "tfoot", "tr", "td"):
            for name in ("class", "id", "style"):
                element.attrib.pop(name, None)
            element.tag = "div"


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
    if _is_visible(body.text):
        return None
    for element in body.iterdescendants():
        if element in skipped:
            pass
        elif element.tag == "img":
            return element
        elif element.tag in ("h1", "h2") and text_of(element).lower() == title.lower():
            skipped.update(element.iterdescendants())
            skipped.add(element)
        elif element.tag == "table" or _is_visible(element.text):
            return None
        if (not len(element) or element in skipped) and element.tag != "img" and _is_visible(element.tail):
            return None
    return None


def _stands_alone(image: Element) -> bool:
    _, siblings, texts = _segment(image)
    return not any(_is_visible(text) for text in texts) and not siblings


def link_around(element: Element) -> str:
    """The address a picture links to, or ""."""
    link = next((up for up in element.iterancestors("a")), None)
    return link.get("href", "") if link is not None else ""


def _detach(image: Element) -> None:
    """Remove an image, and its link if that holds nothing else."""
    link = next((up for up in image.iterancestors("a")), None)
    parent = image.getparent()
    assert parent is not None
    replacement = etree.Element("span")
    replacement.tail, image.tail = image.tail, None
    parent.replace(image, replacement)
    unwrap(replacement)
    if link is not None and not _is_visible(text_of(link)):
        unwrap(link)
