"""The article as plain text that a person enjoys reading: 72 columns, links numbered, lists, tables, quotations."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

WIDTH = 72
"""Columns, so that a quoted line still fits a terminal of 80."""

BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "ul",
    ]
)
UNDERLINES = {"h1": "=", "h2": "-"}
NO_BREAK = "\u00a0"
NO_LIMIT = 1_000_000


class LinkList:
    """The links of one mail in the order they appear, each listed once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, href: str) -> int:
        """The number of a link; a new one for an address that is new."""
        return self._numbers.setdefault(href, len(self._numbers) + 1)

    @property
    def addresses(self) -> list[str]:
        """The addresses; the first is number 1."""
        return list(self._numbers)


def plain_text(root: Any, links: LinkList, width: int = WIDTH) -> str:
    """The text of an element and all below it, blocks parted by blank lines."""
    return "\n\n".join(_blocks(root, links, width)).replace(NO_BREAK, " ")


def wrapped(text: str, width: int = WIDTH, indent: str = "", first: str | None = None) -> str:
    """`text` in lines of at most `width` columns; a longer word or address stands on a line of its own, whole.

    `indent` begins each line, `first` (default: `indent`) the first one. Line breaks in `text` are kept.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _wrapped_line(paragraph, width, indent, first if first is not None and not lines else indent)
    return "\n".join(lines)


def underlined(text: str, character: str, width: int = WIDTH) -> str:
    """A heading with a rule below it, as long as its longest line."""
    lines = wrapped(text, width)
    return f"{lines}\n{character * min(width, max(map(columns, lines.split(chr(10)))))}"


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes: two for East Asian wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _wrapped_line(text: str, width: int, indent: str, first: str) -> list[str]:
    if text.isascii() and len(first) + len(text) <= width:
        return [first + " ".join(text.split())]
    size_of = len if text.isascii() else columns
    lines: list[str] = []
    line, used = [first], columns(first)
    for gap, word in _words(text):
        size = size_of(word)
        if len(line) == 1:
            gap = ""
        elif used + len(gap) + size > width:
            lines.append("".join(line))
            line, used, gap = [indent], columns(indent), ""
        line += (gap, word)
        used += len(gap) + size
    lines.append("".join(line).rstrip(" "))
    return lines


def _words(text: str) -> list[tuple[str, str]]:
    """Words, each with the gap before it. Scripts without spaces may break between any two wide characters."""
    words = re.split(r"[ \t\n\r\f]+", text.strip(" \t\n\r\f"))
    if text.isascii():
        return [(" ", word) for word in words]
    return [(" " if first else "", piece) for word in words for first, piece in _numbered_pieces(word)]


def _numbered_pieces(word: str) -> list[tuple[bool, str]]:
    return [(index == 0, piece) for index, piece in enumerate([word] if word.isascii() else _pieces(word))]


def _pieces(word: str) -> list[str]:
    pieces: list[str] = []
    for character in word:
        wide = unicodedata.east_asian_width(character) in "WF" and unicodedata.category(character).startswith("Lo")
        if (pieces and not wide and not _is_wide(pieces[-1][-1])) or (
            pieces and not wide and unicodedata.category(character)[0] in "PMC"
        ):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" and unicodedata.category(character) == "Lo"


def _blocks(element: Any, links: LinkList, width: int) -> list[str]:
    """The blocks inside an element; text between them makes blocks of its own."""
    blocks: list[str] = []
    loose = element.text or ""
    for child in element:
        if isinstance(child.tag, str) and (child.tag in BLOCKS or any(True for _ in child.iter(*BLOCKS))):
            _add(blocks, wrapped(_tidy(loose), width))
            loose = ""
            for block in _block(child, links, width):
                _add(blocks, block)
        else:
            loose += _inline_element(child, links)
        loose += child.tail or ""
    _add(blocks, wrapped(_tidy(loose), width))
    return blocks


def _add(blocks: list[str], block: str) -> None:
    if block.strip():
        blocks.append(block)


def _block(element: Any, links: LinkList, width: int) -> list[str]:
    tag = element.tag
    if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
        text = " ".join(_inline(element, links).split())
        return [underlined(text, UNDERLINES.get(tag, "~"), width)] if text else []
    if tag in ("ul", "ol"):
        return _list(element, links, width)
    if tag == "blockquote":
        quoted = "\n\n".join(_blocks(element, links, width - 2))
        return ["\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))] if quoted else []
    if tag == "pre":
        return ["\n".join(f"    {line}".rstrip() for line in "".join(element.itertext()).strip("\n").split("\n"))]
    if tag == "hr":
        return ["* * *"]
    if tag == "table":
        return _table(element, links, width)
    if tag == "dl":
        return _terms(element, links, width)
    if tag == "dd":
        return [_indented(block, "    ", "    ") for block in _blocks(element, links, width - 4)]
    return _blocks(element, links, width)


def _list(element: Any, links: LinkList, width: int) -> list[str]:
    if _has_loose_text(element):
        return _blocks(element, links, width)
    start = element.get("start", "")
    number = int(start) if start.isdecimal() and len(start) < 7 else 1
    items: list[str] = []
    is_loose = False
    for item in element.iterchildren("*"):
        mark = f"{number}. " if element.tag == "ol" else "- "
        blocks = _blocks(item, links, width - len(mark)) if item.tag == "li" else _block(item, links, width - 2)
        if not blocks:
            continue
        nested = item.find("ul") is not None or item.find("ol") is not None
        is_loose |= len(blocks) > 1 and not nested
        items.append(_indented(("\n" if nested else "\n\n").join(blocks), mark, " " * len(mark)))
        number += 1
    return [("\n\n" if is_loose else "\n").join(items)] if items else []


def _terms(element: Any, links: LinkList, width: int) -> list[str]:
    """Terms, each with its explanations right below."""
    if _has_loose_text(element):
        return _blocks(element, links, width)
    terms: list[str] = []
    for child in element.iterchildren("*"):
        block = "\n\n".join(_block(child, links, width))
        if child.tag == "dd" and terms and block:
            terms[-1] += f"\n{block}"
        elif block:
            terms.append(block)
    return terms


def _has_loose_text(element: Any) -> bool:
    """Whether text stands where only items or cells should."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _indented(block: str, first: str, others: str) -> str:
    head, *rest = block.split("\n")
    return "\n".join([first + head, *(f"{others}{line}" if line else "" for line in rest)])


