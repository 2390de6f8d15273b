from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.compose.article import read_article
from newsletter.compose.plain_text import LinkList, columns, plain_text, underlined, wrapped


def text_of(article: str, width: int = 72) -> str:
    return plain_text(read_article(article), LinkList(), width)


def test_paragraphs_are_wrapped_at_72_columns_and_parted_by_a_blank_line() -> None:
    text = text_of(f"<p>{'word ' * 40}</p><p>End.</p>")
    assert max(map(len, text.split("\n"))) <= 72
    assert text.endswith("\n\nEnd.")


def test_white_space_is_as_a_browser_shows_it() -> None:
    assert text_of("<p>\n  one\n\n   two <b> three</b>\n</p>\n <p> </p>") == "one two three"


def test_a_line_break_is_one() -> None:
    assert text_of("<p>one<br/>two<br/><br/>three</p>") == "one\ntwo\n\nthree"


def test_links_are_numbered_once_and_listed() -> None:
    links = LinkList()
    root = read_article(
        '<p><a href="https://a/">first</a>, <a href="https://b/">second</a>, <a href="https://a/">again</a></p>'
    )
    assert plain_text(root, links) == "first [1], second [2], again [1]"
    assert links.addresses == ["https://a/", "https://b/"]


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ('<a href="https://example.com/">https://example.com</a>', "https://example.com/"),
        ('<a href="https://www.example.com/x">example.com/x</a>', "https://www.example.com/x"),
        ('<a href="mailto:a@example.com">a@example.com</a>', "a@example.com"),
        ('<a href="tel:+123">+123</a>', "+123"),
        ('<a href="https://example.com/x"></a>', "https://example.com/x"),
        ("<a>no address</a>", "no address"),
    ],
)
def test_a_link_that_is_its_own_text_is_written_once(link: str, text: str) -> None:
    assert text_of(f"<p>{link}</p>") == text


def test_the_number_of_a_link_stays_with_its_text() -> None:
    text = text_of(f'<p>{"x" * 66} <a href="https://a/">link</a></p>')
    assert text.split("\n")[1] == "link [1]"


def test_headings_are_underlined_as_long_as_they_are() -> None:
    assert text_of("<h2>Knots</h2><h3>Three</h3>") == "Knots\n-----\n\nThree\n~~~~~"
    assert underlined("日本", "=") == "日本\n===="


def test_lists_are_marked_and_nested_ones_indented() -> None:
    article = '<ul><li>one</li><li>two<ol start="9"><li>nine</li><li>ten</li></ol></li><li></li></ul>'
    assert text_of(article) == "- one\n- two\n  9. nine\n  10. ten"


def test_a_long_item_hangs_behind_its_mark() -> None:
    assert text_of(f"<ol><li>{'word ' * 20}</li></ol>", 40).split("\n")[1].startswith("   word")


def test_quotations_are_marked() -> None:
    assert text_of("<blockquote><p>one</p><p>two</p></blockquote>") == "> one\n>\n> two"


def test_terms_stand_above_their_explanations() -> None:
    article = "<dl><dt>Bight</dt><dd>A loop.</dd><dt>End</dt><dd>One.</dd><dd>Two.</dd></dl>"
    assert text_of(article) == "Bight\n    A loop.\n\nEnd\n    One.\n    Two."


def test_a_table_for_layout_is_read_cell_by_cell() -> None:
    article = "<table><tr><td><p>One</p><ul><li>Two</li></ul></td></tr><tr><td>Three</td></tr></table>"
    assert text_of(article) == "One\n\n- Two\n\nThree"


def test_code_stays_as_it_is() -> None:
    assert text_of("<pre><code>if x:\n    y  # z\n</code></pre>") == "    if x:\n        y  # z"


def test_a_table_that_fits_is_set_in_columns() -> None:
    article = "<table><tr><th>Knot</th><th>Use</th></tr><tr><td>Bowline</td><td>a loop</td></tr></table>"
    assert text_of(article) == "Knot    | Use\n--------+-------\nBowline | a loop"


def test_a_table_that_does_not_fit_names_each_cell() -> None:
    long = "word " * 12
    article = f"<table><tr><th>A</th><th>B</th></tr><tr><td>{long}</td><td>{long}</td></tr></table>"
    text = text_of(article)
    assert text.startswith("A: word")
    assert "\nB: word" in text
    assert max(map(len, text.split("\n"))) <= 72


def test_pictures_are_named_and_decorative_ones_are_not() -> None:
    assert (
        text_of('<figure><img src="x" alt="A boat"/><figcaption>Fig. 1</figcaption></figure>') == "[A boat]\n\nFig. 1"
    )
    assert text_of('<p>a <img src="x" alt=""/> b</p>') == "a b"


def test_a_long_word_is_not_torn() -> None:
    address = "https://example.com/" + "x" * 90
    assert address in text_of(f"<p>See {address} now</p>").split("\n")


def test_scripts_without_blanks_are_wrapped_and_keep_their_stops() -> None:
    lines = text_of(f"<p>{'日本語の文章、' * 20}</p>").split("\n")
    assert max(map(columns, lines)) <= 73
    assert not [line for line in lines if line.startswith("、")]


def test_emoji_of_several_parts_are_not_torn() -> None:
    family = "👩‍👩‍👧‍👦"
    assert text_of(f"<p>{' '.join([family] * 40)}</p>").replace("\n", " ").split(" ") == [family] * 40


def test_a_line_begins_as_asked() -> None:
    assert wrapped("one two three", 9, indent="  ", first="- ") == "- one two\n  three"


@given(st.text(max_size=300), st.integers(10, 80))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    assert "".join(wrapped(text, width).split()) == "".join(text.split())


TAGS = [
    "p",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "th",
    "blockquote",
    "h2",
    "a",
    "b",
    "pre",
    "div",
    "figure",
    "dl",
    "dt",
    "dd",
]
TREES = st.recursive(
    st.sampled_from(["word", " ", "<br/>", "<hr/>", '<img src="x" alt="y"/>']),
    lambda inner: st.builds(
        lambda tag, children: f'<{tag} href="https://x/">{"".join(children)}</{tag}>',
        st.sampled_from(TAGS),
        st.lists(inner, max_size=4),
    ),
    max_leaves=25,
)


@given(TREES)
def test_no_word_of_any_article_is_lost(article: str) -> None:
    assert text_of(article).count("word") == article.count("word")
