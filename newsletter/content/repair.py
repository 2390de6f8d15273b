"""A cleaned tree → well-formed XHTML: a flat run of blocks, each holding only what it may.

Authors part paragraphs by blank lines inside one `<p>`, by runs of `<br>`, or not at all; they put blocks into
paragraphs and list items outside lists. What comes out is what they meant, as XML that mrml accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from newsletter.content.allowed import INLINE
from newsletter.content.flow import BLANK_LINE, Flow
from newsletter.content.inline import (
    NEVER,
    append_text,
    close_up,
    has_block,
    inline_only,
    shows_something,
    tidy_inline,
    trim,
    wrap_content,
)
from newsletter.content.tree import Element, line_of

HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])


def repair(body: Element) -> list[Element]:
    """The blocks of a cleaned body."""
    flow = Flow(1, {})
    _fill(flow, body)
    flow.end_paragraph()
    return _shift_headings(_without_outer_rules(flow.blocks))


def fragment(blocks: Iterable[Element]) -> str:
    """The blocks as XHTML, one a line. A paragraph that is nothing but `{% … %}` is left bare between them."""
    pieces = []
    for block in blocks:
        close_up(block)
        if block.tag == "p" and not len(block) and _is_statement(block.text or ""):
            pieces.append(etree.tostring(block, encoding="unicode").split(">", 1)[1].rsplit("<", 1)[0])
        else:
            pieces.append(etree.tostring(block, encoding="unicode", with_tail=False))
    return "\n".join(pieces)


def _is_statement(text: str) -> bool:
    return bool(re.fullmatch(r"\s*(?:\{%[\s\S]*?%\}\s*)+", text))


def _fill(flow: Flow, container: Element) -> None:
    flow.line = line_of(container) or flow.line
    flow.text(container.text)
    for child in container:
        _add(flow, child)
        flow.text(child.tail)


def _add(flow: Flow, element: Element) -> None:
    tag = element.tag
    if tag in INLINE:
        if has_block(element):
            flow.element(_take_lead(element))
            flow.end_paragraph()
            inner = Flow(flow.line, flow.attributes, (*flow.wrappers, element))
            _fill(inner, element)
            inner.end_paragraph()
            flow.blocks.extend(inner.blocks)
            flow.line = inner.line
        else:
            flow.element(element)
        return
    flow.end_paragraph()
    flow.line = line_of(element) or flow.line
    build = BUILDERS.get(tag)
    if build is not None:
        block = build(element, flow)
        if block is not None:
            flow.block(block)
        return
    inner = Flow(flow.line, {**flow.attributes, **_inherited(element)}, flow.wrappers)
    _fill(inner, element)
    inner.end_paragraph()
    flow.blocks.extend(inner.blocks)
    flow.line = inner.line


def _take_lead(element: Element) -> Element:
    """What an inline element holds before its first block, blank line or break: it goes on in the paragraph before.
    `Build <i>something. <div>…` is an `</i>` forgotten, not a paragraph that ends behind "Build"."""
    lead = etree.Element(element.tag, dict(element.attrib))
    lead.text, element.text = _parted(element.text)
    for child in list(element):
        if element.text or child.tag not in INLINE or child.tag == "br" or has_block(child):
            break
        lead.append(child)
        child.tail, element.text = _parted(child.tail)
    return lead


def _parted(text: str | None) -> tuple[str, str]:
    """`text` before its first blank line, and the rest."""
    text = text or ""
    blank = BLANK_LINE.search(text)
    end = blank.start() if blank else len(text)
    return text[:end], text[end:]


def _inherited(element: Element) -> dict[str, str]:
    given = {name: value for name, value in element.attrib.items() if name in ("lang", "dir", "style")}
    if element.tag == "center":
        given["style"] = "text-align: center"
    return given


def _new(element: Element, flow: Flow, tag: str = "") -> Element:
    new = etree.Element(tag or element.tag, {"data-line": str(line_of(element) or flow.line)})
    for name, value in element.attrib.items():
        if name not in NEVER:
            new.set(name, value)
    return new


def _heading(element: Element, flow: Flow) -> Element | None:
    new = _new(element, flow)
    inline_only(new, element)
    trim(new)
    for wrapper in reversed(flow.wrappers):
        wrap_content(new, wrapper)
    return new if shows_something(new) else None


def _summary(element: Element, flow: Flow) -> Element | None:
    """What a reader would click to unfold the rest, which a mail shows unfolded."""
    new = _new(element, flow, "p")
    inline_only(new, element)
    trim(new)
    wrap_content(new, etree.Element("b"))
    return new if shows_something(new) else None


def _list(element: Element, flow: Flow) -> Element | None:
    new = _new(element, flow)
    stray = Flow(flow.line, {})

    def end_stray() -> None:
        stray.end_paragraph()
        if stray.blocks:
            _put_item(new, etree.SubElement(new, "li", {"data-line": str(stray.line)}), stray.blocks)
            stray.blocks = []

    stray.text(element.text)
    for child in element:
        if child.tag == "li":
            end_stray()
            item = _new(child, flow)
            new.append(item)
            _put_item(new, item, _contents(child, flow))
        elif child.tag in ("ul", "ol") and len(new) and not stray.blocks:
            nested = _list(child, flow)
            if nested is not None:
                new[-1].append(nested)
        else:
            _add(stray, child)
        stray.text(child.tail)
    end_stray()
    return new if len(new) else None


def _put_item(parent: Element, item: Element, blocks: list[Element]) -> None:
    put(item, blocks)
    if not shows_something(item):
        parent.remove(item)


def _contents(element: Element, flow: Flow) -> list[Element]:
    inner = Flow(line_of(element) or flow.line, {})
    _fill(inner, element)
    inner.end_paragraph()
    return inner.blocks


def put(target: Element, blocks: list[Element]) -> None:
    """Fill an item or cell: a first plain paragraph goes in without its `<p>`, so that `<li>text</li>` stays so."""
    rest = blocks
    if blocks and blocks[0].tag == "p" and not any(block.tag == "p" for block in blocks[1:]):
        first, rest = blocks[0], blocks[1:]
        append_text(target, first.text or "")
        target.extend(list(first))
        for name in ("style", "lang", "dir"):
            if first.get(name) and not target.get(name):
                target.set(name, first.get(name, ""))
    target.extend(rest)


def _loose_item(element: Element, flow: Flow) -> Element | None:
    """An `li` outside a list joins the list before it, or starts one."""
    item = _new(element, flow)
    put(item, _contents(element, flow))
    if not shows_something(item):
        return None
    if flow.blocks and flow.blocks[-1].tag in ("ul", "ol"):
        flow.blocks[-1].append(item)
        return None
    new = etree.Element("ul", {"data-line": item.get("data-line", "1")})
    new.append(item)
    return new


def _definitions(element: Element, flow: Flow) -> Element | None:
    new = _new(element, flow)
    for child in element.iter("dt", "dd"):
        if next(child.iterancestors("dl"), None) is not element:
            continue
        part = _new(child, flow)
        if child.tag == "dt":
            inline_only(part, child)
            trim(part)
        else:
            put(part, _contents(child, flow))
        new.append(part)
    return new if shows_something(new) else None


def _quote(element: Element, flow: Flow) -> Element | None:
    new = _new(element, flow)
    new.extend(_contents(element, flow))
    return new if len(new) else None


def _preformatted(element: Element, flow: Flow) -> Element | None:
    text = "".join(element.itertext()).strip("\n")
    if not text.strip():
        return None
    new = _new(element, flow)
    code = next(element.iter("code"), None)
    holder = etree.SubElement(new, "code", {"data-line": new.get("data-line", "1")}) if code is not None else new
    holder.text = text
    return new


def _rule(element: Element, flow: Flow) -> Element | None:
    return etree.Element("hr", {"data-line": str(line_of(element) or flow.line)})


def _figure(element: Element, flow: Flow) -> Element | None:
    """A figure with one picture; what else an unclosed `<figure>` swallowed follows it."""
    image = next(element.iter("img"), None)
    caption = next(element.iter("figcaption"), None)
    if image is None:
        flow.blocks.extend(_contents(element, flow))
        return None
    new = _new(element, flow)
    link = next(image.iterancestors("a"), None)
    holder = new
    if link is not None and next(link.iterancestors("figure"), None) is element:
        holder = etree.SubElement(
            new, "a", {name: link.get(name, "") for name in ("data-line", "href") if link.get(name)}
        )
    copy = tidy_inline(image)
    assert copy is not None
    holder.append(copy)
    parent = image.getparent()
    assert parent is not None
    tail = image.tail
    place = etree.Element("span")
    place.tail = tail
    parent.replace(image, place)
    if caption is not None and not has_block(caption):
        words = _new(caption, flow)
        inline_only(words, caption)
        trim(words)
        if shows_something(words):
            new.append(words)
        caption.text = None
        for child in list(caption):
            caption.remove(child)
    flow.block(new)
    flow.blocks.extend(_contents(element, flow))
    return None


def _table(element: Element, flow: Flow) -> Element | None:
    """A data table; a table that only lays out (nested, or one cell a row) gives its content to the flow."""
    rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
    nested = next(element.iterdescendants("table"), None) is not None
    if nested or max((len(row) for row in cells), default=0) <= 1:
        inner = Flow(flow.line, flow.attributes, flow.wrappers)
        _fill_cells(inner, element)
        inner.end_paragraph()
        flow.blocks.extend(inner.blocks)
        return None
    new = _new(element, flow)
    caption = next(element.iter("caption"), None)
    if caption is not None:
        words = _new(caption, flow)
        inline_only(words, caption)
        trim(words)
        if shows_something(words):
            new.append(words)
    head = 0
    while head < len(rows) and cells[head] and all(cell.tag == "th" for cell in cells[head]):
        head += 1
    for name, start, end in (("thead", 0, head), ("tbody", head, len(rows))):
        part = etree.Element(name, {"data-line": new.get("data-line", "1")})
        for row, row_cells in zip(rows[start:end], cells[start:end], strict=True):
            if row_cells:
                _fill_row(etree.SubElement(part, "tr", {"data-line": str(line_of(row) or flow.line)}), row_cells, flow)
        if len(part):
            new.append(part)
    return new if shows_something(new) else None


def _fill_row(row: Element, cells: list[Element], flow: Flow) -> None:
    for cell in cells:
        new = _new(cell, flow)
        put(new, _contents(cell, flow))
        row.append(new)


def _fill_cells(flow: Flow, element: Element) -> None:
    """The cells of a layout table one after the other, each beginning a paragraph of its own."""
    for child in element:
        if child.tag in ("td", "th", "caption"):
            _fill(flow, child)
            flow.end_paragraph()
        elif child.tag in ("tbody", "thead", "tfoot", "tr"):
            _fill_cells(flow, child)
        else:
            _add(flow, child)
        flow.text(child.tail)
    flow.text(element.text)


BUILDERS = {
    **dict.fromkeys(HEADINGS, _heading),
    "ul": _list,
    "ol": _list,
    "li": _loose_item,
    "dl": _definitions,
    "blockquote": _quote,
    "pre": _preformatted,
    "hr": _rule,
    "summary": _summary,
    "figure": _figure,
    "table": _table,
}


def _without_outer_rules(blocks: list[Element]) -> list[Element]:
    """Rules at either end parted the article from hero and footer, which stand elsewhere now."""
    shown = [index for index, block in enumerate(blocks) if block.tag != "hr"]
    return blocks[shown[0] : shown[-1] + 1] if shown else []


def _shift_headings(blocks: list[Element]) -> list[Element]:
    """The page's title is the mail's only h1, so if the article has an h1, all its headings move down by one."""
    headings = [element for block in blocks for element in block.iter(*HEADINGS)]
    if any(heading.tag == "h1" for heading in headings):
        for heading in headings:
            heading.tag = f"h{min(int(heading.tag[1]) + 1, 6)}"
    return blocks
