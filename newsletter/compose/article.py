"""The article of a page, made fit for a mail: safe, absolute, measured, styled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from newsletter.compose.addresses import Site
from newsletter.compose.inlining import inline
from newsletter.compose.pictures import ShownPicture
from newsletter.content.page import Picture

FORBIDDEN = frozenset(
    [
        "script",
        "style",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "button",
        "select",
        "textarea",
        "link",
        "meta",
        "base",
        "svg",
        "math",
        "template",
        "noscript",
        "video",
        "audio",
        "canvas",
        "frame",
        "frameset",
        "applet",
    ]
)
"""Tags that no client runs or that do harm. The content room has taken them out; this makes sure."""

HEADINGS = {f"h{level}": level for level in range(1, 7)}
LEAD_IN = re.compile(r"\s*([^\W\d_][^.:!?\n]{1,48}):(?=\s+\S)")
"""`Job security: The labor …`: a few words and a colon at the beginning of a paragraph."""

SHORTEST_LED_IN = 60
"""Characters of a paragraph that deserves a bold lead-in."""

SMALLEST_DRAWING = 100
LIGHT_GROUND = "background-color:#ffffff;border-radius:8px"
"""Drawings are made for white pages; in dark mode a see-through one would be black on black. Icons are left alone."""

ShowPicture = Callable[[Picture, int], ShownPicture]


def read_article(article: str) -> Any:
    """The article as an lxml `<div>`. What is not well-formed is read leniently; nothing raises."""
    try:
        return etree.fromstring(f"<div>{article}</div>", etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return lxml_html.fragment_fromstring(article, create_parent="div")


def prepare(root: Any, title: str, site: Site, show: ShowPicture, column: int) -> None:
    """Make the tree mailable in place, but don't style it yet."""
    _remove_what_does_harm(root)
    _order_headings(root, title)
    _set_lead_ins(root)
    for link in root.iter("a"):
        _make_absolute(link, site)
    for picture in list(root.iter("img")):
        _show(picture, show, column)
    for table in list(root.iter("table")):
        table.attrib.pop("width", None)
        _let_scroll(table)


def _let_scroll(table: Any) -> None:
    """Put a wide table into a box of its own, so that a phone scrolls the table and not the mail."""
    parent = table.getparent()
    if parent.tag in ("td", "th"):
        return
    box = etree.Element("div")
    box.tail, table.tail = table.tail, None
    parent.replace(table, box)
    box.append(table)


def styled(root: Any, css: str, *, trace: bool) -> str:
    """The tree as XHTML with `css` in its style attributes; `trace` keeps `data-line`."""
    if not trace:
        for element in root.iter(etree.Element):
            element.attrib.pop("data-line", None)
    if css and len(root):
        inline(root, css)
    root.text = root.text or ""
    markup: str = etree.tostring(root, encoding="unicode", with_tail=False)
    return markup


def paragraphs_of(root: Any) -> list[str]:
    """The text of the paragraphs, for the preheader."""
    return ["".join(paragraph.itertext()) for paragraph in root.iter("p")]


def line_of(element: Any) -> int | None:
    """The line of the content file an element came from."""
    line = element.get("data-line", "")
    return int(line) if line.isdecimal() else None


def _remove_what_does_harm(root: Any) -> None:
    for element in list(root.iter()):
        if element is root:
            continue
        if (
            not isinstance(element.tag, str)
            or element.tag.lower() in FORBIDDEN
            or ":" in element.tag
            or "{" in element.tag
        ):
            _drop(element)
            continue
        for name in list(element.attrib):
            if name.lower().startswith("on") or ":" in name or "{" in name or name.lower() in ("id", "class", "srcset"):
                del element.attrib[name]
        if "color" in element.get("style", ""):
            # An author's colours are chosen for a white page; the sheet for dark mode takes these back.
            element.set("class", "tinted")


def _drop(element: Any) -> None:
    """Remove an element with what is in it, but not the text behind it."""
    parent, tail = element.getparent(), element.tail or ""
    if parent is None:
        return
    previous = element.getprevious()
    if previous is not None:
        previous.tail = (previous.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def _order_headings(root: Any, title: str) -> None:
    """The title is the mail's only h1; below it no level is skipped (WCAG 1.3.1)."""
    level = 1
    for element in list(root.iter(*HEADINGS)):
        text = " ".join("".join(element.itertext()).split())
        if level == 1 and text.casefold() == " ".join(title.split()).casefold():
            _drop(element)
            continue
        level = min(max(2, HEADINGS[element.tag]), level + 1)
        element.tag = f"h{level}"


def _set_lead_ins(root: Any) -> None:
    """Bold lead-ins, when several paragraphs have one: once may be a sentence that happens to hold a colon."""
    led_in = []
    for paragraph in root.iter("p"):
        match = LEAD_IN.match(paragraph.text or "")
        if match and len(match[1].split()) <= 5 and len("".join(paragraph.itertext())) >= SHORTEST_LED_IN:
            led_in.append((paragraph, match))
    for paragraph, match in led_in if len(led_in) > 1 else []:
        strong = etree.Element("strong")
        strong.text, strong.tail = f"{match[1].strip()}:", paragraph.text[match.end() :]
        paragraph.text = ""
        paragraph.insert(0, strong)


def _make_absolute(link: Any, site: Site) -> None:
    href = link.get("href")
    if href is None:
        return
    absolute = site.absolute(href)
    if absolute:
        link.set("href", absolute)
        link.set("target", "_blank")
    else:
        del link.attrib["href"]


def _show(element: Any, show: ShowPicture, column: int) -> None:
    width, fraction = _asked_width(element.get("width", ""), element.get("style", ""))
    picture = Picture(element.get("src", ""), element.get("alt"), width, fraction, line_of(element))
    shown = show(picture, column)
    if not shown.src:
        _drop(element)
        return
    line = element.get("data-line")
    ground = LIGHT_GROUND if shown.transparent and shown.width >= SMALLEST_DRAWING else None
    element.attrib.clear()
    for name, value in (
        ("src", shown.src),
        ("alt", shown.alt),
        ("width", shown.width),
        ("height", shown.height),
        ("style", ground),
        ("data-line", line),
    ):
        if value is not None:
            element.set(name, str(value))


def _asked_width(attribute: str, style: str) -> tuple[int | None, float | None]:
    """Pixels, or part of the column, that an `<img>` asks for."""
    in_style = re.search(r"(?:^|;)\s*width\s*:\s*([0-9.]+\s*(?:px|%))", style, re.I)
    match = re.fullmatch(r"\s*([0-9]{1,5}(?:\.[0-9]+)?)\s*(px|%|)\s*;?", in_style[1] if in_style else attribute, re.I)
    if not match or float(match[1]) <= 0:
        return None, None
    if match[2] == "%":
        return None, min(1.0, float(match[1]) / 100)
    return max(1, round(float(match[1]))), None
