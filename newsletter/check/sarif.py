"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a pull request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from newsletter.check.other_codes import OTHER_CODES
from newsletter.check.report import ranked
from newsletter.check.rule import RULES
from newsletter.config import FILE_NAME
from newsletter.finding import Finding, Severity

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
"""GitHub's words for how it sorts what is no security problem."""
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_report(findings: Sequence[Finding], version: str) -> str:
    """The findings as one SARIF run; `version` is the program's.

    What an author silenced is left out: GitHub knows nothing of SARIF's `suppressions` and opens an alert for each
    (github/codeql-action issue 1230). The rest follows "SARIF support for code scanning" in GitHub's documentation.
    """
    shown = ranked(findings)
    worst: dict[str, Severity] = {}
    for finding in sorted(shown, key=lambda one: list(Severity).index(one.severity)):
        worst.setdefault(finding.code, finding.severity)
    codes = sorted(worst)
    rules = [_rule(code, worst[code]) for code in codes]
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": {"name": "newsletter", "semanticVersion": version, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code), seen) for finding in shown],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(code: str, worst: Severity) -> dict[str, Any]:
    """A rule with every text that GitHub requires; `worst` is its gravest finding, for rules of several severities."""
    known = RULES.get(code)
    says = (known.judge.__doc__ if known else None) or OTHER_CODES[code]
    severity = known.severity if known else worst
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in code.split("-")),
        "shortDescription": {"text": says},
        "fullDescription": {"text": known.why if known else says},
        "help": {"text": f"{known.why} {known.remedy}" if known else f"{says} Each finding says how to mend it."},
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {"tags": ["email"], "problem.severity": PROBLEM[severity]},
    }


def _result(finding: Finding, index: int, seen: Counter[str]) -> dict[str, Any]:
    """A fingerprint without the line lets a host recognise a finding that moved; `seen` tells equal ones apart."""
    same = sha256(f"{finding.code}\0{finding.path}\0{finding.message}".encode()).hexdigest()[:32]
    seen[same] += 1
    remedy = f" {finding.remedy}" if finding.remedy else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message + remedy},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _address(finding.path or FILE_NAME)},
                    "region": {"startLine": finding.line or 1},  # GitHub shows nothing without a line
                }
            }
        ],
        "partialFingerprints": {"newsletter/v1": f"{same}:{seen[same]}"},
    }


def _address(path: str) -> str:
    """A path as a URI: relative to where the command runs, or whole when the file lies elsewhere."""
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)
