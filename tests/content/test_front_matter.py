from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content.front_matter import read_front_matter
from newsletter.content.reader import parse_page
from newsletter.errors import ContentError

from .pages import page


def refused(text: str) -> ContentError:
    with pytest.raises(ContentError) as error:
        parse_page(text.encode(), path="boats/knots.md", series="boats")
    assert error.value.where == "boats/knots.md"
    assert error.value.remedy
    return error.value


def test_every_key_knows_its_line() -> None:
    front = read_front_matter("\n\n---  \ntitle: A\n\ntags:\n  - x\ndraft: false\n--- \nbody", "a.md")
    assert dict(front.lines) == {"title": 4, "tags": 6, "draft": 8}
    assert (front.body, front.body_line) == ("body", 10)


def test_toml_and_json_are_read_with_their_lines() -> None:
    toml = read_front_matter('+++\ntitle = "A"\n\nweight = 3\n[params]\nx = 1\n+++\nbody', "a.md")
    assert toml.values == {"title": "A", "weight": 3, "params": {"x": 1}}
    assert dict(toml.lines) == {"title": 2, "weight": 4}
    json = read_front_matter('{\n "title": "A",\n "draft": true\n}\nbody', "a.md")
    assert json.values == {"title": "A", "draft": True}
    assert dict(json.lines) == {"title": 2, "draft": 3}
    assert json.body_line == 5


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ntitle: A\ndraft:true\n---\nx", 3),
        ("---\ndraft:true\n---\nx", 2),
        ("---\ntitle: A\n draft:true\n---\nx", 3),
        ("---\ntitle: A\ndraft：true\n---\nx", 3),
        ('---\ntitle: A\ndraft: "true"\n---\nx', 3),
        ("---\ntitle: A\ndraft: 'no'\n---\nx", 3),
        ("---\ntitle: A\ndraft: 1\n---\nx", 3),
        ("---\ntitle: A\ndraft:\n---\nx", 3),
        ("---\ntitle: A\ndraft: [true]\n---\nx", 3),
        ("---\ntitle: A\ndrafft: true\n---\nx", 3),
        ("---\ntitle: A\ndraft: false\nDraft: true\n---\nx", 4),
        ("---\ntitle: A\ndraft: false\ndraft: true\n---\nx", 4),
        ('+++\ntitle = "A"\ndraft = "true"\n+++\nx', 3),
    ],
)
def test_a_page_that_may_be_a_draft_is_refused_with_its_line(text: str, line: int) -> None:
    assert refused(text).line == line


@pytest.mark.parametrize("word", ["true", "True", "yes", "on"])
def test_a_draft_is_a_draft_in_each_of_yamls_spellings(word: str) -> None:
    assert page("x", front=f"title: A\nDRAFT: {word}").draft


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ntitle: A\nx", 1),
        ("title: A\ndraft: true\n\nx", 1),
        ("\n ---\ntitle: A\n---\nx", 2),
        ("–––\ntitle: A\n–––\nx", 1),
        ("", 1),
        ("---\ntitle: A: B\n---\nx", 2),
        ("---\ntitle: A\n\tdraft: true\n---\nx", 3),
        ("---\ntitle: A\n7: x\n---\nx", 3),
        ("---\n- a\n- b\n---\nx", 2),
        ("---\ntitle: !!python/object:os.system x\n---\nx", 2),
        ("---\ntitle: [" + "[" * 500 + "\n---\nx", 2),
        ("---\ntitle: A\ndate: soon\n---\nx", 3),
        ("---\ntitle: A\nweight: heavy\n---\nx", 3),
        ("---\ntitle: A\nslug: ../../etc\n---\nx", 3),
        ("---\ntitle: A\ntags: {a: 1}\n---\nx", 3),
        ("---\ntitle: [A]\n---\nx", 2),
        ("---\ntitle: A\nurl: javascript:x()\n---\nx", 3),
        ("---\ntitle: A\nnext: 7\n---\nx", 3),
        ("---\ntitle: A\nlang: no language\n---\nx", 3),
        ("+++\ntitle = A\n+++\nx", 2),
        ('{"title": "A", "title": "B"}\nx', 1),
        ('{"title": "A"\nx', 2),
        ("---\ndescription: no title\n---\n\n", 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, line: int) -> None:
    assert refused(text).line == line


def test_a_mistake_is_named_in_plain_words() -> None:
    assert "blank is missing" in refused("---\ntitle: A\nweight:3\n---\nx").message
    assert "not in quotes" in refused("---\ntitle: A: B\n---\nx").message


def test_brackets_thirty_thousand_deep_are_refused_and_do_not_kill_the_process() -> None:
    assert "too deep" in refused("---\ntitle: A\nx: " + "[" * 30_000 + "\n---\nx").message


def test_known_keys_are_typed_and_unknown_ones_kept() -> None:
    read = page(
        "x",
        front=(
            "title: 'A  title'\ndescription: |\n  two\n  lines\nweight: 2\ndate: 2024-03-31\ntags: [a, b]\n"
            "lang: pt_BR\nnext: {href: sails, text: Sails}\ncolour: {main: blue}\nsidebarlogo: mark\nid: k1\nslug: bowline"
        ),
    )
    assert (read.title, read.description, read.weight) == ("A title", "two lines", 2)
    assert read.date == datetime(2024, 3, 31, tzinfo=UTC)
    assert (read.tags, read.lang, read.logo) == (("a", "b"), "pt-BR", "mark")
    assert (read.id, read.slug, read.url) == ("k1", "bowline", "/boats/bowline")
    assert read.next is not None
    assert (read.next.href, read.next.text, read.next.line) == ("sails", "Sails", 10)
    assert read.front_matter["colour"] == {"main": "blue"}
    assert read.keys["weight"] == 6


def test_a_title_can_smuggle_in_neither_lines_nor_control_characters() -> None:
    assert page("x", front='title: "A\\r\\nBcc: x\\0\\x07"').title == "A Bcc: x"


def test_a_page_without_title_takes_its_first_heading_and_says_so() -> None:
    read = page("# Splices\n\nText.", front="weight: 1")
    assert read.title == "Splices"
    assert [finding.code for finding in read.findings] == ["title-missing"]


@given(st.text(alphabet="-+{}[]:=#'\"! \n\tadefrtl01&*|>%?,\\", max_size=120))
def test_no_front_matter_makes_a_traceback(header: str) -> None:
    for text in (f"---\n{header}\n---\nx", f"+++\n{header}\n+++\nx", "{" + header, header):
        try:
            read = parse_page(text.encode(), path="a/b.md", series="a")
        except ContentError as error:
            assert error.where == "a/b.md"
        else:
            assert read.title


@pytest.mark.parametrize(("written", "weight"), [('"10"', 10), ("008", 8), ("'-3'", -3), ("017", 15), ("5", 5)])
def test_a_weight_may_stand_in_quotes_or_begin_with_zeros(written: str, weight: int) -> None:
    """As Hugo reads it, which takes `017` for an octal number too (YAML 1.1)."""
    assert page("<p>x</p>", front=f"title: A\nweight: {written}").weight == weight


@pytest.mark.parametrize("title", ["2024-05-06", "1984"])
def test_a_title_may_be_a_date_or_a_number(title: str) -> None:
    """YAML reads both as something other than text; the author meant the words that stand there."""
    assert page("<p>x</p>", front=f"title: {title}").title == title
