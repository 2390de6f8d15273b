"""`newsletter build` writes what would be mailed, and nothing that must not be."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.cli.command_line import newsletter
from tests.terminal import Terminal

PAGE = """---
title: {title}
include_footer: true
---
<p>
Hello {{{{ first_name | default("friend") }}}}, this is the first paragraph.

And this is the second.
<br>
<a href="https://workdojos.com/unions/{next}">next: {next}</a>
</p>
<table border="0" width="600"><tr><td width="50%"><table><tr><td><a href="https://unions.workdojos.com">
<img src="/uploads/dash.png" /></td></tr></table></td><td width="50%"><table><tr><td>
<a href="https://captains.workdojos.com"><img src="/uploads/randomdojo.png" /></td></table></td></tr></table>
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "content" / "unions"
    folder.mkdir(parents=True)
    (folder / "_index.md").write_text(PAGE.format(title="The start", next="second"), encoding="utf-8")
    (folder / "second.md").write_text(PAGE.format(title="The second", next="third"), encoding="utf-8")
    (folder / "third.md").write_text(
        PAGE.format(title="A draft", next="gone").replace("---\ntitle", "---\ndraft: true\ntitle")
    )
    (tmp_path / "subscribers.example.csv").write_text("email,name\nann@example.com,Ann Example\n")
    (tmp_path / "newsletter.toml").write_text('[site]\nname = "Test"\n[sender]\naddress = "me@example.com"\n')
    return tmp_path


def parse(file: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(file.read_bytes())


def test_each_page_that_would_be_sent_becomes_html_text_and_message(project: Path) -> None:
    done = newsletter("build", "unions", folder=project)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in (project / "out" / "unions").iterdir()) == [
        "01-_index.eml", "01-_index.html", "01-_index.txt", "02-second.eml", "02-second.html", "02-second.txt",
    ]  # fmt: skip


def test_a_draft_is_never_built(project: Path) -> None:
    newsletter("build", folder=project)
    assert not list((project / "out").rglob("*third*"))
    assert not [file for file in (project / "out").rglob("*.*") if "A draft" in file.read_text(errors="replace")]


def test_the_message_is_merged_for_the_first_example_subscriber(project: Path) -> None:
    newsletter("build", folder=project)
    message = parse(project / "out" / "unions" / "01-_index.eml")
    assert message["To"] == "Ann Example <ann@example.com>"
    for kind in ("html", "plain"):
        body = message.get_body((kind,))
        assert body is not None
        assert "Hello Ann, this is" in body.get_content()
        assert "{{" not in body.get_content()
        assert "https://captains.workdojos.com" in body.get_content()


def test_the_files_are_the_parts_of_the_message(project: Path) -> None:
    newsletter("build", folder=project)
    stem = project / "out" / "unions" / "02-second"
    body = parse(stem.with_suffix(".eml")).get_body(("html",))
    assert body is not None
    assert stem.with_suffix(".html").read_text(encoding="utf-8") == body.get_content().replace("\r\n", "\n")


def test_a_page_that_cannot_be_read_is_reported_and_the_others_are_built(project: Path) -> None:
    (project / "content" / "unions" / "broken.md").write_text("---\ntitle: A: b\n---\nText.\n")
    done = newsletter("build", folder=project)
    assert done.returncode == 1
    assert "unions/broken.md:2" in done.stderr
    assert (project / "out" / "unions" / "01-_index.html").exists()


def test_draft_true_without_a_blank_is_refused_and_never_built(project: Path) -> None:
    (project / "content" / "unions" / "secret.md").write_text("---\ntitle: Secret\ndraft:true\n---\nText.\n")
    done = newsletter("build", folder=project)
    assert done.returncode == 1
    assert "secret.md" in done.stderr
    assert not list((project / "out").rglob("*secret*"))


def test_a_page_missing_from_the_chain_is_a_warning_only(project: Path) -> None:
    done = newsletter("build", folder=project)
    assert done.returncode == 0
    assert "unions/third.md" in done.stderr
    assert "gone" in done.stderr


def test_a_series_that_does_not_exist_is_a_usage_error(project: Path) -> None:
    done = newsletter("build", "onions", folder=project)
    assert done.returncode == 2
    assert "There are: unions." in done.stderr


def test_a_merge_value_that_nobody_has_is_reported_with_its_page(project: Path) -> None:
    (project / "content" / "unions" / "second.md").write_text("---\ntitle: Second\n---\n<p>Dear {{ nickname }}</p>")
    done = newsletter("build", folder=project)
    assert done.returncode == 1
    assert "nickname" in done.stderr
    assert "second" in done.stderr


def test_content_from_elsewhere_needs_no_project(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = newsletter("build", "unions", "--content", str(project / "content"), "--out", "mails", folder=elsewhere)
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "mails" / "unions" / "01-_index.eml").exists()


def test_a_very_long_slug_still_fits_into_a_file_name(project: Path) -> None:
    page = f"---\ntitle: Long\nslug: {'x' * 400}\n---\nText.\n"
    (project / "content" / "unions" / "long.md").write_text(page)
    assert newsletter("build", "unions", folder=project).returncode == 0
    assert len(list((project / "out" / "unions").glob("*-xxx*.eml"))) == 1


def test_a_folder_that_takes_no_file_is_named_with_a_remedy(project: Path) -> None:
    (project / "taken").write_text("a file where a folder should be")
    done = newsletter("build", "unions", "--out", "taken/out", folder=project)
    assert done.returncode == 2
    assert "can't be written" in done.stderr and "--out DIR" in done.stderr


def test_a_mistake_in_a_template_is_told_once_and_not_once_per_page(project: Path) -> None:
    (project / "templates").mkdir()
    (project / "templates" / "header.mjml.j2").write_text("{{ nothing }}")
    done = newsletter("build", "unions", folder=project)
    assert done.stderr.count("header.mjml.j2:1") == 1
    assert "1 error" in done.stdout


def test_a_csv_without_a_row_is_named_with_a_remedy(project: Path) -> None:
    (project / "subscribers.example.csv").write_text("email,name\n")
    done = newsletter("build", "unions", folder=project)
    assert done.returncode == 1
    assert "no subscriber" in done.stderr and "Add a row" in done.stderr


LONG = "A title that goes on and on, 日本語の題名 included, " * 12


@pytest.mark.parametrize("columns", [80, 120])
def test_a_very_long_title_stays_on_one_line_of_a_terminal(project: Path, columns: int) -> None:
    page = project / "content" / "unions" / "_index.md"
    page.write_text(PAGE.format(title=f'"{LONG}"', next="second"), encoding="utf-8")
    terminal = Terminal(project, columns, "build", "unions", NO_COLOR="1")
    assert terminal.end() == 0
    listed = [line for line in terminal.text.splitlines() if ".html" in line]
    assert len(listed) == 2 and listed[0].endswith("…") and listed[1].endswith("The second")
    assert all(cell_len(line) <= columns for line in listed)


def test_a_very_long_title_is_whole_in_a_pipe(project: Path) -> None:
    page = project / "content" / "unions" / "_index.md"
    page.write_text(PAGE.format(title=f'"{LONG}"', next="second"), encoding="utf-8")
    assert LONG.strip() in newsletter("build", "unions", folder=project, COLUMNS="80").stdout


def test_a_title_that_cannot_be_filled_is_reported_with_its_file_and_line(project: Path) -> None:
    (project / "content" / "unions" / "second.md").write_text("---\ntitle: Hello {{ shoe_size }}\n---\n<p>Words.</p>\n")
    result = newsletter("build", "unions", folder=project)
    assert "unions/second.md:2:" in result.stdout + result.stderr, result
