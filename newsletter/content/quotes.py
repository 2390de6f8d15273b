"""Quotes of attributes that are missing, curly, or one too many: `<a href="https://a.example>here</a>`.

A browser reads on to the next quote, however far away, and what stands between is lost. Here such a value ends where its
tag should have ended, and the author is told.
"""

from __future__ import annotations

import re

from newsletter.content.allowed import BLOCK, INLINE, REMOVED
from newsletter.content.hidden import hidden_spans, is_hidden
from newsletter.content.source import SourceText
from newsletter.finding import Finding, Severity

TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])")
SOUND = re.compile(
    r"""<[a-zA-Z][a-zA-Z0-9]*+(?:[\s;/]++|[^\s=<>/"';“”„‘’]++"""
    r"""(?:\s*+=\s*+(?:"[^"<>]*+"(?=[\s;/>])|'[^'<>]*+'(?=[\s;/>])|[^\s"'<>“”„‘’]++(?=[\s>])))?+)*+>"""
)
"""A tag whose quotes are as they should be: nearly every one."""
BLANK = re.compile(r"""[\s;/"'=]*""")
NAME = re.compile(r"""[^\s=<>/"';“”„‘’]+""")
EQUALS = re.compile(r"\s*=\s*")
CURLY = re.compile(r"""[“”„‘’]([^“”„‘’"<>]*)[“”‘’"']?""")
BARE = re.compile(r"""([^\s"'<>“”„‘’]*)[“”"']?""")
CUT = re.compile(r"""\s+[a-zA-Z-]+\s*=|\s*/?>""")
"""Where a value without its second quote ends: before the next attribute, or with the tag."""
RUNS_ON = re.compile(r"[^<>]*>[\s\S]*?(?:</|<[a-zA-Z]|\n[ \t]*\n)")
"""A value that holds the end of its own tag, and the beginning of others."""
SWALLOWED_NAME = re.compile(r"[\s\S]*?(?=\s+[a-zA-Z-]+\s*=\s*$)")
NEXT_ATTRIBUTE = re.compile(r"[a-zA-Z_:][\w:.-]*\s*=")

LONGEST_VALUE = 20_000
"""Characters; no value but a picture written into the page is longer, and a page may hold thousands of torn tags."""

LONGEST_SHOWN = 80


def mend_quotes(body: SourceText, path: str) -> tuple[SourceText, list[Finding]]:
    """`body` with such tags written properly, and a finding for each."""
    text = body.text
    torn = [tag for tag in TAG.finditer(text) if _is_known(tag[1]) and not SOUND.match(text, tag.start())]
    if not torn:
        return body, []
    hidden = hidden_spans(text)
    edits: list[tuple[int, int, str]] = []
    findings: list[Finding] = []
    position = 0
    for tag in torn:
        if tag.start() < position or is_hidden(tag.start(), hidden):
            continue
        mended = _mended(text, tag)
        if mended is not None:
            written, position = mended
            edits.append((tag.start(), position, written))
            findings.append(_told(written, path, body.line_at(tag.start())))
    return body.edit(edits), findings


def _is_known(name: str) -> bool:
    return name.lower() in BLOCK or name.lower() in INLINE or name.lower() in REMOVED


def _mended(text: str, tag: re.Match[str]) -> tuple[str, int] | None:
    """The tag as it was meant, and where it ends; None for one whose values are read as they are written."""
    attributes: list[str] = []
    changed = False
    at = tag.end()
    while True:
        blank = BLANK.match(text, at)
        at = blank.end() if blank else at
        if text.startswith(">", at):
            return (f"<{''.join([tag[1], *attributes])}>", at + 1) if changed else None
        name = NAME.match(text, at)
        if name is None:  # the tag never ends
            return None
        at = name.end()
        value = ""
        if equals := EQUALS.match(text, at):
            value, at, mended = _value(text, equals.end())
            changed = changed or mended
        attributes.append(f' {name[0]}="{value.replace(chr(34), "&quot;")}"')


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """The value that begins at `at`, where it ends, and whether that is not where its quotes say."""
    first = text[at : at + 1]
    if first in ('"', "'"):
        return _quoted_value(text, at, first)
    found = (CURLY if first in "“”„‘’" else BARE).match(text, at)
    if not first or found is None:
        return "", at, False
    return found[1], found.end(), found.end() - found.start() > len(found[1])


def _quoted_value(text: str, at: int, quote: str) -> tuple[str, int, bool]:
    reach = at + LONGEST_VALUE
    end = text.find(quote, at + 1, reach)
    value = text[at + 1 : reach if end < 0 else end]
    if end < 0 or RUNS_ON.match(value):
        cut = CUT.search(value)
        return (
            (value, at + 1 + len(value), False) if cut is None else (value[: cut.start()], at + 1 + cut.start(), True)
        )
    follows = text[end + 1 : end + 2]
    if follows in (*" \t\r\n;/>\"'", ""):
        return value, end + 1, False
    if name := SWALLOWED_NAME.match(value):
        return name[0], at + 1 + name.end(), True
    if not NEXT_ATTRIBUTE.match(text, end + 1):
        last = re.compile(rf"[^<>]*?({quote})(?=[\s;]*/?>|[\s;]+[a-zA-Z-]+\s*=)").match(text, end + 1)
        if last:  # an apostrophe, or quotes inside the quotes
            return text[at + 1 : last.start(1)], last.end(), True
    return value, end + 1, False


def _told(written: str, path: str, line: int) -> Finding:
    shown = written if len(written) <= LONGEST_SHOWN else f"{written[:LONGEST_SHOWN]}…"
    return Finding(
        "quote-mended",
        Severity.WARNING,
        f"A quote is missing here, or one too many; it is read as {shown}",
        path,
        line,
        "Write it so, if that is right.",
    )
