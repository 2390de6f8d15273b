from __future__ import annotations

from lxml import etree

from newsletter.compose.inlining import inline


def inlined(markup: str, css: str) -> str:
    tree = etree.fromstring(markup)
    inline(tree, css)
    return etree.tostring(tree, encoding="unicode")


def test_rules_become_style_attributes_and_the_authors_own_win() -> None:
    css = "p { color: #111111; margin: 0 } div > p:first-child { font-size: 19px }"
    assert inlined('<div><p style="color:#222222">a</p><p>b</p></div>', css) == (
        '<div><p style="color:#222222; margin:0; font-size:19px">a</p><p style="color:#111111; margin:0">b</p></div>'
    )


def test_the_size_of_a_picture_stays_its_own() -> None:
    html = inlined('<p><img width="160" height="90"/></p>', "img { width: 100%; height: auto }")
    assert 'width="160" height="90"' in html


def test_colours_keep_six_digits() -> None:
    assert "#ffffff" in inlined("<p>a</p>", "p { background-color: #ffffff }")


def test_what_cant_be_inlined_is_left_out() -> None:
    assert inlined("<p>a</p>", "@media print { p { color: #000000 } } p:hover { color: #000000 }") == "<p>a</p>"


def test_another_sheet_gives_another_look() -> None:
    assert inlined("<p>a</p>", "p { color: #111111 }") != inlined("<p>a</p>", "p { color: #222222 }")
