"""Only what changed is composed again, errors stand in their place, and a mended file heals them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from newsletter.errors import ContentError, UsageError
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.workbench import COMPOSITIONS_KEPT, Change, Workbench
from tests.web.preview.project import NOON, PAGES, desk_of, make_project, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path.resolve())


@pytest.fixture
def desk(project: Path) -> Desk:
    return desk_of(project)


def saved(bench: Workbench, project: Path, path: str, text: str) -> Change:
    """What a save does; the file's time moves on even where the clock of the disk is coarse."""
    file = write(project, path, text)
    later = time.time_ns() + 10_000_000
    os.utime(file, ns=(later, later))
    return bench.refresh([file])


def test_a_page_that_did_not_change_is_not_composed_again(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    before = {name: bench.composed(*bench.page(name)) for name in ("unions/learning", "unions/last")}
    change = saved(bench, project, "content/unions/learning.md", PAGES["unions/learning.md"] + "\nMore.\n")
    assert change == Change(("unions/learning",))
    assert bench.composed(*bench.page("unions/last")) is before["unions/last"]
    email = bench.composed(*bench.page("unions/learning")).email
    assert email is not None and "More." in email.text


def test_a_template_changes_every_page(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    bench.composed(*bench.page("unions/last"))
    change = saved(bench, project, "templates/email.txt.j2", "{{ title }} as I like it")
    assert change.all
    email = bench.composed(*bench.page("unions/last")).email
    assert email is not None and email.text.strip() == "Last as I like it"


def test_a_picture_changes_the_pages_that_show_it(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    assert bench.refresh([project / "static/uploads/red.png"]) == Change(("unions/_index",))


def test_settings_change_everything(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    text = (project / "newsletter.toml").read_text().replace("Test Dojo", "Other Dojo")
    assert saved(bench, project, "newsletter.toml", text).all
    email = bench.composed(*bench.page("unions/last")).email
    assert email is not None and "Other Dojo" in email.html


def test_broken_settings_are_told_and_healed_by_the_next_save(desk: Desk, project: Path) -> None:
    bench, good = desk.workbench, (project / "newsletter.toml").read_text()
    saved(bench, project, "newsletter.toml", "[site\n")
    assert bench.trouble is not None and "newsletter.toml" in bench.trouble.where
    assert bench.composed(*bench.page("unions/last")).email is not None
    saved(bench, project, "newsletter.toml", good)
    assert bench.trouble is None


def test_an_unreadable_page_is_told_with_its_line_and_healed(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    saved(bench, project, "content/unions/last.md", "---\ntitle: [\n---\nx")
    with pytest.raises(ContentError) as caught:
        bench.page("unions/unions/last.md")
    assert caught.value.line
    saved(bench, project, "content/unions/last.md", PAGES["unions/last.md"])
    assert bench.page("unions/last")[1].title == "Last"


def test_a_page_that_can_no_longer_be_read_keeps_its_place_and_is_healed(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    write(project, "content/unions/named.md", "---\ntitle: Named\nid: a-name\n---\nText.\n")
    bench.refresh([project / "content/unions/named.md"])
    for reference, path in (("unions/learning", "unions/learning.md"), ("unions/a-name", "unions/named.md")):
        good = (project / "content" / path).read_text()
        assert desk.showing.page(reference, "")["error"] is None
        saved(bench, project, f"content/{path}", "---\ntitle: [\n---\nTorn.\n")
        error = desk.showing.page(reference, "")["error"]
        assert (error["path"], error["line"]) == (path, 2) or error["line"] == 3
        assert desk.showing.page(f"unions/{path}", "")["error"]["path"] == path
        saved(bench, project, f"content/{path}", good)
        assert desk.showing.page(reference, "")["error"] is None
        assert desk.showing.page(f"unions/{path}", "")["page"] == reference, "its name in the address is mended too"


def test_a_broken_template_is_an_error_of_the_page_and_healed(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    saved(bench, project, "templates/email.txt.j2", "one\n{{ nothing_of_that_name }}")
    composed = bench.composed(*bench.page("unions/last"))
    assert composed.error is not None and composed.error.line == 2
    assert bench.finding_of(composed.error).path == "templates/email.txt.j2"
    (project / "templates/email.txt.j2").unlink()
    bench.refresh([project / "templates/email.txt.j2"])
    assert bench.composed(*bench.page("unions/last")).error is None


def test_a_new_page_and_a_removed_one_are_noticed(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    change = saved(bench, project, "content/unions/new.md", "---\ntitle: New\nweight: 9\n---\nHello.\n")
    assert "unions/new" in change.pages
    (project / "content/unions/new.md").unlink()
    bench.refresh([project / "content/unions/new.md"])
    with pytest.raises(UsageError):
        bench.page("unions/new")


def test_a_series_that_goes_and_comes_back_is_no_end(project: Path) -> None:
    desk = desk_of(project, only="letters")
    (project / "content/letters").rename(project / "content/away")
    desk.workbench.refresh([project / "content/letters/first.md"])
    assert desk.workbench.trouble is not None
    (project / "content/away").rename(project / "content/letters")
    desk.workbench.refresh([project / "content/letters/first.md"])
    assert desk.workbench.trouble is None
    assert desk.workbench.page("letters/first")[1].title == "A letter"


def test_a_series_that_does_not_exist_is_refused(project: Path) -> None:
    with pytest.raises(UsageError, match="no series 'onions'"):
        desk_of(project, only="onions")


def test_every_page_is_checked_however_many_there_are(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    for number in range(COMPOSITIONS_KEPT + 10):
        write(project, f"content/many/page-{number:03}.md", f"---\ntitle: Page {number}\n---\nText {number}.\n")
    bench.refresh([project / "content/many/page-000.md"])
    series = bench.series["many"]
    for page in series.pages:
        bench.check(series, page, NOON)
    glances = [bench.glance(series, page) for page in series.pages]
    assert all(glance and glance.checked is not None and glance.size for glance in glances)
    assert not any(bench.check(series, page, NOON) for page in series.pages[:20]), "what is known is not checked again"


def test_what_is_wrong_with_the_settings_is_told_with_every_page_and_once_for_all(desk: Desk) -> None:
    desk.check_everything()
    shown = desk.timeline(start="", zone="", cadence="", at="", persona="")
    assert [one["code"] for one in shown["project"]] == ["sender-placeholder", "web-url-local", "dkim-missing"]
    [first] = [page for series in shown["series"] for page in series["pages"] if page["page"] == "unions/_index"]
    assert first["counts"] == {"error": 0, "warning": 0, "info": 0}
    codes = {one["code"] for one in desk.showing.page("unions/last", "")["findings"]}
    assert codes >= {"sender-placeholder", "dkim-missing"}


def test_a_link_to_a_page_of_another_series_is_judged_again_when_that_page_comes(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    text = "---\ntitle: Last\nweight: 4\n---\n[Later](https://dojo.example/letters/later/)\n"
    saved(bench, project, "content/unions/last.md", text)

    def codes() -> set[str]:
        series, page = bench.page("unions/last")
        bench.check(series, page, NOON)
        return {one.code for one in bench.findings_of(series, page, bench.glance(series, page))}

    assert "link-broken" in codes()
    saved(bench, project, "content/letters/later.md", "---\ntitle: Later\n---\nHello.\n")
    assert "link-broken" not in codes()


def test_pages_that_are_gone_are_forgotten(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    for number in range(5):
        saved(bench, project, f"content/letters/passing-{number}.md", "---\ntitle: Passing\n---\nText.\n")
        bench.composed(*bench.page(f"letters/passing-{number}"))
        (project / f"content/letters/passing-{number}.md").unlink()
        bench.refresh([project / f"content/letters/passing-{number}.md"])
    assert not any("passing" in name for kept in (bench._composed, bench._glances, bench._pages) for name in kept)


def test_memory_is_bounded(desk: Desk, project: Path) -> None:
    bench = desk.workbench
    series, page = bench.page("unions/last")
    for number in range(30):
        bench.composed_from(series, page, f"---\ntitle: N{number}\n---\nText {number}.\n".encode())
    assert len(bench._composed) <= 5
