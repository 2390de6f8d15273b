"""The registry of rules: each a small function with its reason and two examples, which are its tests and its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from newsletter.check.mail import Mail, line_of
from newsletter.content.tree import Element
from newsletter.finding import Severity

Example: TypeAlias = str | Mapping[str, Any]
"""A fragment of a mail's HTML, or the fields of a Mail that matter to the rule."""


class Problem(NamedTuple):
    """What a rule found: in words, and on which line of the content file (None: the page as a whole)."""

    message: str
    line: int | None = None
    severity: Severity | None = None


Judge: TypeAlias = Callable[[Mail], Iterator[Problem]]


@dataclass(frozen=True)
class Rule:
    """One rule. `why` is its reason, `remedy` how to mend what it finds, `bad` and `good` an example of each."""

    code: str
    severity: Severity
    why: str
    remedy: str
    bad: Example
    good: Example
    judge: Judge


RULES: dict[str, Rule] = {}
"""Every rule by its code, in the order of the documentation."""


def rule(
    code: str, severity: Severity, *, why: str, remedy: str, bad: Example, good: Example
) -> Callable[[Judge], Judge]:
    """Register the decorated function as the rule `code`."""

    def register(judge: Judge) -> Judge:
        RULES[code] = Rule(code, severity, why, remedy, bad, good, judge)
        return judge

    return register


def at(element: Element, message: str) -> Problem:
    """A problem at the line `element` came from."""
    return Problem(message, line_of(element))


def shown(text: str, limit: int = 60) -> str:
    """A text in quotes, cut to fit into a sentence."""
    plain = " ".join(text.split())
    return f"“{plain if len(plain) <= limit else plain[: limit - 1] + '…'}”"
