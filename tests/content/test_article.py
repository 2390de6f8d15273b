from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.content.reader import parse_page
from newsletter.errors import ContentError

from .pages import FOOTER, MESSY, page, plain, tree


def article(body: str, *, path: str = "boats/knots.md") -> str:
    return plain(page(body, path=path).article)


@pytest.mark.parametrize(
    ("written", "repaired"),
    [
        ("<p>\nOne.\n\nTwo.\n  \n\nThree.\n</p>", "<p>One.</p>\n<p>Two.</p>\n<p>Three.</p>"),
        ("<p>One.<br><br/>Two.<br>Still two.<br></p>", "<p>One.</p>\n<p>Two.<br/>Still two.</p>"),
        ("<p>One.<div>Two.</div>Three.</p>", "<p>One.</p>\n<p>Two.</p>\n<p>Three.</p>"),
        ("<p>An <a href=https://a.example>unclosed link</p><p>Two.</p>",
         '<p>An <a href="https://a.example">unclosed link</a></p>\n<p>Two.</p>'),
        ('<a href="x"><div>One.</div><div>Two.</div></a>', '<p><a href="x">One.</a></p>\n<p><a href="x">Two.</a></p>'),
        ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<li>a</li><li>b</li>", "<ul><li>a</li><li>b</li></ul>"),
        ("<ul>a<ul><li>b</ul></ul>", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
        ("<center>Hi</center>", '<p style="text-align: center">Hi</p>'),
        ('<font color="#c00">Hi</font>', '<p><span style="color: #c00">Hi</span></p>'),
        ("<p>&nbsp;</p><p></p><p>A</p>", "<p>A</p>"),
        ("<h1>Other</h1>\n\n## Deeper", "<h2>Other</h2>\n<h3>Deeper</h3>"),
        ("<table><tr><td><table><tr><td>A</td></tr></table></td><td>B</td></tr></table>", "<p>A</p>\n<p>B</p>"),
        ("<table><tr><th>Y<th>N<tr><td>1<td>2</table>",
         "<table><thead><tr><th>Y</th><th>N</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"),
        ("<hr><p>A</p><hr><p>B</p>\n\n---\n", "<p>A</p>\n<hr/>\n<p>B</p>"),
        ("<blockquote>Said.</blockquote>", "<blockquote><p>Said.</p></blockquote>"),
        ("<o:p>Word</o:p> <xyz>left</xyz> this.", "<p>Word left this.</p>"),
        ("<details><summary>More</summary>Hidden.</details>", "<p><b>More</b></p>\n<p>Hidden.</p>"),
    ],
)  # fmt: skip
def test_messy_html_becomes_what_its_author_meant(written: str, repaired: str) -> None:
    assert article(written) == repaired


@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        "<p onclick='x()'>A</p>",
        "<a href='javascript:x()'>A</a>",
        "<a href='jav&#10;ascript&colon;x()'>A</a>",
        "<a href='  JaVaScRiPt:x()'>A</a>",
        "<a href='data:text/html,<script>x</script>'>A</a>",
        "<img src=x onerror=x()>",
        "<svg onload=x()><script>x()</script></svg>",
        "<style>@import url(evil)</style>",
        "<p style='background:url(javascript:x)'>A</p>",
        "<iframe src='javascript:x()'></iframe>",
        "<math><mtext><script>x()</script></mtext></math>",
        "<form action=x><input value=x></form>",
        "<!-- [if IE]> <script>x()</script> <![endif] -->",
        "<a href=x <script>x()</script>",
        "<plaintext><script>x()</script>",
        "<base href='https://evil.example'>",
    ],
)
def test_nothing_that_runs_survives(written: str) -> None:
    found = page("Text.\n\n" + written).article
    assert not re.search(r"<script|javascript:|<style|url\(|<iframe|<form|<svg|<base|\son\w+=", found.lower())
    tree(found)


def test_what_readers_of_the_site_saw_is_not_removed_in_silence() -> None:
    read = page(
        '<iframe src="https://v.example/7" title="A film"></iframe>\n\n<svg></svg>\n\n<a href="javascript:x()">A</a>'
    )
    assert [(finding.code, finding.line) for finding in read.findings] == [
        ("link-removed", 8),
        ("element-linked", 4),
        ("element-removed", 6),
    ]
    assert '<a href="https://v.example/7">A film</a>' in plain(read.article)


