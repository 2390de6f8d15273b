"""Findings for people: grouped by file, the line quoted; and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.text import Text

from newsletter.finding import Finding, Severity

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
ORDER = list(Severity)
QUOTED = 100
"""Characters of a line that are quoted."""


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """The findings file by file, each file's by line, the gravest first."""
    return sorted(
        set(findings), key=lambda one: (one.path, one.line or 0, ORDER.index(one.severity), one.code, one.message)
    )


def text_report(findings: Sequence[Finding], sources: Mapping[str, Sequence[str]]) -> Text:
    """The findings with the lines they are about; `sources` maps a path to the lines of that file."""
    report = Text()
    for path, group in groupby(ranked(findings), key=lambda finding: finding.path):
        report.append(f"{path or 'newsletter'}\n", style="bold underline")
        quoted = None
        for finding in group:
            place = str(finding.line) if finding.line else "-"
            report.append(f"  {place:>4} ", style="dim")
            report.append(f"{finding.severity.value:<8}", style=STYLES[finding.severity])
            report.append(finding.message)
            report.append(f"  {finding.code}\n", style="dim")
            rows = sources.get(path, ())
            if finding.line and finding.line != quoted and finding.line <= len(rows):
                quoted = finding.line
                row = rows[finding.line - 1].strip()
                report.append(f"       │ {row[:QUOTED]}{'…' if len(row) > QUOTED else ''}\n", style="dim italic")
            if finding.remedy:
                report.append(f"       → {finding.remedy}\n", style="green")
        report.append("\n")
    return report


def counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity."""
    found = dict.fromkeys(Severity, 0)
    for finding in set(findings):
        found[finding.severity] += 1
    return found


def json_report(findings: Sequence[Finding]) -> str:
    """The findings as a JSON list; keys and codes are stable."""
    return json.dumps(
        [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "message": finding.message,
                "path": finding.path,
                "line": finding.line,
                "remedy": finding.remedy,
            }
            for finding in ranked(findings)
        ],
        indent=2,
        ensure_ascii=False,
    )
