"""Merge expressions on their way through Jinja, MJML and premailer.

Each `{{ … }}` or `{% … %}` that an author wrote, and each slot a template opens, becomes a token of lower-case
letters and digits. Such a token survives XML, address quoting and style inlining, which all mangle braces. At
the end the tokens become expressions again, with the filter of the place they stand in, and everything else
that looks like a template is escaped, so that only authors can write template code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from html import unescape
from typing import Any

from newsletter.compose.merge_expressions import complaint_about, imbalance
from newsletter.errors import TemplateError

EXPRESSION = re.compile(
    r"\{\{[-+]?(?P<value>(?:(?!\{\{|\n[ \t]*\n).){0,1000}?)[-+]?\}\}"
    r"|\{%[-+]?\s*raw\s*[-+]?%\}(?P<raw>.*?)\{%[-+]?\s*endraw\s*[-+]?%\}"
    r"|\{%[-+]?(?P<statement>(?:(?!\{%|\n[ \t]*\n).){0,1000}?)[-+]?%\}",
    re.S,
)
"""A merge expression, as the content room reads one: within a paragraph, and of sane length."""

UNSAFE_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
"""Control characters and code points that are no characters: XML refuses them, and Gmail clips a mail that has them."""

LONGEST_ADDRESS = 2000
"""Characters, as browsers take them."""

LITERAL_BRACE = re.compile(r"\{(?=[{%#]|\Z)")
ADDRESS_ATTRIBUTE = re.compile(r"(?:\A|[\s\"'/])(href|src|background|action|cite|style)\s*=\s*\Z", re.I)
REMEDY = "A merge expression is `{{ name }}`, `{{ name|default('friend') }}` or `{% if name %}…{% endif %}`."


def clean(text: str) -> str:
    """`text` with LF line ends and without characters that no mail may hold."""
    if "\r" in text or "\x85" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n")
    return UNSAFE_CHARACTERS.sub("", text)


class MergeSlots:
    """The open slots of one email."""

    def __init__(self, seed: str, written: str = "") -> None:
        """`seed` is anything that differs from page to page; nobody can guess the tokens made from it.

        `written` is the page as its author wrote it, to find the line of an expression in.
        """
        self._written = written
        self._prefix = f"slot{sha256(seed.encode('utf-8', 'replace')).hexdigest()[:10]}x"
        self._token = re.compile(rf"{self._prefix}(\d+)z")
        self._sources: list[str] = []
        self._lines: list[int | None] = []

    def open(self, expression: str, *, where: str = "", line: int | None = None) -> str:
        """A token that becomes `{{ expression }}`.

        Raises TemplateError when the expression is not one, or would let a subscriber's value pass unescaped.
        """
        return self._keep("value", expression, where, line)

    def mask(self, text: str, *, where: str = "", line: int | None = None, markup: bool = False) -> str:
        """`text` with each merge expression replaced by a token, and without control characters.

        In `markup`, expressions are read with their entities resolved, and `data-line` says where they stand.
        Raises TemplateError for an expression that can't be read.
        """
        text = clean(text)
        if "{{" not in text and "{%" not in text:
            return text

        def token(match: re.Match[str]) -> str:
            if match["raw"] is not None:
                return match["raw"]
            kind = "value" if match["value"] is not None else "statement"
            source = unescape(match[kind]) if markup else match[kind]
            return self._keep(kind, source, where, self._line_at(text, match, line) if markup else line)

        return EXPRESSION.sub(token, text)

    def lazily(self, value: Any, *, where: str = "") -> Any:
        """`value`, as front matter has it, with a string in it masked when a template asks for it."""
        if isinstance(value, str):
            return self.mask(value, where=where)
        if isinstance(value, Mapping):
            return _MaskedMapping(value, lambda item: self.lazily(item, where=where))
        if isinstance(value, list | tuple):
            return _MaskedSequence(value, lambda item: self.lazily(item, where=where))
        return value

    def _line_at(self, markup: str, match: re.Match[str], default: int | None) -> int | None:
        """The line of an expression: where it was written, if it was so once, else that of the nearest element before."""
        written = unescape(match[0])
        if self._written.count(written) != 1:
            start = markup.rfind('data-line="', 0, match.start())
            near = re.compile(r'data-line="(\d{1,9})"').match(markup, start) if start >= 0 else None
            if near or written not in self._written:
                return int(near[1]) if near else default
        return self._written.count("\n", 0, self._written.index(written)) + 1

    def bare(self, text: str) -> str:
        """`text` without tokens, for places where only what is known now may stand."""
        return self._token.sub("", text)

    def begins(self, text: str) -> bool:
        """Whether `text` begins with a token."""
        return self._token.match(text) is not None

    def is_inside(self, text: str, position: int) -> bool:
        """Whether cutting `text` at `position` would cut a token."""
        return any(match.start() < position < match.end() for match in self._token.finditer(text))

    def unconditional(self, paragraphs: list[str], whole: str) -> list[str]:
        """Those of `paragraphs`, which follow each other in `whole`, that hold no `{% … %}` and stand in none."""
        if not any(source.startswith("{%") for source in self._sources):
            return paragraphs
        kept: list[str] = []
        end = depth = 0
        for paragraph in paragraphs:
            start = whole.find(paragraph, end)
            depth += self._depth(whole[end:start])
            end = start + len(paragraph)
            if depth == 0 and not any(source.startswith("{%") for source in self._sources_in(paragraph)):
                kept.append(paragraph)
            depth += self._depth(paragraph)
        return kept

    def _depth(self, text: str) -> int:
        """How many blocks `text` opens and does not close."""
        words = [source[3:].split()[0] for source in self._sources_in(text) if source.startswith("{%")]
        return sum((word in ("if", "for")) - (word in ("endif", "endfor")) for word in words)

    def _sources_in(self, text: str) -> list[str]:
        return [self._source(match) for match in self._token.finditer(text)]

    def html(self, text: str, *, where: str = "") -> str:
        """HTML with tokens → a template in autoescape mode, with `|href` and `|url` in addresses."""
        text = self._in_lower_case(text)
        parts: list[str] = []
        end = 0
        for match in self._token.finditer(text):
            if match.start() < end:
                continue
            value = _address_around(text, match.start())
            if value:
                start, stop, inside = value
                parts += (self._fill(text[end:start]), self._fill_address(text[start:stop], inside=inside))
                end = stop
        parts.append(self._fill(text[end:]))
        return self._checked("".join(parts), text, where)

    def text(self, text: str, *, where: str = "") -> str:
        """Plain text with tokens → a template, with `|url` in addresses."""
        text = self._in_lower_case(text)
        parts: list[str] = []
        end = 0
        for match in self._token.finditer(text):
            before = text[max(end, match.start() - LONGEST_ADDRESS) : match.start()]
            before = before.split()[-1] if before and not before[-1].isspace() else ""
            is_address = "://" in before or before.startswith("mailto:")
            parts += (_escape_literal(text[end : match.start()], followed=True), self._source(match, inside=is_address))
            end = match.end()
        parts.append(_escape_literal(text[end:], followed=False))
        return self._checked("".join(parts), text, where)

    def _in_lower_case(self, text: str) -> str:
        """Tokens as they were made: a template may have put them into capitals with the words around them."""
        if text.count(self._prefix) == text.lower().count(self._prefix):
            return text
        return re.sub(self._prefix + r"\d+z", lambda match: match[0].lower(), text, flags=re.I)

    def _keep(self, kind: str, source: str, where: str, line: int | None) -> str:
        source = source.strip()
        complaint = complaint_about(kind, source)
        if complaint:
            raise TemplateError(f"merge expression {source!r}: {complaint}", where=where, line=line, remedy=REMEDY)
        self._sources.append(f"{{{{ {source} }}}}" if kind == "value" else f"{{% {source} %}}")
        self._lines.append(line)
        return f"{self._prefix}{len(self._sources) - 1}z"

    def _source(self, match: re.Match[str], *, inside: bool = False) -> str:
        """The expression of a token; `inside` an address, percent-encoded."""
        source = self._sources[int(match[1])]
        return f"{{{{ ({source[3:-3]})|url }}}}" if inside and source.startswith("{{") else source

    def _fill(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for match in self._token.finditer(text):
            parts += (_escape_literal(text[end : match.start()], followed=True), self._source(match))
            end = match.end()
        parts.append(_escape_literal(text[end:], followed=False))
        return "".join(parts)

    def _fill_address(self, value: str, *, inside: bool) -> str:
        parts: list[str] = []
        end = 0
        for match in self._token.finditer(value):
            parts.append(_escape_literal(value[end : match.start()], followed=True))
            opens = not inside and not value[: match.start()].strip()
            is_whole = opens and value[match.end() :].strip()[:1] in ("", "/", "?", "#")
            source = self._source(match, inside=not is_whole)
            parts.append(f"{{{{ ({source[3:-3]})|href }}}}" if is_whole and source.startswith("{{") else source)
            end = match.end()
        parts.append(_escape_literal(value[end:], followed=False))
        return "".join(parts)

    def _checked(self, filled: str, masked: str, where: str) -> str:
        if self._prefix[:8] in filled.lower():
            raise TemplateError(
                "a template cuts a merge expression in two",
                where=where,
                remedy="Don't shorten text that holds a merge expression: leave out |truncate or the slice.",
            )
        sources = self._sources_in(masked)
        if any(source.startswith("{%") for source in sources):
            complaint = imbalance("".join(sources))
            if complaint:
                raise TemplateError(
                    f"merge statements don't fit together: {complaint}",
                    where=where,
                    line=self._line_of_loner(masked),
                    remedy="Each `{% if … %}` wants its `{% endif %}`, each `{% for … %}` its `{% endfor %}`.",
                )
        return filled

    def _line_of_loner(self, masked: str) -> int | None:
        """The line of the first statement that closes what is not open, else of the last one left open."""
        opened: list[tuple[str, int | None]] = []
        for match in self._token.finditer(masked):
            source, line = self._sources[int(match[1])], self._lines[int(match[1])]
            word = source[3:].split()[0] if source.startswith("{%") else ""
            if word in ("if", "for"):
                opened.append((f"end{word}", line))
            elif word in ("endif", "endfor") and opened and opened[-1][0] == word:
                opened.pop()
            elif word in ("endif", "endfor", "elif", "else") and (word.startswith("end") or not opened):
                return line
        return opened[-1][1] if opened else None


class _MaskedMapping(Mapping[str, Any]):
    """Lazy, since YAML's aliases can nest a value in itself, or make a few lines into billions of values."""

    def __init__(self, values: Mapping[str, Any], mask: Callable[[Any], Any]) -> None:
        self._values, self._mask = values, mask

    def __getitem__(self, key: str) -> Any:
        return self._mask(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class _MaskedSequence(Sequence[Any]):
    def __init__(self, values: Sequence[Any], mask: Callable[[Any], Any]) -> None:
        self._values, self._mask = values, mask

    def __getitem__(self, index: int | slice) -> Any:
        return self._mask(self._values[index])

    def __len__(self) -> int:
        return len(self._values)


def _escape_literal(text: str, *, followed: bool) -> str:
    """`text` so that Jinja gives back exactly it; `followed` when an expression comes right behind it."""
    if "{" not in text:
        return text
    escaped = LITERAL_BRACE.sub('{{ "{" }}', text)
    return escaped if followed or not text.endswith("{") else escaped[: -len('{{ "{" }}')] + "{"


def _address_around(html: str, position: int) -> tuple[int, int, bool] | None:
    """Start and end of the attribute that holds an address or a style around `position`, and whether it is a style.

    None if there is no such attribute.
    """
    tag = html.rfind("<", 0, position)
    if tag < html.rfind(">", 0, position):
        return None
    for quote in "\"'":
        start = html.rfind(f"={quote}", tag, position) + 2
        stop = html.find(quote, position)
        if start < 2 or stop < 0 or quote in html[start:position]:
            continue
        name = ADDRESS_ATTRIBUTE.search(html, max(tag, start - 20), start - 1)
        return (start, stop, name[1].lower() == "style") if name else None
    return None
