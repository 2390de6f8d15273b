from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content.order import put_in_order
from newsletter.content.page import Page, Series
from newsletter.content.reader import list_series, parse_page, read_series
from newsletter.errors import ContentError
from newsletter.finding import Severity


def write(folder: Path, **files: str) -> None:
    """Write pages: `a="next: b"` is a.md whose front matter has that line; `{body}` follows after a `|`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        front, _, body = text.partition("|")
        (folder / f"{name}.md").write_text(f"---\ntitle: {name}\n{front}\n---\n{body or 'Text.'}\n", encoding="utf-8")


def boats(tmp_path: Path, **files: str) -> Series:
    write(tmp_path / "boats", **files)
    return read_series(tmp_path, "boats")


def slugs(series: Series) -> list[str]:
    return [page.slug for page in series.pages]


def codes(series: Series) -> list[tuple[str, str, int | None]]:
    return [(finding.code, finding.path, finding.line) for finding in series.findings]


def test_a_series_starts_at_its_index_and_follows_next(tmp_path: Path) -> None:
    series = boats(
        tmp_path,
        zebra="next: alpha",
        _index="|[next: zebra](https://any.host.example/boats/zebra)",
        alpha="|<a href='/boats/mid/'>next: mid</a>",
        mid="",
    )
    assert slugs(series) == ["_index", "zebra", "alpha", "mid"]
    assert series.findings == ()
    assert series.title == "_index"


def test_without_next_links_weight_then_date_then_name_decide(tmp_path: Path) -> None:
    series = boats(
        tmp_path,
        _index="",
        c="weight: 2",
        b="weight: 1",
        z="date: 2024-01-01",
        y="date: 2024-02-01",
        a="",
        d="weight: 1",
    )
    assert slugs(series) == ["_index", "b", "d", "c", "z", "y", "a"]
    assert series.findings == ()


def test_a_draft_is_skipped_and_its_next_still_followed(tmp_path: Path) -> None:
    series = boats(tmp_path, _index="next: b", b="draft: true\nnext: a", a="")
    assert slugs(series) == ["_index", "b", "a"]
    assert [page.slug for page in series.mailable] == ["_index", "a"]
    assert series.findings == ()


def test_next_leads_readers_past_drafts_to_a_page_the_site_shows(tmp_path: Path) -> None:
    series = boats(
        tmp_path, _index="next: b", b="draft: true\nnext: a", a="next: {href: c, text: The end}", c="draft: true"
    )
    nexts = {page.slug: page.next and (page.next.href, page.next.text) for page in series.mailable}
    assert nexts == {"_index": ("/boats/a", "a"), "a": None}


def test_a_next_by_name_becomes_the_address_of_its_page_and_gets_its_title(tmp_path: Path) -> None:
    series = boats(tmp_path, _index="next: b.md", b="|[next: the third](https://other.host.example/boats/c)", c="")
    nexts = [page.next and (page.next.href, page.next.text) for page in series.pages]
    assert nexts == [("/boats/b", "b"), ("https://other.host.example/boats/c", "the third"), None]


def test_a_cycle_is_an_error_that_names_its_files(tmp_path: Path) -> None:
    series = boats(tmp_path, _index="next: a", a="next: b", b="next: a", c="")
    assert slugs(series) == ["_index", "a", "b", "c"]
    errors = [finding for finding in series.findings if finding.severity is Severity.ERROR]
    assert [(finding.code, finding.line) for finding in errors] == [("next-cycle", 3)]
    assert "boats/a.md → boats/b.md → boats/a.md" in errors[0].message


def test_broken_next_and_unreached_pages_are_warnings_and_such_pages_follow(tmp_path: Path) -> None:
    series = boats(tmp_path, _index="|One.\n\n[next: gone](/boats/gone)", c="next: d", d="", b="")
    assert slugs(series) == ["_index", "b", "c", "d"]
    assert codes(series) == [
        ("next-broken", "boats/_index.md", 7),
        ("page-unreached", "boats/b.md", 2),
        ("page-unreached", "boats/c.md", 2),
    ]
    assert {finding.severity for finding in series.findings} == {Severity.WARNING}


def test_many_pages_that_no_chain_reaches_are_one_warning_for_the_series(tmp_path: Path) -> None:
    series = boats(tmp_path, a="next: b", b="", c="", d="", e="", f="")
    assert slugs(series) == ["a", "b", "c", "d", "e", "f"]
    assert codes(series) == [("page-unreached", "boats/c.md", 2)]
    assert "4 pages (boats/c.md, boats/d.md, boats/e.md, …)" in series.findings[0].message


def test_a_next_to_a_page_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    series = boats(tmp_path, _index="next: a", a="draft:true")
    assert [finding.path for finding in series.broken] == ["boats/a.md"]
    assert "can't be read" in series.findings[0].message


@pytest.mark.parametrize(
    "href",
    [
        "sails", "sails.md", "./sails.md", "/boats/sails", "/boats/sails/", "/Boats/Sails/index.html", "boats/sails",
        "https://example.org/boats/sails", "https://example.org/en/boats/sails/?utm=1#top", "//example.org/boats/sails",
        "https://boats.example.org/sails", "../boats/sails.md", "jib", "/boats/jib", "/special/address", "All about sails",
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_by_file_slug_url_title_or_address(tmp_path: Path, href: str) -> None:
    front = "slug: jib\nurl: /special/address" if href in ("jib", "/boats/jib", "/special/address") else ""
    write(tmp_path / "boats", _index=f"next: '{href}'", sails=front, other="weight: 1")
    file = tmp_path / "boats" / "sails.md"
    file.write_text(file.read_text().replace("title: sails", "title: All about sails"))
    series = read_series(tmp_path, "boats")
    assert [page.path for page in series.pages][:2] == ["boats/_index.md", "boats/sails.md"]


@pytest.mark.parametrize("href", ["https://example.org/bakers/sails", "mailto:sails", "/", "http://[bad", "#sails"])
def test_a_link_that_leads_elsewhere_is_no_next_page(tmp_path: Path, href: str) -> None:
    series = boats(tmp_path, _index=f"next: '{href}'", sails="")
    assert ("next-broken", "boats/_index.md", 3) in codes(series)


def test_two_pages_with_one_id_are_an_error_that_names_both(tmp_path: Path) -> None:
    series = boats(tmp_path, _index="", a="id: same", b="id: same")
    assert slugs(series) == ["_index", "a"]
    assert [(finding.path, finding.line) for finding in series.broken] == [("boats/b.md", 3)]
    assert "boats/a.md" in series.broken[0].message


def test_a_page_that_cannot_be_read_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    write(tmp_path / "boats", _index="", a="")
    (tmp_path / "boats" / "b.md").write_bytes(b"no front matter\n")
    (tmp_path / "boats" / "c.md").write_bytes(b"\x89PNG\r\n\x1a\n")
    series = read_series(tmp_path, "boats")
    assert slugs(series) == ["_index", "a"]
    assert [(finding.path, finding.severity) for finding in series.broken] == [
        ("boats/b.md", Severity.ERROR),
        ("boats/c.md", Severity.ERROR),
    ]


def test_folders_bundles_and_translations(tmp_path: Path) -> None:
    write(tmp_path / "boats", _index="", a="")
    write(tmp_path / "boats" / "rope", index="", notes="")
    write(tmp_path / "boats" / "more", deep="")
    write(tmp_path / "boats", **{"a.de": "", "nur.de": "", "v1.2": ""})
    write(tmp_path / "boats", **{".hidden": ""})
    (tmp_path / "boats" / "a.md~").write_text("x")
    (tmp_path / "boats" / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    series = read_series(tmp_path, "boats")
    assert {page.slug: (page.path, page.lang, page.url) for page in series.pages} == {
        "_index": ("boats/_index.md", "", "/boats"),
        "a": ("boats/a.md", "", "/boats/a"),
        "rope": ("boats/rope/index.md", "", "/boats/rope"),
        "deep": ("boats/more/deep.md", "", "/boats/more/deep"),
        "nur": ("boats/nur.de.md", "de", "/boats/nur"),
        "v1.2": ("boats/v1.2.md", "", "/boats/v1.2"),
    }
    assert [(finding.code, finding.path) for finding in series.findings] == [
        ("file-left-out", "boats/rope/notes.md"),
        ("translation-left-out", "boats/a.de.md"),
    ]
    assert list_series(tmp_path) == ("boats",)


def test_no_link_leads_out_of_the_content_folder(tmp_path: Path) -> None:
    write(tmp_path / "content" / "boats", _index="")
    write(tmp_path / "secret", key="")
    (tmp_path / "content" / "boats" / "key.md").symlink_to(tmp_path / "secret" / "key.md")
    (tmp_path / "content" / "boats" / "folder").symlink_to(tmp_path / "secret")
    (tmp_path / "content" / "boats" / "gone.md").symlink_to(tmp_path / "content" / "nowhere.md")
    series = read_series(tmp_path / "content", "boats")
    assert slugs(series) == ["_index"]
    assert [finding.path for finding in series.broken] == ["boats/gone.md", "boats/key.md"]


def test_a_pipe_named_like_a_page_does_not_hang_the_reader(tmp_path: Path) -> None:
    write(tmp_path / "boats", _index="")
    os.mkfifo(tmp_path / "boats" / "pipe.md")
    assert [finding.path for finding in read_series(tmp_path, "boats").broken] == ["boats/pipe.md"]


@pytest.mark.parametrize("name", ["boat", "../boats", "", ".", "boats/a", "/etc"])
def test_a_series_that_is_not_there_is_an_error_that_helps(tmp_path: Path, name: str) -> None:
    write(tmp_path / "content" / "boats", _index="")
    with pytest.raises(ContentError) as error:
        read_series(tmp_path / "content", name)
    assert "boats" in error.value.remedy


def test_a_missing_content_folder_is_an_error_that_helps(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no such content folder"):
        list_series(tmp_path / "nowhere")


def made(number: int, following: int | None, weight: int | None, draft: bool) -> Page:
    link = f"next: p{following}\n" if following is not None else ""
    rank = f"weight: {weight}\n" if weight is not None else ""
    text = f"---\ntitle: P{number}\n{link}{rank}draft: {str(draft).lower()}\n---\nx"
    return parse_page(text.encode(), path=f"s/p{number}.md", series="s")


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.one_of(st.none(), st.integers(0, 3)), st.booleans()),
        max_size=8,
    )
)
def test_every_page_is_in_the_order_exactly_once_whatever_the_links_say(
    rows: list[tuple[int | None, int | None, bool]],
) -> None:
    pages = [made(number, *row) for number, row in enumerate(rows)]
    ordered, findings = put_in_order("s", pages)
    assert sorted(page.id for page in ordered) == sorted(page.id for page in pages)
    assert put_in_order("s", list(reversed(pages)))[0] == ordered
    assert all(finding.path for finding in findings)
