"""The `next:` link of a page, told by what it says and that it stands alone."""

from __future__ import annotations

import re

from newsletter.content.allowed import BLOCK
from newsletter.content.page import Link
from newsletter.content.tree import Element, drop, is_visible, line_of, text_of, unwrap

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
NEIGHBOURS = 12
"""Elements around a link at most for it to stand alone."""
CANDIDATES = 100
"""Links looked at from the end of the page, so that a page of links can't take for ever."""


def stretch_around(element: Element) -> tuple[Element, list[Element], list[str]]:
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
        if len(siblings) > NEIGHBOURS:
            break
        texts.append((sibling.tail or "").split("\n\n", 1)[0])
        if "\n\n" in (sibling.tail or ""):
            break
    for sibling in top.itersiblings(preceding=True):
        texts.append((sibling.tail or "").rsplit("\n\n", 1)[-1])
        if _parts(sibling) or "\n\n" in (sibling.tail or "") or len(siblings) > NEIGHBOURS:
            return top, siblings, texts
        siblings.append(sibling)
    texts.append((parent.text or "").rsplit("\n\n", 1)[-1])
    return top, siblings, texts


def _parts(element: Element) -> bool:
    return element.tag == "br" or element.tag in BLOCK


def take_next(body: Element) -> Link | None:
    """Take out the last link that stands alone and says `next:`, in one of its spellings."""
    for link in [link for link in body.iter("a") if link.get("href")][:-CANDIDATES:-1]:
        label = _next_label(link)
        if label is None:
            continue
        top, siblings, texts = stretch_around(link)
        if len(siblings) > NEIGHBOURS:
            continue
        others = [sibling for sibling in siblings if is_visible(text_of(sibling))]
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
    if link.tail and not is_visible(re.sub(r"[\W_]", "", link.tail.split("\n\n", 1)[0])):
        link.tail = "\n\n" + "\n\n".join(link.tail.split("\n\n", 1)[1:])
    before, parent = top.getprevious(), top.getparent()
    owner, attribute = (before, "tail") if before is not None else (parent, "text")
    lead = getattr(owner, attribute) or ""
    head, blank, last = lead.rpartition("\n\n")
    if not re.search(r"\w", _without_next(last)):
        setattr(owner, attribute, head + blank)
    drop(link)
