"""The preheader: the line that inboxes show behind the subject."""

from __future__ import annotations

import re
from collections.abc import Callable

LENGTH = 140
"""Characters: phones show 40 to 90, wide desktop windows up to about 140."""

FILLED = 200
"""Characters after which no inbox looks further (Maizzle fills to 200, react-email #2268)."""

FILLER = "\u034f\u2007 "
"""Characters without ink: a joiner against trimming, a figure space, and a space to break at."""

SENTENCE_END = re.compile(r"(?<=[.!?…։؟。！？])[\"'”’»)\]]*\s+|(?<=[。！？])")


def preheader_of(
    title: str,
    description: str,
    paragraphs: list[str],
    is_whole: Callable[[str, int], bool] = lambda text, position: True,
) -> str:
    """The description, else the first sentences of the article, else "". Never just the title again.

    `is_whole` tells whether a text may be cut at a position.
    """
    described = _one_line(description)
    if described and not _same(described, title):
        return described
    for paragraph in paragraphs:
        lead = _first_sentences(_one_line(paragraph), is_whole)
        if lead and not _same(lead, title):
            return lead
    return ""


def filler_for(preheader: str) -> str:
    """Invisible text that keeps the mail's first words from showing behind the preheader."""
    missing = max(0, FILLED - len(preheader))
    return FILLER * (missing // len(FILLER))


def _first_sentences(text: str, is_whole: Callable[[str, int], bool]) -> str:
    lead = ""
    for sentence in SENTENCE_END.split(text):
        if lead and len(lead) + len(sentence) >= LENGTH:
            break
        lead = f"{lead} {sentence}".strip()
    if len(lead) <= LENGTH:
        return lead
    end = lead[:LENGTH].rfind(" ")
    if end <= 0:
        end = next(position for position in range(LENGTH - 1, -1, -1) if is_whole(lead, position))
    return f"{lead[:end].rstrip(' ,;:–—-')}…"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _same(first: str, second: str) -> bool:
    def letters(text: str) -> str:
        return "".join(character for character in text.casefold() if character.isalnum())

    return letters(first) == letters(second)
