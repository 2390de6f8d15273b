"""Merge expressions (`{{ … }}`, `{% … %}`) are set aside while a body is parsed, and put back untouched.

Markdown, an HTML parser and a serialiser would each read something into the quotes, stars and angle brackets of
an expression, so each is replaced by a word of letters and digits that passes through all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.content.source import SourceText

EXPRESSION = re.compile(
    r"\{\{(?![<%])(?:(?!\{\{|\n[ \t]*\n)[\s\S]){0,1000}?\}\}|\{%(?:(?!\{%|\n[ \t]*\n)[\s\S]){0,1000}?%\}"
)
ACCIDENT = re.compile(r"\{(?=[{%#]|\Z)")
SHOWN = re.compile(r"\{(?=[{%#])")
LITERAL_BRACE = "{{ '{' }}"
"""A brace, in the merge language: what follows it opens nothing."""

WORD_JOINER = "\u2060"
PARTED = re.compile(rf"(?<=[{{<%]){WORD_JOINER}")


def part_braces(text: str) -> str:
    """`text` with an invisible joiner behind each brace and angle: it shows a tag and is none. Code is shown without."""
    return re.sub(r"([{<%])", rf"\1{WORD_JOINER}", text)


@dataclass(frozen=True)
class Slots:
    """The expressions of one body: `words` stand for `expressions`, `lines` says where each was written."""

    prefix: str
    expressions: Sequence[str]
    lines: Sequence[int]

    def word(self, index: int) -> str:
        """What stands for expression `index`."""
        return f"{self.prefix}{index}x"

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds the words, each with a brace that stands right before it and would join its own."""
        return re.compile(rf"(\{{?){self.prefix}(\d+)x")

    def restore(self, text: str) -> str:
        """Put the expressions back, and part the braces of what only looks like one.

        After this, every `{{`, `{%` and `{#` opens something the author wrote as an expression; anything else
        (written as entities, or torn by tags: `{<b>{</b>`) would make the merge fail for every subscriber.
        """
        if "{" in text:
            text = ACCIDENT.sub("{" + WORD_JOINER, text)
        if not self.expressions or self.prefix not in text:
            return text
        return self.pattern.sub(
            lambda match: match[1] + (match[1] and WORD_JOINER) + self.expressions[int(match[2])], text
        )

    def show(self, text: str) -> str:
        """Put the expressions back as what readers are to see: code that happens to hold braces merges nothing."""
        text = PARTED.sub("", text)
        shown = (
            self.pattern.sub(lambda match: match[1] + self.expressions[int(match[2])], text) if self.prefix else text
        )
        return SHOWN.sub(LITERAL_BRACE, shown)


def set_aside(body: SourceText) -> tuple[SourceText, Slots]:
    """Replace each expression in `body` by a word."""
    if "{{" not in body.text and "{%" not in body.text:
        return body, Slots("", (), ())
    number = 0
    while f"slot{number}n" in body.text.lower():
        number += 1
    expressions: list[str] = []
    lines: list[int] = []
    prefix = f"slot{number}n"

    def replace(match: re.Match[str], line: int) -> str:
        expressions.append(match[0])
        lines.append(line)
        return f"{prefix}{len(expressions) - 1}x"

    masked = body.substitute(EXPRESSION, replace)
    return masked, Slots(prefix, expressions, lines)
