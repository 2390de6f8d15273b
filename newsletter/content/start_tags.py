"""Start tags, before a parser sees them: the line of each, and the attributes a parser would lose.

HTML parsers keep the first of doubled attributes (`alt='alt'; alt='desktop computer…'`), which is the useless
one, and libxml2 knows only the line on which a tag ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from newsletter.content.allowed import BLOCK, INLINE, REMOVED
from newsletter.content.hidden import hidden_spans, is_hidden
from newsletter.content.source import SourceText

START_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9:_.-]*+)((?:[^<>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+|[\"'])*+)>")
ATTRIBUTE = re.compile(r"""([^\s=<>/"';]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>][^\s<>]*)))?""")
STRICT = re.compile(
    r"""<[a-zA-Z][a-zA-Z0-9-]*(?:\s+[a-zA-Z_:][\w:.-]*(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*\s*/?>"""
)
"""An open tag as CommonMark 0.31 §6.6 wants it."""
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")

SWALLOWS = frozenset(["plaintext", "xmp", "listing"])
"""Elements of old that turn every tag behind them into text."""

VOID = frozenset(["embed", "source", "track", "wbr"])
"""Elements without content that libxml2 does not know as such: each would swallow what follows it."""
SELF_CLOSED = re.compile(r"(?:^|[\s\"'])/\s*$")

PLACEHOLDERS = frozenset(
    ["", "alt", "alt text", "image", "img", "picture", "photo", "placeholder", "untitled", "todo", "text", "logo here"]
)
"""What an editor or a hurried author writes where the words for a picture belong."""


def mend(body: SourceText) -> SourceText:
    """`body` with the tags that CommonMark would show as text (`<img width="9px"; alt='x'>`) written properly."""
    sloppy = [tag for tag in START_TAG.finditer(body.text) if _is_sloppy(tag)]
    hidden = hidden_spans(body.text) if sloppy else []
    return body.edit(
        [
            (tag.start(), tag.end(), _write(tag[1].lower(), tag[2], ""))
            for tag in sloppy
            if not is_hidden(tag.start(), hidden)
        ]
    )


def _is_sloppy(tag: re.Match[str]) -> bool:
    return (tag[1].lower() in BLOCK or tag[1].lower() in INLINE) and not STRICT.fullmatch(tag[0])


def annotate(html: str, line_at: Callable[[int], int]) -> str:
    """`html` with `data-line` in each start tag and each attribute once; `line_at` gives the line of an offset."""
    return START_TAG.sub(lambda tag: _rewrite(tag, line_at(tag.start())), html)


def _rewrite(tag: re.Match[str], line: int) -> str:
    name = tag[1].lower()
    written = _write("pre" if name in SWALLOWS else name, tag[2], f' data-line="{line}"')
    if name in VOID or (name in REMOVED and SELF_CLOSED.search(tag[2])):
        return f"{written}</{name}>"
    return written


def _write(name: str, inner: str, line: str) -> str:
    attributes: dict[str, str] = {}
    for key, double, single, bare in ATTRIBUTE.findall(inner):
        key = key.lower()
        if not NAME.fullmatch(key) or key == "data-line":
            continue
        value = double or single or bare.rstrip(";")
        if key not in attributes or (key == "alt" and is_useful(value)):
            attributes[key] = value
    written = "".join(f' {key}="{value.replace(chr(34), "&quot;")}"' for key, value in attributes.items())
    return f"<{name}{line}{written}>"


def is_useful(alt: str) -> bool:
    """Whether an alternative text says something about its picture."""
    return unescape(alt).strip().lower() not in PLACEHOLDERS
