"""`newsletter subscribers` as a person uses it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.command_line import Done, newsletter

PEOPLE = "email,name,country,tags\nann@acme.example,Ann Lee,FR,beta\nbob@acme.example,Bob,DE,\nnobody,X,,\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "newsletter.toml").write_text('[site]\nname = "Work Dojos"\n')
    (tmp_path / "people.csv").write_text(PEOPLE)
    return tmp_path


def subscribers(project: Path, *arguments: str) -> Done:
    return newsletter("subscribers", *arguments, folder=project)


def test_an_import_reports_each_row_it_could_not_use(project: Path) -> None:
    done = subscribers(project, "import", "people.csv", "--report", "report.csv")
    assert done.returncode == 0
    assert "people.csv: 3 rows: 2 added, 1 refused\n" in done.stdout
    assert "people.csv: row 4: refused: nobody: is not an e-mail address" in done.stderr
    assert len((project / "report.csv").read_text().splitlines()) == 4


def test_a_dry_run_leaves_nobody_behind(project: Path) -> None:
    assert "nothing was written" in subscribers(project, "import", "people.csv", "--dry-run").stdout
    assert "0 of 0" in subscribers(project, "list").stdout


def test_a_file_without_addresses_is_the_datas_fault(project: Path) -> None:
    (project / "bad.csv").write_text("name,city\nAnn,Lyon\n")
    done = subscribers(project, "import", "bad.csv")
    assert done.returncode == 1
    assert "bad.csv" in done.stderr
    assert "'name', 'city'" in done.stderr


def test_a_zip_of_an_export_is_unpacked_and_its_file_names_obeyed(project: Path) -> None:
    with zipfile.ZipFile(project / "export.zip", "w") as archive:
        archive.writestr("subscribed_members_export_1.csv", "Email Address\nann@acme.example\n")
        archive.writestr("../../unsubscribed_members_export_1.csv", "Email Address\nbob@acme.example\n")
        archive.writestr("readme.txt", "hello")
    done = subscribers(project, "import", "export.zip")
    assert "subscribed_members_export_1.csv: 1 row: 1 added" in done.stdout
    assert "unsubscribed_members_export_1.csv: 1 row: 1 suppressed" in done.stdout
    assert "all: 2 rows: 1 added, 1 suppressed" in done.stdout


def test_a_zip_without_a_list_is_refused(project: Path) -> None:
    with zipfile.ZipFile(project / "export.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert subscribers(project, "import", "export.zip").returncode == 1


def test_people_are_listed_tagged_exported_and_shown(project: Path) -> None:
    subscribers(project, "import", "people.csv", "--tag", "moved")
    assert "ann@acme.example  Ann Lee" in subscribers(project, "list", "--segment", 'country = "FR"').stdout
    assert subscribers(project, "tag", "vip", "ann@acme.example").stdout == "1 got the tag 'vip'; 1 have it now\n"
    assert subscribers(project, "tag", "vip", "ann@acme.example").stdout == "0 got the tag 'vip'; 1 have it now\n"
    assert subscribers(project, "tag", " ", "ann@acme.example").returncode == 2
    assert "1 had the tag 'beta'" in subscribers(project, "untag", "beta", "--segment", 'tag("beta")').stdout
    shown = subscribers(project, "show", "ann@acme.example").stdout
    assert "tags: moved, vip" in shown
    assert "mailed: yes" in shown
    assert json.loads(subscribers(project, "show", "ann@acme.example", "--json").stdout)["tags"] == ["moved", "vip"]
    assert (
        subscribers(project, "export", "--segment", 'tag("vip")', "-o", "vip.csv").stdout == "vip.csv: 1 subscriber\n"
    )
    assert len(json.loads(subscribers(project, "export", "--format", "json").stdout)) == 2


def test_segments_are_saved_shown_listed_and_deleted(project: Path) -> None:
    subscribers(project, "import", "people.csv")
    assert "french: 1 subscriber" in subscribers(project, "segment", "save", "french", 'country = "FR"').stdout
    assert "ann@acme.example" in subscribers(project, "segment", "show", "french").stdout
    assert subscribers(project, "segment", "list").stdout == 'french: country = "FR"\n'
    assert subscribers(project, "segment", "delete", "french").returncode == 0
    missing = subscribers(project, "segment", "show", "french")
    assert (missing.returncode, "no segment 'french'" in missing.stderr) == (1, True)
    mistaken = subscribers(project, "list", "--segment", "country =")
    assert (mistaken.returncode, "at character 10" in mistaken.stderr) == (1, True)


def test_somebody_erased_stays_away(project: Path) -> None:
    subscribers(project, "import", "people.csv")
    assert "ann@acme.example: erased" in subscribers(project, "erase", "ann@acme.example", "--yes").stdout
    assert "was erased here" in subscribers(project, "import", "people.csv").stderr
    gone = subscribers(project, "show", "ann@acme.example")
    assert (gone.returncode, "suppressed (erased" in gone.stderr) == (1, True)


def test_suppressions_are_imported_exported_and_lifted(project: Path) -> None:
    (project / "left.txt").write_text("ann@acme.example\nbob@acme.example\n")
    assert (
        "2 new suppressions" in subscribers(project, "suppressions", "import", "left.txt", "--reason", "bounced").stdout
    )
    assert subscribers(project, "suppressions", "export").stdout.count("bounced") == 2
    assert "may be mailed again" in subscribers(project, "suppressions", "lift", "ann@acme.example").stdout
    subscribers(project, "suppressions", "import", "left.txt")
    refused = subscribers(project, "suppressions", "lift", "bob@acme.example")
    assert (refused.returncode, "--wish" in refused.stderr) == (1, True)
    assert subscribers(project, "suppressions", "lift", "bob@acme.example", "--wish").returncode == 0
