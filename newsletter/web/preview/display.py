"""The HTML of a mail made fit to be looked at here: its pictures come from this machine, its weight is told apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape

PICTURE = re.compile(r"""(?P<before>\b(?:src|background)=(?P<quote>["']))(?P<address>.*?)(?P=quote)""", re.S | re.I)
CSS_URL = re.compile(r"""url\(\s*(?P<quote>["']?|&quot;)(?P<address>[^)"']*?)(?P=quote)\s*\)""", re.I)
STYLE_BLOCK = re.compile(r"<style\b[^>]*>.*?</style>", re.S | re.I)
COMMENT = re.compile(r"<!--.*?-->", re.S)
STYLE = re.compile(r"""\sstyle=(["']).*?\1""", re.S | re.I)
ADDRESS = re.compile(r"""\s(?:href|src|background)=(["']).*?\1""", re.S | re.I)
TAG = re.compile(r"<[^>]*>", re.S)


def with_local_pictures(html: str, local: Callable[[str], str | None]) -> str:
    """`html` with each picture's address replaced by what `local` knows for it; other addresses are left alone."""

    def picture(match: re.Match[str]) -> str:
        found = local(unescape(match["address"]).strip())
        return f"{match['before']}{escape(found)}{match['quote']}" if found else match[0]

    def css(match: re.Match[str]) -> str:
        found = local(unescape(match["address"]).strip())
        return f"url({found})" if found else match[0]

    return CSS_URL.sub(css, PICTURE.sub(picture, html))


@dataclass(frozen=True)
class Weight:
    """One share of a mail's HTML, in bytes."""

    name: str
    size: int


def weights(html: str) -> tuple[Weight, ...]:
    """What the HTML of a mail weighs, share by share; the sizes add up to the whole."""
    shares, rest = [], html
    for name, pattern in (
        ("style blocks", STYLE_BLOCK),
        ("Outlook and comments", COMMENT),
        ("inline styles", STYLE),
        ("addresses", ADDRESS),
        ("tags", TAG),
    ):
        taken = sum(len(match[0].encode()) for match in pattern.finditer(rest))
        rest = pattern.sub("", rest)
        shares.append(Weight(name, taken))
    return (*shares, Weight("words", len(rest.encode())))
