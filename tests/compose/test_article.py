from __future__ import annotations

import pytest

from newsletter.compose.addresses import Site
from newsletter.compose.article import paragraphs_of, prepare, read_article, styled
from newsletter.compose.pictures import ShownPicture
from newsletter.content.page import Picture

SITE = Site("https://workdojos.com", "/captains/knots/")
ASKED: list[Picture] = []


def show(picture: Picture, column: int) -> ShownPicture:
    ASKED.append(picture)
    return ShownPicture("" if "broken" in picture.src else picture.src, picture.alt or "", 100, 50)


def prepared(article: str, title: str = "Title", css: str = "", *, trace: bool = False) -> str:
    root = read_article(article)
    prepare(root, title, SITE, show, 528)
    return styled(root, css, trace=trace).removeprefix("<div>").removesuffix("</div>")


@pytest.mark.parametrize(
    ("article", "left"),
    [
        ("<p onclick='x' ONLOAD='y'>a</p>", "<p>a</p>"),
        ("<p>a<script>b</script>c</p>", "<p>ac</p>"),
        ("<style>b</style><p>a</p>", "<p>a</p>"),
        ("<p>a<!-- b -->c<?php d ?></p>", "<p>ac</p>"),
        ("<p id='x' class='y'>a</p>", "<p>a</p>"),
        ("<p><a href='javascript:x'>a</a></p>", "<p><a>a</a></p>"),
        ("<p><svg><a>b</a></svg>a</p>", "<p>a</p>"),
        ("<p>a<img src='broken' alt='b'/>c</p>", "<p>ac</p>"),
    ],
)
def test_what_does_harm_is_taken_out_and_the_text_stays(article: str, left: str) -> None:
    assert prepared(article) == left


def test_markup_that_is_not_well_formed_is_read_all_the_same() -> None:
    assert prepared("<p>a<b>b<p>c & d") == "<p>a<b>b</b></p><p>c &amp; d</p>"


def test_the_title_is_not_repeated_and_headings_start_below_it() -> None:
    assert prepared("<h1>the  TITLE</h1><h1>One</h1><h4>Two</h4><h2>Three</h2><h6>Four</h6>", "The title") == (
        "<h2>One</h2><h3>Two</h3><h2>Three</h2><h3>Four</h3>"
    )


def test_links_open_in_a_page_of_their_own_and_are_absolute() -> None:
    assert prepared('<a href="/x">y</a>') == '<a href="https://workdojos.com/x" target="_blank">y</a>'


@pytest.mark.parametrize(
    ("attributes", "width", "fraction"),
    [
        ('width="300"', 300, None),
        ('width="300px"', 300, None),
        ('width="50%"', None, 0.5),
        ('width="9" style="WIDTH: 40%"', None, 0.4),
        ('style="max-width: 40%"', None, None),
        ('width="0"', None, None),
        ('width="calc(1px)"', None, None),
        ('width="99999999999"', None, None),
        ("", None, None),
    ],
)
def test_the_width_a_picture_asks_for_is_read(attributes: str, width: int | None, fraction: float | None) -> None:
    ASKED.clear()
    prepared(f'<p><img src="/x.png" {attributes} data-line="7"/></p>')
    assert [(picture.width, picture.fraction, picture.line) for picture in ASKED] == [(width, fraction, 7)]


def test_a_table_scrolls_in_a_box_of_its_own() -> None:
    assert prepared('<p>a</p><table width="900"><tr><td>b</td></tr></table>tail') == (
        "<p>a</p><div><table><tr><td>b</td></tr></table></div>tail"
    )


def test_colours_of_the_author_are_marked_for_the_dark() -> None:
    assert prepared('<p><span style="background-color: #ffff00">a</span></p>') == (
        '<p><span style="background-color: #ffff00" class="tinted">a</span></p>'
    )


def test_lines_are_kept_only_when_traced() -> None:
    assert prepared('<p data-line="3">a</p>') == "<p>a</p>"
    assert prepared('<p data-line="3">a</p>', trace=True) == '<p data-line="3">a</p>'


def test_an_article_without_anything_is_fine() -> None:
    assert prepared("", css="p { color: #000000 }") == ""
    assert prepared("just text", css="p { color: #000000 }") == "just text"
    assert paragraphs_of(read_article("just text")) == []
