"""Where tags are none: code, which is shown as it is written, and comments, scripts and style sheets, which are not shown."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

OPENER = re.compile(
    r"^ {0,3}(?P<fence>```+|~~~+)|(?P<ticks>`+)|(?P<comment><!--)|<(?P<tag>pre|code|script|style)(?=[\s>])",
    re.MULTILINE | re.IGNORECASE,
)


def hidden_spans(text: str) -> list[tuple[int, int]]:
    """Begin and end of each such place, in order. What is never closed hides nothing, but for a fence."""
    spans: list[tuple[int, int]] = []
    never_closed: set[str] = set()  # a page may open thousands; each look for the end goes through all of it
    at = 0
    while opener := OPENER.search(text, at):
        closer = _closer(opener)
        at = opener.end()
        if closer in never_closed:
            continue
        end = re.compile(closer, re.MULTILINE | re.IGNORECASE).search(text, at)
        if end is None and opener["fence"]:
            spans.append((opener.start(), len(text)))
            break
        if end is None:
            never_closed.add(closer)
        elif not (opener["ticks"] and re.search(r"\n[ \t]*\n", text[at : end.start()])):  # another paragraph's
            at = end.end()
            spans.append((opener.start(), at))
    return spans


def is_hidden(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether offset `at` lies in one of `spans`."""
    last = bisect_right(spans, at, key=lambda span: span[0]) - 1
    return last >= 0 and at < spans[last][1]


def blanked(text: str) -> str:
    """`text` with blanks in place of what is hidden; its lines stay."""
    pieces: list[str] = []
    at = 0
    for start, end in hidden_spans(text):
        pieces += (text[at:start], re.sub(r"[^\n]", " ", text[start:end]))
        at = end
    return "".join([*pieces, text[at:]])


def _closer(opener: re.Match[str]) -> str:
    if fence := opener["fence"]:
        return rf"^ {{0,3}}{fence}[`~]*[ \t]*$"
    if ticks := opener["ticks"]:
        return rf"(?<!`){ticks}(?!`)"
    return "-->" if opener["comment"] else rf"</{opener['tag']}>"