def test_the_useful_one_of_doubled_attributes_wins() -> None:
    assert article("Text.\n\n<img src=a.png alt='alt'; alt='A bowline'; alt=''>") == (
        '<p>Text.</p>\n<p><img src="a.png" alt="A bowline"/></p>'
    )


@pytest.mark.parametrize(
    ("written", "width"),
    [('width="500px";', "500"), ("style='width: 90%;height:9px'", "90%"), ("width=300 style='width:20em'", "300")],
)
def test_shown_widths_are_understood(written: str, width: str) -> None:
    assert f'width="{width}"' in article(f"Text.\n\n<img src=a.png {written}>")


def test_indented_html_is_html_and_indented_code_is_code() -> None:
    assert article("Text with *stars*.\n\n<div>\n\n    <p>One.</p>\n\n    <p>Two.</p>\n\n</div>\n\n    code <p>\n") == (
        "<p>Text with <em>stars</em>.</p>\n<p>One.</p>\n<p>Two.</p>\n<pre><code>code &lt;p&gt;</code></pre>"
    )


def test_a_page_of_indented_html_is_no_code() -> None:
    assert article("    <p>One.</p>\n\n    <p>Two.</p>\n") == "<p>One.</p>\n<p>Two.</p>"


def test_html_files_are_not_read_as_markdown() -> None:
    assert article("<p>2 * 3 * 4\n\n    _kept_</p>", path="boats/knots.html") == "<p>2 * 3 * 4</p>\n<p>_kept_</p>"


def test_markdown_between_and_inside_html_is_rendered() -> None:
    assert article("<p>\nFirst.\n\nSecond is **bold**.\n\n</p>\n\n* a\n* b\n\n| x | y |\n|---|---|\n| 1 | 2 |\n") == (
        "<p>First.</p>\n<p>Second is <strong>bold</strong>.</p>\n<ul><li>a</li><li>b</li></ul>\n"
        "<table><thead><tr><th>x</th><th>y</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
    )


def test_heading_attributes_of_hugo_are_not_shown() -> None:
    assert article("## Splices {#knots .wide}\n\nText.") == "<h2>Splices</h2>\n<p>Text.</p>"


def test_merge_expressions_pass_through_markdown_and_html_as_written() -> None:
    body = (
        'Dear **{{ first_name | default("friend", true) }}**, [see]({{ url }}) '
        "<a href=\"{{ x | default('a>b') }}\">it</a>.\n\n{% if company %}\n\nAt {{ company }}.\n\n{% endif %}\n"
    )
    root = tree(page(body).article)
    assert "".join(root.itertext()).split("\n") == [
        'Dear {{ first_name | default("friend", true) }}, see it.',
        "{% if company %}",
        "At {{ company }}.",
        "{% endif %}",
    ]
    assert [link.get("href") for link in root.iter("a")] == ["{{ url }}", "{{ x | default('a>b') }}"]
    assert [child.tag for child in root] == ["p", "p"]


@pytest.mark.parametrize(
    "written", ["a {{ b", "&#123;&#123; x }}", "{<b>{</b> x }}", "{% if", "{&#37; x %}", "{# x #}"]
)
def test_what_only_looks_like_a_template_is_made_harmless(written: str) -> None:
    assert not re.search(r"\{[{%#]", "".join(tree(article(written)).itertext()))


def test_an_expression_where_nothing_is_mailed_is_reported() -> None:
    read = page("Text.\n\n<p {{ x }}>A</p>")
    assert [(finding.code, finding.line) for finding in read.findings] == [("merge-lost", 6)]


def test_every_element_knows_the_line_it_came_from() -> None:
    read = parse_page(MESSY.encode(), path="boats/knots.md", series="boats")
    assert [(block.get("data-line"), block.text) for block in tree(read.article)] == [
        ("11", "The first knot holds."),
        ("13", "The second one slips."),
    ]
    assert read.next is not None
    assert read.next.line == 16
    lines = tree(page("A\n*b*\n<i>c</i>\n\n* d\n* [e](f)\n").article)
    assert [(element.tag, element.get("data-line")) for element in lines.iter() if element.get("data-line")] == [
        ("p", "4"), ("em", "5"), ("i", "6"), ("ul", "8"), ("li", "8"), ("li", "9"), ("a", "9"),
    ]  # fmt: skip


def test_html_nested_too_deep_is_refused_not_cut_off() -> None:
    with pytest.raises(ContentError, match="levels deep"):
        page("<div>" * 300 + "x")


