"""Where tags are none: code, which is shown as it is written, and comments, scripts and style sheets, which are not shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

CODE = re.compile(
    r"^ {0,3}(```+|~~~+)[\s\S]*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)|(`+)[^`](?:(?!\n[ \t]*\n)[\s\S])*?\2|<pre[\s>][\s\S]*?</pre>|<code[\s>][\s\S]*?</code>",
    re.MULTILINE,
)
HIDDEN = re.compile(rf"{CODE.pattern}|<!--[\s\S]*?-->|<(script|style)\b[\s\S]*?</\3", re.MULTILINE | re.IGNORECASE)


def hidden_spans(text: str) -> list[tuple[int, int]]:
    """Begin and end of each such place."""
    return [match.span() for match in HIDDEN.finditer(text)]


def is_hidden(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether offset `at` lies in one of `spans`."""
    return any(start <= at < end for start, end in spans)
