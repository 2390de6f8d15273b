"""Start tags, before a parser sees them: the line of each, and the attributes a parser would lose.

HTML parsers keep the first of doubled attributes (`alt='alt'; alt='desktop computer…'`), which is the useless
one, and libxml2 knows only the line on which a tag ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

START_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9:_.-]*+)((?:[^<>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+|[\"'])*+)>")
ATTRIBUTE = re.compile(r"""([^\s=<>/"';]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>][^\s<>]*)))?""")
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")

PLACEHOLDERS = frozenset(
    ["", "alt", "alt text", "image", "img", "picture", "photo", "placeholder", "untitled", "todo", "text", "logo here"]
)
"""What an editor or a hurried author writes where the words for a picture belong."""


def annotate(html: str, line_at: Callable[[int], int]) -> str:
    """`html` with `data-line` in each start tag and each attribute once; `line_at` gives the line of an offset."""
    return START_TAG.sub(lambda tag: _rewrite(tag, line_at(tag.start())), html)


def _rewrite(tag: re.Match[str], line: int) -> str:
    name, inner = tag[1].lower(), tag[2]
    head = f'<{name} data-line="{line}"'
    if not inner.strip(" \n\t/"):
        return head + ">"
    attributes: dict[str, str] = {}
    for key, double, single, bare in ATTRIBUTE.findall(inner):
        key = key.lower()
        if not NAME.fullmatch(key) or key == "data-line":
            continue
        value = double or single or bare.rstrip(";")
        if key not in attributes or (key == "alt" and is_useful(value)):
            attributes[key] = value
    return head + "".join(f' {key}="{value.replace(chr(34), "&quot;")}"' for key, value in attributes.items()) + ">"


def is_useful(alt: str) -> bool:
    """Whether an alternative text says something about its picture."""
    return unescape(alt).strip().lower() not in PLACEHOLDERS