PIECES = [
    "<p>", "</p>", "<table>", "</table>", "<tr>", "<td>", "</td>", "<a href=x>", "</a>", "<figure>", "</figure>",
    "<figcaption>", "<img src=x>", "<img src='{{ x }}'>", "{{ a }}", "{% if x %}", "{% endif %}", "{{< x >}}", "{{%",
    "{{<", "%}}", ">}}", "{{", "{%", "{#", "<script>", "</script>", "onclick='x'", "<svg onload=x>", "\n\n", "\n",
    "    ", "**", "```", "<!--", "-->", '"', "'", "&#1;", "&#123;{ x }}", "&lt;script&gt;", "<a href='jav\nascript:x'>",
    "next: ", "<br><br>", "<ul>", "<li>", "</ul>", "<h1>", "<blockquote>", "<b>", "</b>", "<pre>", "</pre>",
    "<a href='/u/x'>next: x</a>", "---\n", "\x00", "😀", "<o:p>", "<textarea>", "<plaintext>", "<noscript>",
    "<frameset>", "</body>", "<title>", "<![CDATA[", "]]>", "<?php x ?>", "<span style='color:red'>", "<dl><dt>",
    "[x](y)", "![a](b)", "| a | b |\n|---|---|\n", "[^1]", "\n[^1]: n", "# h {#id}", "<a {{ x }}>", "<{{ x }}>", "<hr>",
    "<div>", "</div>", "<caption>", "<th>", FOOTER, "text", " ",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(["boats/a.md", "boats/a.html"]))
def test_no_body_makes_a_traceback_or_leaves_anything_unbalanced_or_running(pieces: list[str], path: str) -> None:
    try:
        read = page("".join(pieces), path=path)
    except ContentError:
        return
    root = tree(read.article)
    tree(read.hero.caption if read.hero else "")
    for block in root:
        assert block.tag not in ("a", "b", "span", "img", "br", "div", "tr", "td", "li")
        assert "{{<" not in "".join(block.itertext())
        assert "{{%" not in "".join(block.itertext())
    for element in root.iterdescendants():
        assert element.tag not in ("script", "style", "iframe", "form", "svg", "textarea")
        assert element.get("data-line", "").isdigit()
        assert not any(name.startswith("on") for name in element.attrib)
        assert not any(value.lower().startswith(("javascript", "data:")) for value in element.attrib.values())
        if element.tag == "p":
            assert not {child.tag for child in element.iterdescendants()} & {"p", "table", "ul", "h1", "h2", "pre"}


def test_braces_in_code_are_shown_and_merge_nothing() -> None:
    body = (
        "Hi {{ name }}, write `{{ .Title }}`:\n\n```go\n{{ range .Pages }} {% x %} ${{ y }}\n```\n\n<pre>{{ z }}</pre>"
    )
    assert article(body).replace("{{ '{' }}", "OPEN") == (
        "<p>Hi {{ name }}, write <code>OPEN{ .Title }}</code>:</p>\n"
        "<pre><code>OPEN{ range .Pages }} OPEN% x %} $OPEN{ y }}</code></pre>\n"
        "<pre>OPEN{ z }}</pre>"
    )


def test_fenced_code_and_tables_know_their_lines() -> None:
    found = page("One.\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n").article
    lines = {element: int(line) for element, line in re.findall(r'<(p|table|pre) data-line="(\d+)"', found)}
    assert lines["table"] - lines["p"] == 2
    assert lines["pre"] - lines["p"] == 6


def test_a_ground_in_short_is_kept_like_one_in_full() -> None:
    short = article("<p><a href='https://a.example' style='background: yellow; color: #111'>Go</a></p>")
    assert "background-color: yellow; color: #111" in short
    assert "background" not in article("<p style='background: url(https://a.example/x.png) no-repeat'>A</p>")


def test_light_letters_take_the_ground_of_a_cell_that_goes_along() -> None:
    button = "<table><tr><td style='background:#2199e8'><a href='https://a.example' style='color:#fefefe'>Go</a></td></tr></table>"
    assert "color: #fefefe; background-color: #2199e8" in article(button)
    wrapped = "<center bgcolor='#222222'><p style='color:#fff'>Go</p><p style='color:#900'>Stay</p></center>"
    assert "color: #fff; background-color: #222222" in article(wrapped)
    assert '<p style="color: #900">Stay' in article(wrapped)
