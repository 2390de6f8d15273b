"""A run of blocks in the making: where one paragraph ends and the next begins."""

from __future__ import annotations

import re

from lxml import etree

from newsletter.content.inline import SPACES, append_text, shows_something, tidy_inline, trim, wrap_content
from newsletter.content.tree import Element, is_visible, line_of

BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")


class Flow:
    """Gathers blocks. Inline content is collected until a block, a blank line or a double `<br>` ends its paragraph.

    `attributes` (lang, dir, style) are inherited by the paragraphs of a container, `wrappers` are inline elements
    that were found around blocks and go inside them instead.
    """

    def __init__(self, line: int | None, attributes: dict[str, str], wrappers: tuple[Element, ...] = ()) -> None:
        self.blocks: list[Element] = []
        self.line = line or 1
        self.attributes = attributes
        self.wrappers = wrappers
        self._paragraph: Element | None = None
        self._breaks = 0

    def text(self, text: str | None) -> None:
        """Add text, ending the paragraph at each blank line."""
        if not text:
            return
        position = 0
        for blank in BLANK_LINE.finditer(text):
            self._inline_text(text[position : blank.start()])
            self.line += text.count("\n", position, blank.end())
            self.end_paragraph()
            position = blank.end()
        rest = text[position:]
        self._inline_text(rest)
        self.line += rest.count("\n")

    def _inline_text(self, text: str) -> None:
        if not text:
            return
        if is_visible(text):
            self._breaks = 0
            lead = len(text) - len(text.lstrip("\n "))
            self._open(self.line + text.count("\n", 0, lead))
        if self._paragraph is not None:
            append_text(self._paragraph, SPACES.sub(" ", text))

    def element(self, element: Element) -> None:
        """Add an inline element (moved here, its tail left out)."""
        self.line = line_of(element) or self.line
        if element.tag == "br":
            self._breaks += 1
            if self._breaks > 1:
                self.end_paragraph()
                return
            if self._paragraph is None:
                return
        else:
            self._breaks = 0
        copy = tidy_inline(element)
        if copy is not None:
            self._open(self.line).append(copy)

    def block(self, element: Element) -> None:
        """Add a finished block."""
        self.end_paragraph()
        self.blocks.append(element)

    def _open(self, line: int) -> Element:
        if self._paragraph is None:
            self._paragraph = etree.Element("p", {"data-line": str(line), **self.attributes})
        return self._paragraph

    def end_paragraph(self) -> None:
        """Close the paragraph; one that shows nothing is dropped."""
        paragraph, self._paragraph, self._breaks = self._paragraph, None, 0
        if paragraph is None:
            return
        trim(paragraph)
        if shows_something(paragraph):
            for wrapper in reversed(self.wrappers):
                wrap_content(paragraph, wrapper)
            self.blocks.append(paragraph)
