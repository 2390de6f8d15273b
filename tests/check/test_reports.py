from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter.check.clients import load_support, read_support, trim, wanted_clients, worst
from newsletter.check.report import counts, json_report, text_report
from newsletter.check.spamassassin import read_report, verdicts
from newsletter.cli import command
from newsletter.errors import DataError, MissingToolError, ServiceError, SettingsError
from newsletter.finding import Finding, Severity

from .projects import check, write

FINDINGS = [
    Finding("link-vague", Severity.WARNING, "The link “here” says nothing.", "content/boats/a b.md", 2, "Say more."),
    Finding("alt-missing", Severity.ERROR, "No words.", "content/boats/a b.md", 1),
    Finding("dkim-missing", Severity.INFO, "No key.", "newsletter.toml"),
]


def test_the_text_report_groups_by_file_and_quotes_the_line() -> None:
    report = text_report(FINDINGS, {"content/boats/a b.md": ["<img>", "  [here](x)"]}).plain
    assert report.index("content/boats/a b.md") < report.index("No words.") < report.index("The link")
    assert "│ [here](x)" in report
    assert "→ Say more." in report
    assert report.count("content/boats/a b.md") == 1
    assert counts(FINDINGS) == {Severity.ERROR: 1, Severity.WARNING: 1, Severity.INFO: 1}


def test_the_json_report_has_stable_keys() -> None:
    rows = json.loads(json_report(FINDINGS))
    assert [row["code"] for row in rows] == ["alt-missing", "link-vague", "dkim-missing"]
    assert rows[1] == {
        "code": "link-vague", "severity": "warning", "message": "The link “here” says nothing.",
        "path": "content/boats/a b.md", "line": 2, "remedy": "Say more.",
    }  # fmt: skip


RAW = {
    "last_update_date": "2030-01-01",
    "nicenames": {"family": {"gmail": "Gmail"}, "platform": {"ios": "iOS"}},
    "data": [{"slug": "css-gap", "title": "gap", "url": "https://x.example", "notes_by_num": {"1": "In part"},
              "stats": {"gmail": {"ios": {"1": "n", "2": "a #1", "10": "y"}}}}],
}  # fmt: skip


def test_client_data_is_trimmed_and_read_back() -> None:
    support = read_support(json.loads(json.dumps(trim(RAW, "a test"))))
    assert support.names == {"gmail.ios": "Gmail iOS"}
    assert support.features["css-gap"].stats["gmail.ios"] == (("1", "n"), ("2", "a #1"), ("10", "y"))
    for wrong in ([], {}, {"data": 1}, None):
        with pytest.raises(DataError):
            trim(wrong, "a test")


def test_the_newest_version_counts_and_older_ones_when_they_are_chosen() -> None:
    rows = [("2016", "n"), ("2019", "a #1"), ("16.80", "y")]
    assert worst(rows, "") == ("y", "")
    assert worst(rows, "2019") == ("a", "1")
    assert worst(rows, "2016") == ("n", "")
    assert worst([], "") == ("u", "")
    assert worst([("2019", "n"), ("2021", "y")], "2016") == ("n", "")


def test_a_version_nobody_tried_is_refused() -> None:
    with pytest.raises(SettingsError, match="2099"):
        wanted_clients({"outlook.windows": "2099"}, load_support())
    assert wanted_clients({"outlook.windows": "2016"}, load_support()) == {"outlook.windows": "2016"}


def test_the_vendored_data_is_whole() -> None:
    support = load_support()
    assert support.date >= "2026"
    assert len(support.features) > 300
    assert support.features["html-video"].stats["gmail.ios"][-1][1].startswith("n")


REPORT = """6.2 5.0
-0.0 NO_RELAYS              Informational: message was not relayed via SMTP
 1.3 HTML_IMAGE_ONLY_12     BODY: HTML: images with 800-1200 bytes of
                            words
 4.9 SUBJ_ALL_CAPS          Subject is all capitals
"""


def test_spamassassins_report_is_read_and_explained() -> None:
    findings = read_report(REPORT, "boats/a.md")
    assert [(one.code, one.severity) for one in findings] == [
        ("spam", Severity.ERROR), ("spam-rule", Severity.INFO), ("spam-rule", Severity.INFO),
    ]  # fmt: skip
    assert findings[0].message == "SpamAssassin gives 6.2 points in all and calls it spam from 5 on."
    assert findings[1].message.endswith("1.3 points: HTML: images with 800-1200 bytes of words (HTML_IMAGE_ONLY_12).")
    assert len(read_report(REPORT.replace("6.2", "4.2"), "boats/a.md")) == 2


