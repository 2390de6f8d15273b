from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import fastjsonschema

import newsletter
from newsletter.check.other_codes import OTHER_CODES
from newsletter.check.rule import RULES
from newsletter.check.sarif import sarif_report
from newsletter.finding import Finding, Severity

from .projects import write
from .test_reports import FINDINGS, run

HERE = Path(__file__).parent


@lru_cache
def official_schema() -> Callable[[Any], Any]:
    """A function that raises unless it is given SARIF 2.1.0."""
    check: Callable[[Any], Any] = fastjsonschema.compile(
        json.loads((HERE / "sarif" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    )
    return check


def judged(report: str) -> dict[str, Any]:
    """The one run of a report that is valid and has what GitHub requires of code scanning."""
    log = json.loads(report)
    official_schema()(log)
    (only,) = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    for rule in rules:
        for text in ("shortDescription", "fullDescription", "help"):
            assert 10 < len(rule[text]["text"]) <= 1024
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert not place["artifactLocation"]["uri"].startswith("/")
    prints = [result["partialFingerprints"]["newsletter/v1"] for result in only["results"]]
    assert len(set(prints)) == len(prints)
    assert isinstance(only, dict)
    return only


def places(report: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    for result in report["results"]:
        place = result["locations"][0]["physicalLocation"]
        yield result["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"]


def test_findings_of_every_kind_are_valid_sarif() -> None:
    every = [Finding(code, Severity.INFO, "Said.", "content/boats/a b.md", 3) for code in (*RULES, *OTHER_CODES)]
    twice = [Finding("link-vague", Severity.ERROR, "“Here”.", "content/boats/ü.md", line) for line in (4, 9)]
    elsewhere = Finding("template-broken", Severity.ERROR, "Torn.", "/usr/share/a b/x.mjml.j2", 7)
    report = judged(sarif_report([*FINDINGS, *every, *twice, elsewhere], "1.2.3"))
    found = set(places(report))
    assert ("dkim-missing", "newsletter.toml", 1) in found
    assert ("link-vague", "content/boats/a%20b.md", 2) in found
    assert ("template-broken", "file:///usr/share/a%20b/x.mjml.j2", 7) in found
    assert ("link-vague", "content/boats/%C3%BC.md", 9) in found


def test_no_findings_are_valid_sarif_too() -> None:
    assert judged(sarif_report([], "1.2.3"))["results"] == []


def test_a_real_project_gives_valid_sarif_without_what_is_silenced(tmp_path: Path) -> None:
    silenced = "<!-- check-ignore link-vague: the sentence says it -->\n[here](https://a.example)\n\n"
    write(tmp_path, _index=f"{silenced}[there](#)\n\n{{{{ company }}}}", other="---\ntitle: [\n---\nTorn.")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "colours.j2").write_text("{% set accent = '#fff' %}{{ torn")
    code, printed = run(tmp_path, "--format", "sarif")
    assert code == 1
    found = {rule: (uri, line) for rule, uri, line in places(judged(printed))}
    assert found["page-unreadable"][0].endswith("content/boats/other.md")
    assert found["template-broken"][0].endswith("templates/colours.j2")
    (tmp_path / "templates" / "colours.j2").unlink()
    _, printed = run(tmp_path, "--format", "sarif")
    found = {rule: (uri, line) for rule, uri, line in places(judged(printed))}
    assert found["link-dead"][1] == 7
    assert "merge-missing" in found
    assert "link-vague" not in found


def test_paths_are_named_as_seen_from_where_the_command_runs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "letters"
    write(root, _index="[there](#)")
    found = set(places(judged(run(root, "--format", "sarif")[1])))
    assert ("link-dead", "letters/content/boats/_index.md", 4) in found
    assert ("dkim-missing", "letters/newsletter.toml", 1) in found


def codes_in_the_source() -> Iterator[str]:
    """The code of every finding that the program makes: the text given first to Finding, or to what makes one."""
    makers = {"Finding": 0, "_doubt": 0, "_report": (0, 1)}
    root = Path(newsletter.__file__).parent
    for room in ("content", "compose", "check"):
        for file in (root / room).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                at = makers.get(name, ())
                for index in (at,) if isinstance(at, int) else at:
                    if len(node.args) > index and isinstance(value := node.args[index], ast.Constant):
                        yield str(value.value)


def test_every_code_that_is_reported_is_documented() -> None:
    codes = {code for code in codes_in_the_source() if " " not in code}
    assert len(codes) > 25
    assert codes <= {*RULES, *OTHER_CODES}
