"""The how-to pages, typed as they are printed: every command in order, every file they show, every answer they promise."""

from __future__ import annotations

import re
import shlex
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.cli import command as program
from newsletter.config import load_settings
from newsletter.scaffold import make_project
from tests.cli.command_line import newsletter

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "quickstart.md", *sorted((ROOT / "docs" / "how-to").glob("*.md")))
DOCUMENTS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))

BEGUN = ("subscribers import subscribers.example.csv", "campaign apply captains", "run --until-idle --outbox sent")
"""A campaign of which everybody has got the first page."""
AT_ONCE = 'series = "captains"\ncadence = { every = "10d", zone = "UTC" }\n'
BEFORE = {"correct-a-mistake": BEGUN, "move-readers": BEGUN, "pause-for-a-holiday": BEGUN}

UNTIL_STOPPED = {"newsletter run": "newsletter run --until-idle --outbox sent"}
ASKING = {"newsletter subscribers erase": "--yes"}
NEEDS_MORE = (
    "newsletter inbox",
    "newsletter serve",
    "newsletter test",
    "newsletter doctor",
    "newsletter bounces process",
)
"""They run until stopped, or need a relay or a mailbox: only their words are compared with the program."""

BOUNCE = """From: MAILER-DAEMON@mx.example.net
To: bounces@news.example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

<kim@example.net>: 550 5.1.1 No such user here

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; kim@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user here

--b--
"""


@dataclass(frozen=True)
class Step:
    """A command with the lines it is said to print, or a file to write (`file` is "" for a command)."""

    text: str
    file: str = ""
    printed: tuple[str, ...] = ()


def steps_of(page: Path) -> Iterator[Step]:
    text = re.sub(r"^   (?=\S|  )", "", page.read_text(encoding="utf-8"), flags=re.M)  # blocks inside of lists
    for match in re.finditer(r"^```(\w+)\n(.*?)^```|^\|.*?\|\s*`(newsletter [^`]+)`", text, flags=re.M | re.S):
        kind, block, in_a_table = match[1], match[2], match[3]
        if in_a_table:
            yield Step(in_a_table)
        elif kind == "sh":
            yield from (Step(line.partition("  #")[0].strip()) for line in block.splitlines())
        elif kind == "console":
            for command in re.split(r"^\$ ", block, flags=re.M)[1:]:
                first, *printed = command.splitlines()
                yield Step(first.partition("  #")[0].strip(), printed=tuple(printed))
        elif kind in ("toml", "yaml"):
            named = re.match(r"# (\S+)", block)
            assert named, f"{page.name}: a block that does not say which file it is: {block}"
            yield Step(block, file=named[1])


def masked(text: str) -> str:
    """Numbers, days and ends of a plural are the reader's own."""
    day = re.sub(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d [A-Z][a-z]{2} \d{4}", "DAY", text)
    return re.sub(r"\d[\d,:.]*", "N", day)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "dojo"
    make_project(folder)
    for secret in ("relay.secret", "secrets/bounces"):
        (folder / secret).parent.mkdir(exist_ok=True)
        (folder / secret).touch(0o600)
        (folder / secret).write_text("swordfish")
    (folder / "returned.eml").write_text(BOUNCE)
    for part in ("cur", "new", "tmp"):
        (folder / "Maildir" / part).mkdir(parents=True)
    (folder / "Maildir" / "cur" / "1.eml").write_text(BOUNCE)
    (folder / "unsubscribed.txt").write_text("gone@example.com\n")
    (folder / "spam.csv").write_text("email\ncross@example.com\n")
    with zipfile.ZipFile(folder / "mailchimp_export.zip", "w") as archive:
        archive.write(folder / "subscribers.example.csv", "subscribed_members_export.csv")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_typed_as_it_is_printed(page: Path, project: Path) -> None:
    begin(page.stem, project)
    for step in steps_of(page):
        if step.file:
            write(step, project)
        elif step.text.startswith("newsletter ") and not step.text.startswith(NEEDS_MORE):
            if step.text.startswith("newsletter preview") and "--export" not in step.text:
                continue
            run(step, project)


def begin(page: str, project: Path) -> None:
    campaign = project / "campaigns" / "captains.toml"
    usual = campaign.read_text()
    if page in BEFORE:
        campaign.write_text(AT_ONCE)
    for line in BEFORE.get(page, ()):
        done = newsletter(*line.split(), folder=project)
        assert done.returncode == 0, done.stderr
    campaign.write_text(usual)
    if page == "move-readers":
        for line in ("campaign apply captains", "run --until-idle --outbox sent"):
            assert newsletter(*line.split(), folder=project).returncode == 0
    if page == "correct-a-mistake":
        mended = project / "content" / "captains" / "_index.md"
        mended.write_text(mended.read_text().replace("before it is a title", "long before it is a title"))


def run(step: Step, project: Path) -> None:
    line = UNTIL_STOPPED.get(step.text, step.text)
    line += "".join(f" {more}" for asked, more in ASKING.items() if line.startswith(asked))
    words, _, after = line.partition(" | ")[0].partition(" > ")
    done = newsletter(*shlex.split(words.replace("~", str(project)))[1:], folder=project)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    if after:
        (project / after.strip()).write_text(done.stdout)
    for promised in step.printed:
        assert masked(promised.strip()) in masked(done.stdout), f"{line}\n{done.stdout}"


def write(step: Step, project: Path) -> None:
    target = project / step.file.rstrip(",")
    if target.suffix == ".md":
        lines = step.text.partition("\n")[2]
        target.write_text(target.read_text().replace("---\n", f"---\n{lines}", 1))
    elif target.name == "newsletter.toml":
        (project / "part.toml").write_text(step.text)
        load_settings(project / "part.toml", {})
    elif ", in part" in step.text.partition("\n")[0]:
        whole = tomllib.loads(target.read_text()) | tomllib.loads(step.text)
        if str(whole.get("hours", {}).get("holidays", "")).endswith(".ics"):
            whole.pop("hours")
        definition_from(whole, Source(step.file))
    else:
        target.write_text(step.text)


def commands_in(document: Path) -> Iterator[str]:
    """Everything that begins with `newsletter` in a block or between backticks."""
    text = re.sub(r"^```\n.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)  # of other programs
    for match in re.finditer(r"`(newsletter [^`\n]+)`|^ *(?:\$ )?(newsletter [^\n]+)$", text, flags=re.M):
        yield (match[1] or match[2]).partition("  #")[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_names_exists_with_its_options(document: Path) -> None:
    for line in commands_in(document):
        words = re.split(r"\s+", line.partition(" | ")[0].partition(" && ")[0].strip())[1:]
        at: click.Command = program
        context = click.Context(program, info_name="newsletter")
        while isinstance(at, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
            found = at.get_command(context, words[0])
            assert found, f"{document.name}: {line}"
            at, words = found, words[1:]
        known = {option for parameter in at.params for option in (*parameter.opts, *parameter.secondary_opts)}
        named = {word.split("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}
        assert named <= known | {"--help", "-h"}, f"{document.name}: {line}"