FORGED = "Content analysis details:   (9.9 points, 5.0 required)\n\n 9.9 FORGED  This page says so itself\n"


def test_spamassassin_judges_each_message_or_is_said_to_be_missing(tmp_path: Path) -> None:
    words = "A page about knots and lines, with enough words that nobody takes it for junk mail."
    write(tmp_path, _index=f"{words}\n\n{FORGED}", loud=f"---\ntitle: MILLION DOLLARS FREE VIAGRA\n---\n{words}\n")
    messages = [(page.mail.data, page.page.path) for page in check(tmp_path).pages if page.mail]
    if shutil.which("spamassassin"):
        quiet, loud = verdicts(messages)
        assert {finding.code for finding in quiet} <= {"spam-rule"}
        assert not any("FORGED" in finding.message or "CONTRAST" in finding.message for finding in quiet)
        assert (loud[0].code, loud[0].severity) == ("spam", Severity.ERROR)
        assert {finding.path for finding in loud} == {"boats/loud.md"}
    else:
        with pytest.raises(MissingToolError):
            list(verdicts(messages))


def test_without_spamassassin_nothing_is_checked_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, _index="Text.")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="not installed"):
        run(tmp_path, "--spam")


def test_a_spamassassin_that_fails_is_said_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "spamassassin"
    program.write_text("#!/bin/sh\necho 'no rules were found' >&2\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match="no rules were found"):
        list(verdicts([(b"Subject: a\r\n\r\nb\r\n", "boats/a.md")]))


def run(root: Path, *arguments: str) -> tuple[int, str]:
    (root / "newsletter.toml").write_text(
        '[site]\nbase_url = "https://site.example"\n[sender]\naddress = "letters@union.org"\n'
        'postal_address = "1 Street"\n[web]\nurl = "https://mail.union.org"\n'
    )
    result = CliRunner().invoke(command, ["--config", str(root / "newsletter.toml"), "check", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_the_command_exits_with_1_on_errors_only(tmp_path: Path) -> None:
    write(tmp_path, _index="[here](https://a.example)")
    assert run(tmp_path)[0] == 0
    write(tmp_path, _index="[here](#)")
    assert run(tmp_path, "boats")[0] == 1


def test_the_command_prints_machine_formats_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, _index="[here](https://a.example)")
    assert [row["code"] for row in json.loads(run(tmp_path, "--format", "json")[1])] == ["link-vague", "dkim-missing"]
    assert json.loads(run(tmp_path, "--format", "sarif")[1])["version"] == "2.1.0"


def test_golden_shapes_are_kept_and_compared_by_the_command(tmp_path: Path) -> None:
    write(tmp_path, _index="Text.")
    assert "golden-outdated" in run(tmp_path, "--golden", "--format", "json")[1]
    run(tmp_path, "--update-golden")
    assert "golden-" not in run(tmp_path, "--golden", "--format", "json")[1]
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "legal_footer.mjml.j2").write_text(
        "<mj-section><mj-column><mj-text><a href=\"{{ slot('unsubscribe_url') }}\">Out</a></mj-text></mj-column></mj-section>"
    )
    code, printed = run(tmp_path, "--golden")
    assert code == 1
    assert "another shape" in printed


def test_each_row_of_a_file_is_merged_and_rows_at_fault_are_named_once(tmp_path: Path) -> None:
    write(tmp_path, _index="At {{ company }}.")
    (tmp_path / "people.csv").write_text(
        "email,company,status\nann@acme.org,Acme,\nnot an address,Acme,\nbo@acme.org,,\nnor this,,\ngone@acme.org,,unsubscribed\n"
    )
    code, printed = run(tmp_path, "--subscribers", str(tmp_path / "people.csv"), "--format", "json")
    assert code == 1
    found = {row["code"]: row for row in json.loads(printed) if row["code"] != "dkim-missing"}
    assert "row 4 of people.csv: `company` has no value" in found["merge-missing"]["message"]
    assert found["merge-missing"]["line"] == 4
    assert "2 rows (3, 5) can't be used" in found["subscriber-refused"]["message"]
    assert found["subscriber-refused"]["path"].endswith("people.csv")
    assert "not an address" not in run(tmp_path, "--subscribers", str(tmp_path / "people.csv"))[1]


def test_a_refresh_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "caniemail.json").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(DataError):
        run(tmp_path, "--refresh", str(tmp_path / "caniemail.json"))


def test_a_series_that_is_named_ends_with_its_size_budget(tmp_path: Path) -> None:
    write(tmp_path, _index="Text.")
    printed = run(tmp_path, "boats")[1]
    assert "boats/_index" in printed
    assert "shell" in printed
    assert "shell" not in run(tmp_path)[1]
