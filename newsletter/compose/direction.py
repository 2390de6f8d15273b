"""Which way a language is written."""

from __future__ import annotations

import re

RIGHT_TO_LEFT = frozenset(
    [
        "ar",
        "arc",
        "arz",
        "azb",
        "bal",
        "bgn",
        "bqi",
        "ckb",
        "dv",
        "fa",
        "glk",
        "he",
        "iw",
        "ji",
        "ku-arab",
        "khw",
        "lrc",
        "mzn",
        "nqo",
        "pnb",
        "ps",
        "sd",
        "sdh",
        "syr",
        "ug",
        "ur",
        "yi",
    ]
)
"""Languages written from right to left (Unicode CLDR, layout.xml), old codes iw and ji among them."""

RIGHT_TO_LEFT_SCRIPTS = frozenset(
    ["adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "samr", "syrc", "thaa", "yezi"]
)
"""Script subtags (ISO 15924) written from right to left: `az-Arab` is, `az` is not."""

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""The form of a language tag (RFC 5646 §2.1), loosely."""


def direction_of(lang: str) -> str:
    """`rtl` or `ltr` for a language tag; a script subtag decides over the language."""
    subtags = lang.lower().replace("_", "-").split("-")
    scripts = [subtag for subtag in subtags[1:] if len(subtag) == 4 and subtag.isalpha()]
    if scripts:
        return "rtl" if scripts[0] in RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if subtags[0] in RIGHT_TO_LEFT else "ltr"
