"""Whether two versions of a page say the same but for its number in the series ("Part 2 of 6" → "Part 2 of 7").

A page appended to a series changes the mail of every page before it. That is no correction anybody should hear of.
"""

from __future__ import annotations

import re

from newsletter.compose.email import Email

NUMBER = re.compile(r"(\d+)")
FARTHEST = 24
"""Characters between the two numbers, in the wordiest language of the templates and an author's own."""


def same_but_for_number(old: Email, new: Email, part: int, parts: int) -> bool:
    """Whether `new`, which is page `part` of `parts`, differs from `old` in no more than that, once in each of its parts."""
    if (old.subject, old.preheader, old.lang, old.embedded) != (new.subject, new.preheader, new.lang, new.embedded):
        return False
    return _alike(old.html, new.html, part, parts) and _alike(old.text, new.text, part, parts)


def _alike(old: str, new: str, part: int, parts: int) -> bool:
    before, after = NUMBER.split(old), NUMBER.split(new)  # words at even places, numbers at odd ones
    if before[::2] != after[::2]:
        return False
    changed = [place for place in range(1, len(after), 2) if before[place] != after[place]]
    found = [after[place] for place in changed]
    if len(changed) == 2:
        first, second = changed
        return found == [str(part), str(parts)] and second == first + 2 and len(after[first + 1]) <= FARTHEST
    return not changed or (len(changed) == 1 and found[0] in (str(part), str(parts)))
