"""What mail servers write when they refuse: the phrases of `phrases/*.txt`, compiled, in the order they are tried.

The order is the argument: a text that names two causes is read as the one that blames the reader least, because a
wrong suppression costs a reader and a missed one only costs another attempt. "Sender verify failed: no such user" is
about us; "no such user; mailbox full" is about space.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from newsletter.bounces.verdict import Reason

_ORDER = (
    Reason.SENDER_REFUSED,
    Reason.AUTHENTICATION,
    Reason.REPUTATION,
    Reason.SPAM,
    Reason.MAILBOX_FULL,
    Reason.RATE,
    Reason.GREYLISTED,
    Reason.OPT_OUT,
    Reason.LOOP,
    Reason.TOO_LARGE,
    Reason.RELAY_DENIED,
    Reason.UNKNOWN_DOMAIN,
    Reason.MOVED,
    Reason.UNKNOWN_USER,
    Reason.BAD_ADDRESS,
    Reason.TEMPORARY,
    Reason.MAILBOX_DISABLED,
    Reason.POLICY,
    Reason.EXPIRED,
    Reason.DNS,
    Reason.UNREACHABLE,
    Reason.SYSTEM,
)
_NOT_WITHIN_A_WORD = "(?<![a-z])"


@cache
def read_phrases(name: str) -> dict[str, list[str]]:
    """Sections of a phrase file: `[reason]`, then a pattern per line; `#` begins a line of comment."""
    sections: dict[str, list[str]] = {}
    section = ""
    for line in files("newsletter.bounces").joinpath("phrases", name).read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[[a-z-]+!?\]", line):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            sections.setdefault(section, []).append(line)
    return sections


def any_of(patterns: list[str]) -> re.Pattern[str]:
    """One pattern out of many."""
    return re.compile("|".join(patterns))


_ENGLISH, _OTHERS = read_phrases("english.txt"), read_phrases("other_languages.txt")
_WHO, _BOX = (f"(?:{'|'.join(_ENGLISH[name])})" for name in ("who", "box"))


def _compile(english: list[str], others: list[str]) -> re.Pattern[str]:
    joined = "|".join(english).replace("{who}", _WHO).replace("{box}", _BOX)
    return re.compile("|".join([*([f"{_NOT_WITHIN_A_WORD}(?:{joined})"] if english else []), *others]))


PHRASES: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    *((Reason(name[:-1]), _compile(lines, [])) for name, lines in _ENGLISH.items() if name.endswith("!")),
    *((reason, _compile(_ENGLISH.get(reason.value, []), _OTHERS.get(reason.value, []))) for reason in _ORDER),
)
"""Reason and what tells it, to be searched in folded text. Where two match, the first wins."""

WEAK = _compile(_ENGLISH["weak"], [])
"""Texts that say "not this recipient" without saying why."""
PAUSED = _compile(_ENGLISH["paused"], [])
"""Texts about boxes that may come back."""
OURS = any_of(_ENGLISH["ours"])
"""Words that speak of the sender."""
