"""Pages as other systems and careless pastes leave them: nothing of them may be lost without a word."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.content.decoding import decode
from newsletter.content.reader import parse_page, read_series
from newsletter.errors import ContentError

from .pages import page, plain


def article(body: str, path: str = "boats/knots.md") -> str:
    return plain(page(body, path=path).article)


def codes(body: str) -> list[str]:
    return [finding.code for finding in page(body).findings]


@pytest.mark.parametrize("path", ["boats/knots.md", "boats/knots.html"])
def test_what_stands_behind_a_closing_body_is_mailed_too(path: str) -> None:
    body = "<html><body lang=en><p>Pasted.</p></body></html>\n\n<p>Written after it.</p>"
    assert article(body, path) == "<p>Pasted.</p>\n<p>Written after it.</p>"


@pytest.mark.parametrize("tag", ["<embed src='a.swf'>", "<source src='a.webp'>", "<wbr>", "<iframe src='/a' />"])
def test_an_element_without_content_swallows_nothing(tag: str) -> None:
    assert "Still here." in article(f"<div>{tag}<p>Still here.</p></div>", "boats/knots.html")


def test_a_picture_among_sources_stays() -> None:
    body = "<p>A</p><picture><source srcset='a.webp'><img src='/a.jpg' alt='A boat'></picture>"
    assert 'src="/a.jpg"' in article(body)


def test_lists_and_quotes_are_kept_to_any_sane_depth_and_refused_beyond() -> None:
    assert "level 14" in article("".join(f"{'  ' * level}- level {level}\n" for level in range(15)))
    with pytest.raises(ContentError, match="levels deep"):
        page(">" * 200 + " far down")


@pytest.mark.parametrize("name", ["data-src", "data-lazy-src", "data-original"])
def test_a_picture_that_loads_late_is_shown_once_from_its_real_address(name: str) -> None:
    body = (
        f"<p>A</p><p><img src='data:image/gif;base64,R0lG' {name}='/boat.jpg' alt='A boat'>"
        "<noscript><img src='/boat.jpg' alt='A boat'></noscript></p>"
    )
    assert article(body).count('src="/boat.jpg"') == 1
    assert codes(body) == []


def test_a_picture_with_srcset_alone_is_shown() -> None:
    assert 'src="/small.jpg"' in article("<p>A</p><img srcset='/small.jpg 1x, /large.jpg 2x' alt='A boat'>")


@pytest.mark.parametrize(
    "written",
    [
        "2020-1-5",
        "2020/01/05",
        "2020.01.05",
        "January 5, 2020",
        "Jan 5 2020",
        "5 January 2020",
        "2020-01-05 00:00:00 +0000 UTC",
        "2020-01-05 02:00:00 +0200",
        "Sun, 05 Jan 2020 00:00:00 GMT",
        "2020-01-05T00:00:00.000000000Z",
    ],
)
def test_a_date_may_be_written_as_hugo_and_jekyll_take_it(written: str) -> None:
    assert page("x", front=f"title: A\ndate: {written}").date == datetime(2020, 1, 5, tzinfo=UTC)


def test_a_date_that_reads_two_ways_is_refused() -> None:
    with pytest.raises(ContentError, match="05/03/2020"):
        page("x", front="title: A\ndate: 05/03/2020")


def test_keys_that_an_archetype_left_empty_are_as_if_not_there_but_an_empty_draft_is_refused() -> None:
    empty = "weight:\ndate:\ndescription:\ntags:\nslug:\nurl:\nnext:\nlang:\nid:\nsidebarlogo:\ninclude_footer:"
    assert page("x", front=f"title: A\n{empty}").id == "knots"
    with pytest.raises(ContentError, match="draft"):
        page("x", front="title: A\ndraft:")


def test_published_false_is_a_draft_as_in_jekyll_and_hugo() -> None:
    assert page("x", front="title: A\npublished: false").draft
    assert not page("x", front="title: A\npublished: true").draft
    with pytest.raises(ContentError, match="published"):
        page("x", front="title: A\npublished: 'false'")


def test_short_french_in_windows_1252_is_not_taken_for_polish() -> None:
    text = "---\ntitle: Café crème\n---\nDéjà vu, naïve façade über\n"
    assert decode(text.encode("cp1252"), "a.md").text == text


def test_a_link_to_itself_is_a_page_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "boats").mkdir()
    (tmp_path / "boats" / "loop.md").symlink_to("loop.md")
    assert [finding.path for finding in read_series(tmp_path, "boats").broken] == ["boats/loop.md"]


@pytest.mark.parametrize("name", [b"b\xff\xfe.md", b"two\nlines.md", b"red\x1b[31m.md"])
def test_a_file_name_that_cannot_be_shown_is_named_and_harms_no_other_page(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "boats").mkdir()
    (tmp_path / "boats" / "a.md").write_text("---\ntitle: A\n---\nText.\n")
    Path(os.fsdecode(os.fsencode(tmp_path / "boats") + b"/" + name)).write_text("---\ntitle: B\n---\nText.\n")
    series = read_series(tmp_path, "boats")
    assert [one.slug for one in series.pages] == ["a"]
    assert [finding.path.isascii() and finding.path.isprintable() for finding in series.broken] == [True]


def test_a_page_in_utf16_of_another_system_is_read() -> None:
    assert parse_page("---\r\ntitle: Å\r\n---\r\nText\r\n".encode("utf-16"), path="b/a.md", series="b").title == "Å"


def test_a_page_without_anything_to_read_is_warned_about() -> None:
    assert codes("") == ["page-empty"]
    assert codes("<script>alert(1)</script><!-- nothing -->") == ["page-empty"]
    assert codes("<img src='/boat.jpg' alt='A boat'>") == []


def test_a_title_from_an_export_is_read_as_its_reader_would() -> None:
    read = page("x", front='title: "Tom &amp; Jerry&#8217;s day"\ndescription: "R&amp;D &lt;3"')
    assert (read.title, read.description) == ("Tom & Jerry’s day", "R&D <3")
    assert page("x", front="title: AT&T &copyright").title == "AT&T &copyright"


def test_a_title_of_nothing_visible_is_none() -> None:
    with pytest.raises(ContentError, match="no title"):
        page("x", front='title: "\\u200b"')


def test_pages_of_one_name_in_two_folders_are_two_pages(tmp_path: Path) -> None:
    for name in ("boats/rope/intro.md", "boats/sails/intro.md", "boats/sails/reef/index.md", "boats/intro.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"---\ntitle: {name}\n---\nText.\n")
    series = read_series(tmp_path, "boats")
    assert not series.broken
    assert sorted(one.id for one in series.pages) == ["intro", "rope-intro", "sails-intro", "sails-reef"]


@pytest.mark.parametrize("said", ["{: .notice--info}", "{:toc}", "{.class #id}", "{: .a target='_blank'}"])
def test_attributes_of_a_block_are_not_text(said: str) -> None:
    assert article(f"Text.\n{said}\n\nMore.") == "<p>Text.</p>\n<p>More.</p>"
    assert "{" not in article(f"Text.\n\n## Part {{: #part}}\n\n* TOC\n{said}\n")
    assert said.split()[0] in article(f"```\nx\n{said}\n```")


def test_lines_stay_right_behind_attributes() -> None:
    assert '<p data-line="7">More.' in page("* TOC\n{:toc}\n\nMore.").article


def test_footnotes_are_numbers_without_links_that_lead_out_of_the_mail() -> None:
    text = article("One[^a] and two[^b].\n\n[^a]: First.\n[^b]: Second.")
    assert "One<sup>[1]</sup> and two<sup>[2]</sup>." in text
    assert "First." in text and "Second." in text
    assert "href" not in text and "↩" not in text


def test_an_instagram_shortcode_with_more_words_links_to_its_picture() -> None:
    assert "instagram.com/p/BWNjjyYFxVx/" in article("A\n\n{{< instagram BWNjjyYFxVx hidecaption >}}")
    assert "github.com/ann/2392" in article("A\n\n{{< gist ann 2392 >}}")


def test_shortcodes_of_wordpress_are_no_text_and_what_they_frame_stays() -> None:
    text = article('[caption id="a" width="300"]<img src="/boat.jpg" alt="A boat"> Off Brest[/caption]\n\nText.')
    assert "Off Brest" in text and 'src="/boat.jpg"' in text and "caption" not in text
    assert article("A [vc_row][vc_column width='1/2']Inside[/vc_column][/vc_row] B") == "<p>A Inside B</p>"
    assert codes('A\n\n[gallery ids="1,2"]') == ["shortcode-removed"]


def test_a_markdown_link_called_video_stays_a_link() -> None:
    assert 'href="/v"' in article("See the [video].\n\n[video]: /v")
    assert 'href="/v"' in article("See the [video](/v) or [gallery][g].\n\n[g]: /g")


@pytest.mark.parametrize("attribute", ["hidden", "style='color: red; display : none'"])
def test_what_the_site_hides_is_not_mailed_and_said_so(attribute: str) -> None:
    assert article(f"<p>A</p><div {attribute}><p>Secret <b>words</b></p></div><p>B</p>") == "<p>A</p>\n<p>B</p>"
    assert codes(f"<p>A</p><div {attribute}><p>Secret</p></div>") == ["hidden-removed"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('<a href="https://a.example>here</a> and on', '<a href="https://a.example">here</a> and on'),
        (
            "<a href='https://a.example>here</a>, it's <a href='https://b.example'>there</a>",
            '<a href="https://a.example">here</a>, it\'s <a href="https://b.example">there</a>',
        ),
        ('<a href="https://a.example title="x">here</a>', '<a href="https://a.example" title="x">here</a>'),
        ('<a href=https://a.example">here</a>', '<a href="https://a.example">here</a>'),
        ("<a href=“https://a.example”>here</a>", '<a href="https://a.example">here</a>'),
        ("<a title='a captain's boat' href='/x'>here</a>", '<a title="a captain\'s boat" href="/x">here</a>'),
        ('<a title="the "big" boat" href="/x">here</a>', '<a title="the &quot;big&quot; boat" href="/x">here</a>'),
    ],
)
@pytest.mark.parametrize("path", ["boats/knots.md", "boats/knots.html"])
def test_a_quote_that_is_missing_or_one_too_many_swallows_nothing(written: str, read: str, path: str) -> None:
    found = page(f"<p>First.</p>\n\n<p>{written}</p>\n\n<p>“Last” <b class='x'>word</b>.</p>", path=path)
    assert plain(found.article) == f"<p>First.</p>\n<p>{read}</p>\n<p>“Last” <b>word</b>.</p>"
    (finding,) = found.findings
    assert (finding.code, finding.line) == ("quote-mended", 6)


@pytest.mark.parametrize(
    "written",
    [
        '<a href="/x" title="5 > 3 and 2 < 3">a</a>',
        '<a href="/x"title="y">a</a>',
        '<a href="/x"">a</a>',
        "<img width=\"9px\"; src=\"/a.png\" alt='alt'; alt='a boat';/>",
        '`<a href="x>` and <a href="/y">a</a>',
        "<pre>&lt;a <a href='/x'>b</a></pre>",
        '<!-- <a href="x> --><a href="/x">a</a>',
    ],
)
def test_what_is_only_unusual_is_not_called_a_missing_quote(written: str) -> None:
    assert "quote-mended" not in codes(f"<p>A</p>\n\nB {written} C\n\n<p>D</p>")


@pytest.mark.parametrize("indent", ["", "    "])
def test_code_in_a_fence_keeps_its_own_indentation_inside_open_html(indent: str) -> None:
    code = ["```python", "for knot in knots:", "    if knot:", "\ttie(knot)", "```"]
    body = "\n".join(["<div>", "<p>", "How:", "", *(f"{indent}{row}" for row in code), "", "Done.", "</p>", "</div>"])
    assert "for knot in knots:\n    if knot:\n\ttie(knot)</code>" in article(body)


def test_bullets_of_a_word_processor_are_a_list() -> None:
    body = (
        "<p>\nBefore you go:\n\n• fuel\n• ice,\n  and salt\n\n  ◦ coffee\n\n• • •\n\n`• code`\n\n```\n• kept\n```\n</p>"
    )
    found = article(body)
    assert found.count("<li>") == 3 and "<li>fuel</li>" in found.replace("<p>", "").replace("</p>", "")
    assert "• • •" in found and "• code" in found and "• kept" in found


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("www.boats.example", "https://www.boats.example"),
        ("WWW.boats.example/a?b=c", "https://WWW.boats.example/a?b=c"),
        ("crew@boats.example", "mailto:crew@boats.example"),
        ("www.html", "www.html"),
        ("boat@2x.png", "boat@2x.png"),
    ],
)
def test_an_address_without_its_scheme_is_no_file_of_this_site(written: str, meant: str) -> None:
    assert f'href="{meant}"' in article(f'<p><a href="{written}">A</a></p>')


@pytest.mark.parametrize(
    ("body", "blocks"),
    [
        ("<p>Build <i>something <b>new</b>. Ship it.<div>Well.</div></p>", ["<p>Build <i>something <b>new</b>. Ship it.</i></p>", "<p><i>Well.</i></p>"]),
        ("<p>One <b>two\n\nthree <div>four</div></p>", ["<p>One <b>two</b></p>", "<p><b>three</b></p>", "<p><b>four</b></p>"]),
        ("<p>One <b>two<br><br>three <div>four</div></p>", ["<p>One <b>two</b></p>", "<p><b>three</b></p>", "<p><b>four</b></p>"]),
        ("<div>One <b><div>two</div></b> three</div>", ["<p>One</p>", "<p><b>two</b></p>", "<p>three</p>"]),
    ],
)  # fmt: skip
def test_an_inline_element_around_blocks_does_not_break_the_line_it_begins_on(body: str, blocks: list[str]) -> None:
    assert article(body, "boats/knots.html").split("\n") == blocks
