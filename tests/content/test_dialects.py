"""Markdown as GitHub, Hugo, Docusaurus, MkDocs and Ghost write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.content.reader import read_series

from .pages import page, plain


def article(body: str) -> str:
    return plain(page(body).article)


def codes(body: str) -> list[str]:
    return [finding.code for finding in page(body).findings]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("> [!NOTE]\n> Mind the *tide*.", "Note"),
        ("> [!warning]- Rocks\n> Mind the *tide*.", "Rocks"),
        (":::tip\nMind the *tide*.\n:::", "Tip"),
        (":::danger[Rocks]\nMind the *tide*.\n:::", "Rocks"),
        ("::: info Rocks\nMind the *tide*.\n:::", "Rocks"),
        ("::: {.callout-note}\nMind the *tide*.\n:::", "Note"),
        ('!!! note "Rocks"\n    Mind the *tide*.', "Rocks"),
    ],
)
def test_a_box_becomes_a_quote_with_its_title(written: str, title: str) -> None:
    found = article(f"Before.\n\n{written}\n\nAfter.")
    assert found == (
        f"<p>Before.</p>\n<blockquote><p><strong>{title}</strong></p><p>Mind the <em>tide</em>.</p></blockquote>\n<p>After.</p>"
    )


def test_a_box_of_an_unknown_kind_has_no_title_of_its_own() -> None:
    assert article("::: columns\nLeft.\n:::") == "<blockquote><p>Left.</p></blockquote>"


def test_a_quote_that_begins_with_brackets_is_no_box() -> None:
    assert article("> [sic] he said.") == "<blockquote><p>[sic] he said.</p></blockquote>"


def test_tasks_show_their_box() -> None:
    assert article("- [x] done\n- [ ] *open*\n- [link](https://a.example)") == (
        '<ul><li>☑ done</li><li>☐ <em>open</em></li><li><a href="https://a.example">link</a></li></ul>'
    )


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://a.example/x_y_z", "https://a.example/x_y_z"),
        ("www.example.org/x", "http://www.example.org/x"),
        ("me@example.org", "mailto:me@example.org"),
    ],
)
def test_a_bare_address_becomes_a_link_as_in_hugo(written: str, address: str) -> None:
    assert article(f"See {written}, *now*.") == f'<p>See <a href="{address}">{written}</a>, <em>now</em>.</p>'


@pytest.mark.parametrize("written", ["a.example", "`https://a.example`", "ftp://a.example", "//a.example", "node.js"])
def test_other_words_with_dots_stay_text(written: str) -> None:
    assert "<a " not in article(f"See {written}, *now*.")


def test_a_linked_address_is_linked_once() -> None:
    assert article("[https://a.example](https://b.example)").count("<a ") == 1
    assert article('*A* <a href="https://b.example">https://a.example</a>').count("<a ") == 1


def test_a_merge_expression_may_stand_in_a_bare_address() -> None:
    assert 'href="https://a.example/?q={{ name }}"' in article("See https://a.example/?q={{ name }} *now*.")


def test_a_caption_is_markdown_and_its_words_are_the_alternative_text() -> None:
    read = page('Text.\n\n{{< figure src="/a.png" caption="A **bold** [link](https://a.example)" >}}')
    assert plain(read.article).endswith(
        '<figcaption>A <strong>bold</strong> <a href="https://a.example">link</a></figcaption></figure>'
    )
    assert 'alt="A bold link"' in read.article


def test_an_address_that_runs_leaves_its_words_and_is_reported() -> None:
    assert article("[words](javascript:alert(1))") == "<p>words</p>"
    assert codes("[words](javascript:alert(1))") == ["link-removed"]


def test_the_size_behind_a_picture_is_its_size() -> None:
    found = article("Text ![A](/a.png){width=300 .wide onclick=x}")
    assert 'width="300"' in found
    assert "onclick" not in found


def test_a_player_becomes_its_poster_with_a_link() -> None:
    found = article('A.\n\n<video src="/a.mp4" poster="/a.jpg" title="A film"></video>')
    assert '<a href="/a.mp4"><img src="/a.jpg" alt="A film"/></a>' in found


def test_the_address_of_a_ghost_site_is_the_sites() -> None:
    found = article('<p>A <a href="__GHOST_URL__/about/">b</a> <a href="__GHOST_URL__">c</a></p>')
    assert found == '<p>A <a href="/about/">b</a> <a href="/">c</a></p>'


def test_character_data_and_marks_for_other_media() -> None:
    assert article("<![CDATA[ some <b>words</b> ]]>") == "<p>some <b>words</b></p>"
    assert article("[TOC]\n\nText.\n\n\\newpage\n\n[[toc]]") == "<p>Text.</p>"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Dear {{ name,\n\nhello", "merge-torn"),
        ("Dear {% if name,\n\nhello", "merge-torn"),
        ("Dear *|FNAME|*", "merge-foreign"),
        ("Dear <%= name %>", "merge-foreign"),
        ("Dear %%first name%%", "merge-foreign"),
        ("$$\na^2\n$$", "formula-as-source"),
        ("```mermaid\nA-->B\n```", "drawing-as-source"),
    ],
)
def test_what_the_author_hardly_meant_is_reported_with_its_line(written: str, code: str) -> None:
    found = page(f"First *line*.\n\n{written}").findings
    assert [(finding.code, finding.line) for finding in found] == [(code, 6)]
    assert all(finding.remedy for finding in found)


def test_code_may_hold_anything() -> None:
    assert codes("Write `{{ name` or\n\n```\n{% if *|FNAME|* %%x%%\n```\n\n<pre>{{ x</pre>") == []


def test_a_converted_encoding_is_mentioned() -> None:
    from newsletter.content.reader import parse_page

    read = parse_page("---\ntitle: Café\n---\nÇa va.\n".encode("cp1252"), path="boats/a.md", series="boats")
    assert [(finding.code, finding.line) for finding in read.findings] == [("encoding-converted", 1)]
    assert "Windows-1252" in read.findings[0].message


def test_of_two_translations_the_one_in_the_language_of_the_site_is_the_page(tmp_path: Path) -> None:
    (tmp_path / "boats").mkdir()
    for lang in ("ar", "en", "he"):
        (tmp_path / "boats" / f"learning.{lang}.md").write_text(f"---\ntitle: {lang}\n---\nText.\n")
    series = read_series(tmp_path, "boats", lang="en")
    assert [page.lang for page in series.pages] == ["en"]
    assert series.broken == ()
    assert {finding.code for finding in series.findings} == {"translation-left-out"}
    assert [page.lang for page in read_series(tmp_path, "boats", lang="he").pages] == ["he"]
    assert [page.lang for page in read_series(tmp_path, "boats", lang="fr").pages] == ["ar"]


def test_a_file_of_another_kind_is_left_out_by_name(tmp_path: Path) -> None:
    (tmp_path / "boats").mkdir()
    (tmp_path / "boats" / "a.md").write_text("---\ntitle: A\n---\nText.\n")
    (tmp_path / "boats" / "b.mdx").write_text("# B")
    found = read_series(tmp_path, "boats").findings
    assert [(finding.code, finding.path) for finding in found] == [("file-left-out", "boats/b.mdx")]