def _table(element: Any, links: LinkList, width: int) -> list[str]:
    """Rows in aligned columns if they fit, else one line per cell, named by the head of its column."""
    found = _rows(element)
    count = max(map(len, found), default=0)
    if count < 2:
        return _blocks(element, links, width)
    caption = [block for child in element.iterchildren("caption") for block in _blocks(child, links, width)]
    rows = [[_cell(cell, links) for cell in row] + [""] * (count - len(row)) for row in found]
    rows = [row for row in rows if any(row)]
    has_head = any(cell.tag == "th" for cell in found[0])
    widths = [max((columns(row[index]) for row in rows), default=0) for index in range(count)]
    if sum(widths) + 3 * (count - 1) <= width:
        return [*caption, _grid(rows, widths, has_head=has_head)] if rows else caption
    if not has_head or len(rows) < 2:
        return [*caption, *("\n".join(wrapped(cell, width) for cell in row if cell) for row in rows)]
    head, *body = rows
    return [*caption, *("\n".join(_named_cells(head, row, width)) for row in body)]


def _rows(element: Any) -> list[list[Any]]:
    """The cells of each row; none for a table that holds anything but rows of cells."""
    rows: list[list[Any]] = []
    if _has_loose_text(element):
        return []
    for child in element.iterchildren("*"):
        if child.tag in ("thead", "tbody", "tfoot"):
            below = _rows(child)
            if len(child) and not below:
                return []
            rows += below
        elif child.tag == "tr" and not _has_loose_text(child) and all(cell.tag in ("td", "th") for cell in child):
            rows.append(list(child))
        elif child.tag != "caption":
            return []
    return rows


def _cell(cell: Any, links: LinkList) -> str:
    return " ".join(" ".join(_blocks(cell, links, NO_LIMIT)).split())


def _grid(rows: list[list[str]], widths: list[int], *, has_head: bool) -> str:
    lines = [
        " | ".join(cell + " " * (size - columns(cell)) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if has_head:
        lines.insert(1, "-+-".join("-" * size for size in widths))
    return "\n".join(lines)


def _named_cells(head: list[str], row: list[str], width: int) -> list[str]:
    return [
        wrapped(f"{name}: {cell}" if name else cell, width, "  ", "")
        for name, cell in zip(head, row, strict=True)
        if cell
    ]


def _inline(element: Any, links: LinkList) -> str:
    text: str = element.text or ""
    for child in element:
        text += _inline_element(child, links) + (child.tail or "")
    return text


def _inline_element(element: Any, links: LinkList) -> str:
    if not isinstance(element.tag, str):
        return ""
    if element.tag == "br":
        return "\u2028"
    if element.tag == "img":
        alt = (element.get("alt") or "").strip()
        return f"[{alt}]" if alt else ""
    text = _inline(element, links)
    href: str = (element.get("href") or "") if element.tag == "a" else ""
    if not href:
        return text
    shown = " ".join(text.split())
    bare = href.removeprefix("mailto:").removeprefix("tel:")
    if not shown or _same_address(shown, bare):
        return bare
    return f"{text.rstrip()}{NO_BREAK}[{links.number(href)}]{text[len(text.rstrip()) :]}"


def _same_address(text: str, href: str) -> bool:
    def essence(address: str) -> str:
        return re.sub(r"^https?://(www\.)?|/$", "", address.strip().casefold())

    return essence(text) == essence(href)


def _tidy(text: str) -> str:
    """White space as a browser shows it: one space, and line breaks only where `<br>` stood."""
    lines = [" ".join(re.split(r"[ \t\n\r\f]+", line)).strip(" ") for line in text.split("\u2028")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
