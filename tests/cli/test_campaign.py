"""`newsletter campaign` and `newsletter simulate` as people type them, in a project of their own."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from newsletter.campaigns.definition import SECTIONS, Definition
from newsletter.cli import command
from newsletter.cli.campaign_flags import FLAGS, SWITCHES
from newsletter.errors import NewsletterError
from newsletter.scaffold import make_project
from tests.cli.command_line import newsletter
from tests.terminal import Terminal

PEOPLE = """email,name,timezone
ann@example.com,Ann,Europe/Paris
bob@example.com,Bob,America/Lima
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_project(tmp_path / "dojo")
    monkeypatch.chdir(tmp_path / "dojo")
    (tmp_path / "dojo" / "people.csv").write_text(PEOPLE)
    return tmp_path / "dojo"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=True)


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str) -> NewsletterError:
    result = run(*arguments)
    assert isinstance(result.exception, NewsletterError), result.output
    return result.exception


def test_the_whole_way_of_a_campaign(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    assert "New campaign captains with 3 pages for 2 subscribers" in said("campaign", "plan", "captains")
    assert "No campaign yet" in said("campaign", "status")
    assert "2 subscribers enrolled" in said("campaign", "start", "captains", "--every", "3d", "--at", "09:00")
    assert "Nothing changes" in said("campaign", "start", "captains", "--every", "3d", "--at", "09:00")
    assert "ann@example.com  0/3  active  next _index" in said("campaign", "status", "captains", "--readers")
    (document,) = json.loads(said("campaign", "status", "captains", "--readers", "--format", "json"))
    assert document["readers"] == {"active": 2} and len(document["progress"]) == 2
    assert "Page _index is due" in said("campaign", "why", "captains", "ann@example.com")
    assert "page first-command is next" in said("campaign", "skip", "captains", "ann@example.com")
    assert "is paused: nothing more leaves" in said("campaign", "pause", "captains")
    assert "is paused already" in said("campaign", "pause", "captains")
    assert "is running again" in said("campaign", "resume", "captains")
    assert "is cancelled" in said("campaign", "cancel", "captains")
    log = said("campaign", "log", "captains")
    assert [line.split()[7] for line in log.splitlines()] == ["cancel", "resume", "pause", "skip", "create"]
    assert "skip captains  reader: ann@example.com  page: _index" in log
    said("subscribers", "erase", "ann@example.com", "--yes")
    assert "ann@example.com" not in said("campaign", "log", "captains")


def test_a_plan_names_settings_as_the_file_does_and_defaults_by_their_value(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--every", "2d", "--zone", "UTC", "--evergreen")
    planned = said("campaign", "plan", "captains").splitlines()
    assert planned[:4] == [
        "`evergreen` is unset (was true)", "`cadence.every`: 2d → 3d", "`cadence.zone`: UTC → subscriber",
        "`cadence.at` is set to 09:00",
    ]  # fmt: skip


def test_a_seed_who_is_no_subscriber_is_refused_by_file_and_line(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    file = project / "campaigns" / "captains.toml"
    file.write_text(file.read_text() + '\n[seeds]\naddresses = ["editor@example.com"]\n')
    error = refused("campaign", "plan", "captains")
    assert error.place == f"{file}:{len(file.read_text().splitlines())}" and "import" in error.remedy


def test_rounds_and_copies_are_counted_as_people_count(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--every", "30d", "--zone", "UTC")
    said("run", "--until-idle", "--outbox", "sent")
    said("campaign", "send-again", "captains", "ann@example.com", "--page", "1")
    said("campaign", "move", "captains", "ann@example.com", "--to", "1")
    said("campaign", "skip", "captains", "ann@example.com")
    had = said("campaign", "why", "captains", "ann@example.com")
    assert "  _index  sent " in had and "  _index (copy 2)  due" in had and "  _index (round 2)  passed " in had


def test_a_shown_mail_says_what_is_proved_and_what_is_not(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--every", "30d", "--zone", "UTC")
    said("run", "--until-idle", "--outbox", "sent")
    shown = run("campaign", "show", "captains", "--page", "1", "--subscriber", "ann@example.com")
    assert shown.stdout.startswith("From: My Dojo") and "DKIM" not in shown.stdout
    kept, merged = shown.stderr.splitlines()
    assert re.fullmatch(
        r"page _index, which left on .* UTC: content [0-9a-f]{12}, kept since and checked by its hash", kept
    )
    assert "merged again now" in merged and "without the DKIM signature" in merged
    with closing(sqlite3.connect("newsletter.db", isolation_level=None)) as connection:
        connection.execute("UPDATE delivery SET finished_at = finished_at - 60")
    (project / "people.csv").write_text(PEOPLE.replace("Ann,", "Anna,"))
    said("subscribers", "import", "people.csv")
    shown = run("campaign", "show", "captains", "--page", "1", "--subscriber", "ann@example.com")
    assert "warning: what is known of ann@example.com was changed on" in shown.stderr and "To: Anna" in shown.stdout


def test_what_was_sent_of_a_deleted_page_can_still_be_shown(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--every", "30d", "--zone", "UTC")
    said("run", "--until-idle", "--outbox", "sent")
    first = project / "content" / "captains" / "_index.md"
    first.write_text(first.read_text().replace("---\n", "---\ndraft: true\n", 1))
    assert "Page _index deleted" in said("campaign", "start", "captains", "--every", "30d", "--zone", "UTC")
    shown = run("campaign", "show", "captains", "--page", "_index", "--subscriber", "ann@example.com")
    assert shown.exit_code == 0 and "Subject: So You Want" in shown.stdout


def test_why_names_no_time_that_does_not_hold(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--every", "30d", "--zone", "UTC")
    assert "It is overdue: the scheduler sees to it" in said("campaign", "why", "captains", "ann@example.com")
    said("campaign", "start", "captains", "--every", "3d", "--at", "09:00")
    changed = said("campaign", "why", "captains", "ann@example.com")
    assert "Page _index is next: every 3 days at 09:00. The calendar has changed" in changed
    assert " is due " not in changed


def test_a_csv_is_imported_and_its_people_are_the_audience(project: Path) -> None:
    said("subscribers", "import", "subscribers.example.csv")
    output = said("campaign", "start", "captains", "--name", "press", "--every", "1w", "--csv", "people.csv")
    assert "people.csv: 2 added" in output and "2 subscribers enrolled" in output


def test_a_plan_counts_the_people_of_a_csv_and_imports_nobody(project: Path) -> None:
    (project / "campaigns" / "press.toml").write_text(
        'series = "captains"\naudience = { csv = "people.csv" }\ncadence = { every = "1w", at = "09:00" }\n'
    )
    output = said("campaign", "plan", "press")
    assert "people.csv: 2 added" in output and "for 2 subscribers" in output
    assert "to 2 readers" in said("simulate", "press", "--from", "2027-01-01", "--days", "3")
    assert "ann@example.com" not in said("subscribers", "list")


def test_looking_ahead_writes_files_and_changes_nothing(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    output = said(
        "simulate", "captains", "--every", "3d", "--at", "09:00", "--from", "2027-03-25", "--days", "30",
        "--ical", "a.ics", "--to-csv", "a.csv", "--html", "a.html",
    )  # fmt: skip
    assert "6 mails to 2 readers in 30 days" in output
    assert (project / "a.csv").read_text().splitlines()[1:3] == [
        "2027-03-25T08:00:00Z,2027-03-25 09:00:00,Europe/Paris,ann@example.com,captains,_index",
        "2027-03-25T14:00:00Z,2027-03-25 09:00:00,America/Lima,bob@example.com,captains,_index",
    ]
    assert (project / "a.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert "<svg" in (project / "a.html").read_text()
    alone = said("simulate", "captains", "--on", "mon", "--from", "2027-03-25", "--subscriber", "ann@example.com")
    assert alone.count("Europe/Paris") == 3 and "Mon 29 Mar 2027 09:00" in alone
    assert "No campaign yet" in said("campaign", "status")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("start", "captain", "--every", "3d"), "no series"),
        (("start", "captains", "--every", "3x"), "not a time span"),
        (("start", "captains", "--every", "3d", "--zone", "Mars/Base"), "not an IANA time zone"),
        (("start", "captains", "--every", "3d", "--on", "mon"), "exactly one of"),
        (("start", "captains", "--every", "3d", "--tag", "nobody"), "audience is empty"),
        (("start", "captains", "--every", "3d", "--segment", "nothing here"), ""),
        (("start", "captains", "--every", "3d", "--relay", "pigeon"), "no relay"),
        (("start", "captains", "--name", "../up", "--every", "3d"), "no name for a campaign"),
        (("plan", "nowhere"), "no such campaign file"),
        (("status", "nowhere"), "no campaign"),
        (("why", "captains", "ann@example.com"), "no campaign"),
    ],
)
def test_what_can_not_be_done_is_said_and_changes_nothing(
    project: Path, arguments: tuple[str, ...], message: str
) -> None:
    said("subscribers", "import", "people.csv")
    assert message in str(refused("campaign", *arguments))
    assert "No campaign yet" in said("campaign", "status")


def test_a_page_with_an_impossible_wish_is_refused_by_file_and_line(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    page = project / "content" / "captains" / "night-watch.md"
    page.write_text(page.read_text().replace("---\n", "---\ndelay: soon\n", 1))
    error = refused("campaign", "start", "captains", "--every", "3d")
    assert "delay" in error.message and error.place == "captains/night-watch.md:2"


def test_an_audience_without_people_and_a_segment_with_a_slip_are_refused_by_key_and_line(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    file = project / "campaigns" / "press.toml"
    for line, message in (('tags = ["nobody"]', "the audience is empty"), ('segment = "zone ="', "at character 7")):
        file.write_text(f'series = "captains"\n[cadence]\nevery = "1w"\n[audience]\n{line}\n')
        error = refused("campaign", "apply", "press")
        assert error.line == 5 and str(error.where).endswith("press.toml")
        assert error.message.startswith(f"audience.{line.split()[0]}: ") and message in error.message


def test_pages_that_lead_in_a_circle_are_refused_before_anything_changes(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    for name, after in (("first-command", "night-watch"), ("night-watch", "first-command")):
        page = project / "content" / "captains" / f"{name}.md"
        page.write_text(page.read_text().replace("---\n", f"---\nnext: {after}\n", 1))
    assert "circle" in refused("campaign", "start", "captains", "--every", "3d").message
    assert "No campaign yet" in said("campaign", "status")


def test_every_key_of_a_campaign_file_has_its_flag() -> None:
    keys = {key for key in (field.name for field in fields(Definition)) if key not in SECTIONS} - {"series"}
    keys |= {f"{section}.{field.name}" for section, kind in SECTIONS.items() for field in fields(kind)}
    assert {row[1] for row in (*FLAGS, *SWITCHES)} == keys


def test_flags_say_what_a_file_says(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    (project / "campaigns" / "captains.toml").write_text(
        'series = "captains"\ntracking = "clicks"\n[cadence]\nevery = "3d"\ndefault_zone = "Asia/Tokyo"\n'
        '[sender]\nname = "Captains"\naddress = "bridge@newsletter.example"\nreply_to = "mate@newsletter.example"\n'
        '[limits]\nper_day = 1\nper_day_overall = 2\nper_hour = 300\n[seeds]\naddresses = ["ann@example.com"]\nwait = "2h"\n'
        '[canary]\nreaders = 1\nwait = "3h"\nbounces = 2.5\ncomplaints = 0.1\n'
    )
    said("campaign", "apply", "captains")
    flags = (
        "--tracking clicks --every 3d --default-zone Asia/Tokyo --sender-name Captains "
        "--sender-address bridge@newsletter.example --reply-to mate@newsletter.example --per-day 1 --per-day-overall 2 "
        "--per-hour 300 --seeds ann@example.com --seeds-wait 2h --canary 1 --canary-wait 3h --canary-bounces 2.5 "
        "--canary-complaints 0.1"
    )
    assert "Nothing changes" in said("campaign", "start", "captains", *flags.split())
    wrong = run("campaign", "start", "captains", "--every", "3d", "--canary-bounces", "many")
    assert wrong.exit_code == 2 and "'many' is not a number" in wrong.output


LONG_NAME = "a-campaign-with-a-name-that-is-as-long-as-anybody-would"
LONG_ADDRESS = "somebody-who-likes-long-addresses@department.some-very-long-domain-name.example"


def test_no_number_and_no_time_is_cut_short_on_a_narrow_terminal(project: Path) -> None:
    (project / "people.csv").write_text(f"email,timezone\n{LONG_ADDRESS},America/Argentina/ComodRivadavia\n")
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--name", LONG_NAME, "--on", "mon", "--segment", f"email = '{LONG_ADDRESS}'")
    for arguments, whole in (
        (("campaign", "status"), "next due (UTC)"),
        (("campaign", "status", LONG_NAME), "1 active"),
        (("simulate", LONG_NAME, "--from", "2027-01-01", "--subscriber", LONG_ADDRESS), "Mon 04 Jan 2027 09:00 "),
    ):
        terminal = Terminal(project, 80, *arguments)
        assert terminal.end() == 0 and whole in terminal.text and "…" not in terminal.text.replace("  …", "")
        assert max(cell_len(line) for line in terminal.text.splitlines()) <= 80


def test_a_table_in_a_pipe_has_whole_rows_without_blanks_at_their_end(project: Path) -> None:
    said("subscribers", "import", "people.csv")
    said("campaign", "start", "captains", "--name", LONG_NAME, "--every", "3d")
    header, row = newsletter("campaign", "status", folder=project, COLUMNS="40").stdout.splitlines()
    assert header.startswith("campaign  ") and row.startswith(f"{LONG_NAME}  running") and row == row.rstrip()


def test_help_has_an_example_for_each_command() -> None:
    from newsletter.cli.campaign import command as group

    for name, each in group.commands.items():
        assert "Example:" in (each.help or ""), name


def test_help_says_whole_sentences_in_the_order_of_the_work() -> None:
    listed = said("campaign", "--help").partition("Commands:\n")[2]
    assert listed.split()[0] == "plan" and "..." not in listed
