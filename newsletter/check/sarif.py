"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a pull request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from newsletter.check.report import ranked
from newsletter.check.rule import RULES
from newsletter.finding import Finding, Severity

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_report(findings: Sequence[Finding], version: str) -> str:
    """The findings as one SARIF run; `version` is the program's."""
    shown = ranked(findings)
    codes = sorted({finding.code for finding in shown})
    run = {
        "tool": {
            "driver": {"name": "newsletter", "semanticVersion": version, "rules": [_rule(code) for code in codes]}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in shown],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(code: str) -> dict[str, Any]:
    known = RULES.get(code)
    name = "".join(part.capitalize() for part in code.split("-"))
    described: dict[str, Any] = {"id": code, "name": name}
    if known:
        described["shortDescription"] = {"text": known.judge.__doc__ or known.why}
        described["fullDescription"] = {"text": known.why}
        described["help"] = {"text": known.remedy}
        described["defaultConfiguration"] = {"level": LEVELS[known.severity]}
    return described


def _result(finding: Finding, index: int) -> dict[str, Any]:
    """A fingerprint without the line lets the host recognise a finding that moved."""
    print_ = sha256(f"{finding.code}\0{finding.path}\0{finding.message}".encode()).hexdigest()[:32]
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path or "newsletter.toml")}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
    remedy = f" {finding.remedy}" if finding.remedy else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message + remedy},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"newsletter/v1": print_},
    }
