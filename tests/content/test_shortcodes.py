from __future__ import annotations

import pytest

from .pages import page, plain


def article(body: str, front: str = "title: Knots") -> str:
    return plain(page("Text.\n\n" + body, front=front).article).removeprefix("<p>Text.</p>").strip()


def test_a_figure_becomes_a_figure_with_its_caption() -> None:
    figure = article(
        '{{< figure src="/a.jpg" alt="A boat" caption="Off *shore*" link="https://b.example" width=300 >}}'
    )
    assert figure == (
        '<figure><a href="https://b.example"><img src="/a.jpg" alt="A boat" width="300"/></a>'
        "<figcaption>Off <em>shore</em></figcaption></figure>"
    )


def test_a_video_becomes_a_linked_picture_and_text_after_it_is_still_markdown() -> None:
    video = article("{{< youtube dQw4w9WgXcQ >}}\nThen **read** on.")
    assert 'href="https://www.youtube.com/watch?v=dQw4w9WgXcQ"' in video
    assert "<img " in video
    assert video.endswith("<p>Then <strong>read</strong> on.</p>")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ('{{< ref "sails.md" >}}', "/boats/sails"),
        ('{{% relref "sails.md#jib" %}}', "/boats/sails#jib"),
        ('{{< ref "/bakers/rye.md" >}}', "/bakers/rye"),
        ('{{< relref path="_index.md" >}}', "/boats"),
        ('{{< ref "../bakers/rye" >}}', "/bakers/rye"),
    ],
)
def test_references_become_paths_of_the_site(written: str, address: str) -> None:
    assert article(f"[on]({written})") == f'<p><a href="{address}">on</a></p>'
    assert article(f"<a href='{written}'>on</a>") == f'<p><a href="{address}">on</a></p>'


def test_highlight_becomes_code_as_written() -> None:
    assert article("{{< highlight python >}}\nif a < b:\n\n    go()\n{{< /highlight >}}") == (
        "<pre><code>if a &lt; b:\n\n    go()</code></pre>"
    )


def test_a_parameter_is_looked_up_in_the_front_matter() -> None:
    assert article('By {{< param "author.name" >}}.', "title: A\nauthor: {name: <Ann>}") == "<p>By &lt;Ann&gt;.</p>"


def test_an_unknown_shortcode_is_removed_and_named_with_its_line_and_the_text_in_a_pair_stays() -> None:
    read = page('One {{< spin speed="9" >}}.\n\n{{% note %}}\nKeep *this*.\n{{% /note %}}\n')
    assert plain(read.article) == "<p>One .</p>\n<p>Keep <em>this</em>.</p>"
    assert [(finding.line, finding.path) for finding in read.findings] == [(4, "boats/knots.md"), (6, "boats/knots.md")]
    assert "'spin'" in read.findings[0].message


def test_a_shortcode_that_is_only_written_about_is_shown_and_not_run() -> None:
    assert article('A `{{</* figure src="x" */>}}` B').endswith('{&lt; figure src="x" &gt;}}</code> B</p>')
    shown = article("A {{%/* note */%}} B")
    assert shown.replace("\u2060", "") == "<p>A {{% note %}} B</p>"
    assert "{{" not in shown


def test_torn_shortcodes_never_reach_the_article() -> None:
    assert article("A {{{{< x >}}< y >}}B").startswith("<p>A")
    read = page("Before.\n\nText {{< figure src=\n\nAfter.")
    assert "{{" not in read.article
    assert plain(read.article).endswith("<p>After.</p>")
    assert any(finding.code == "shortcode-torn" and finding.line == 6 for finding in read.findings)


def test_a_shortcode_over_several_lines_does_not_shift_the_lines_below() -> None:
    read = page('First.\n\n{{< figure\n  src="/a.jpg"\n  alt="A"\n>}}\n\nLast.')
    assert '<p data-line="11">Last.</p>' in read.article
