"""What an author silenced: `<!-- check-ignore CODE: reason -->` in a page, `check_ignore` in its front matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newsletter.content.page import Page
from newsletter.finding import Finding, Severity

COMMENT = re.compile(r"<!--\s*check-ignore\s+([a-z0-9-]+)\s*(?::\s*(.*?))?\s*-->", re.DOTALL)
NEVER = frozenset(["page-unreadable", "merge-missing", "template-broken"])
"""What can't be silenced: such a page can't be mailed."""


@dataclass(frozen=True)
class Silence:
    """A code that is not reported between two lines of a page, or (`last` None) in all of it."""

    code: str
    reason: str
    line: int
    first: int
    last: int | None

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is the one that was silenced."""
        if finding.code != self.code or finding.code in NEVER:
            return False
        return self.last is None or (finding.line is not None and self.first <= finding.line <= self.last)


def silences_of(page: Page) -> list[Silence]:
    """What the page silences. A comment counts for its own line and for the paragraph that follows it."""
    rows = page.source.split("\n")
    found = []
    for match in COMMENT.finditer(page.source):
        line = page.source.count("\n", 0, match.start()) + 1
        end = page.source.count("\n", 0, match.end())
        while end < len(rows) and not rows[end].strip():
            end += 1
        while end < len(rows) and rows[end].strip():
            end += 1
        found.append(Silence(match[1], (match[2] or "").strip(), line, line, end))
    line = next((number for number, row in enumerate(rows, 1) if re.match(r"\s*['\"]?check_ignore\b", row)), 1)
    return found + [Silence(code, reason, line, 0, None) for code, reason in _whole_file(page)]


def _whole_file(page: Page) -> Iterator[tuple[str, str]]:
    """`check_ignore: {code: reason}`, or a list of `code: reason` (YAML reads those as mappings too)."""
    value = page.front_matter.get("check_ignore")
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            yield from ((str(code), str(reason or "")) for code, reason in entry.items())
        elif isinstance(entry, str):
            code, _, reason = entry.partition(":")
            yield code.strip(), reason.strip()


def silence(findings: Iterable[Finding], page: Page) -> Iterator[Finding]:
    """The findings that were not silenced; a silence without reason is ignored and reported, so is one that is idle."""
    given = silences_of(page)
    used: set[Silence] = set()
    for finding in findings:
        by = next((one for one in given if one.reason and one.covers(finding)), None)
        if by is None:
            yield finding
        else:
            used.add(by)
    for one in given:
        if not one.reason:
            message, remedy = f"{one.code} is silenced without a reason.", "Write `check-ignore CODE: reason`."
        elif one not in used:
            message, remedy = f"Nothing to silence: {one.code} does not occur here.", "Remove the silence."
        else:
            continue
        severity = Severity.INFO if one.reason else Severity.WARNING
        code = "silence-idle" if one.reason else "silence-without-reason"
        yield Finding(code, severity, message, page.path, one.line, remedy)
