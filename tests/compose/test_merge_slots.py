from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment

from newsletter.compose.merge_slots import MergeSlots
from newsletter.errors import TemplateError

HTML = SandboxedEnvironment(autoescape=True, keep_trailing_newline=True)
HTML.filters |= {"href": lambda value: f"<{value}>", "url": lambda value: f"({value})"}
TEXT = SandboxedEnvironment(keep_trailing_newline=True)
TEXT.filters |= HTML.filters


def test_an_expression_passes_through_as_a_word_and_comes_back() -> None:
    slots = MergeSlots("page")
    masked = slots.mask("Hello {{ name|default('friend') }}!")
    assert masked.replace("Hello ", "").replace("!", "").isalnum()
    assert slots.text(masked) == "Hello {{ name|default('friend') }}!"


def test_an_expression_in_markup_is_read_with_its_entities() -> None:
    slots = MergeSlots("page")
    masked = slots.mask('<p title="{{ name|default(&quot;you&quot;) }}">{% if a &lt; 3 %}x{% endif %}</p>', markup=True)
    assert slots.html(masked) == '<p title="{{ name|default("you") }}">{% if a < 3 %}x{% endif %}</p>'


def test_addresses_get_the_filter_of_their_place() -> None:
    slots = MergeSlots("page")
    token = slots.open("link")
    html = f"<a href=\"{token}\" title='{token}'>{token}</a><a href='https://x/?q={token}&amp;r'>y</a><i style=\"color:{token}\">z</i>"
    assert slots.html(html) == (
        "<a href=\"{{ (link)|href }}\" title='{{ link }}'>{{ link }}</a>"
        "<a href='https://x/?q={{ (link)|url }}&amp;r'>y</a><i style=\"color:{{ (link)|url }}\">z</i>"
    )


def test_an_address_that_begins_with_an_expression_is_checked_as_a_whole() -> None:
    slots = MergeSlots("page")
    assert slots.html(f'<a href="{slots.open("site")}/x">y</a>') == '<a href="{{ (site)|href }}/x">y</a>'
    assert slots.html(f'<a href="{slots.open("a")}{slots.open("b")}">y</a>') == (
        '<a href="{{ (a)|url }}{{ (b)|url }}">y</a>'
    )


def test_an_address_in_plain_text_is_encoded_too() -> None:
    slots = MergeSlots("page")
    assert slots.text(f"See https://x/?q={slots.open('name')} and {slots.open('name')}") == (
        "See https://x/?q={{ (name)|url }} and {{ name }}"
    )


def test_text_that_looks_like_an_attribute_is_not_one() -> None:
    slots = MergeSlots("page")
    assert slots.html(f'<p>write href="{slots.open("x")}" here</p>') == '<p>write href="{{ x }}" here</p>'


def test_raw_text_stays_text() -> None:
    slots = MergeSlots("page")
    masked = slots.mask("{% raw %}Write {{ name }}.{% endraw %}")
    assert TEXT.from_string(slots.text(masked)).render() == "Write {{ name }}."


def test_capitals_of_a_template_do_no_harm() -> None:
    slots = MergeSlots("page")
    assert slots.text(slots.mask("Hello {{ name }}").upper()) == "HELLO {{ name }}"


def test_a_shortened_expression_is_an_error() -> None:
    slots = MergeSlots("page")
    with pytest.raises(TemplateError, match="in two"):
        slots.html(slots.mask("{{ name }}")[:-3])


@pytest.mark.parametrize(
    "expression",
    ["{{ first name }}", "{{ }}", "{{ 'open }}", "{% include 'x' %}", "{% macro x() %}", "{{ name|safe }}", "{{ name|nofilter }}"],
)  # fmt: skip
def test_what_is_no_merge_expression_is_an_error_with_its_place(expression: str) -> None:
    with pytest.raises(TemplateError) as caught:
        MergeSlots("page").mask(f'<p data-line="7">{expression}</p>', where="a/b.md", markup=True)
    assert caught.value.place == "a/b.md:7"
    assert caught.value.remedy


def test_statements_that_dont_fit_together_are_an_error() -> None:
    slots = MergeSlots("page")
    with pytest.raises(TemplateError, match="fit together"):
        slots.html(slots.mask("{% if a %}x"), where="a/b.md")


def test_two_expressions_cant_hide_in_one() -> None:
    with pytest.raises(TemplateError):
        MergeSlots("page").mask("{{ a }b}} {% raw %}{{ x }} }}{% endraw %} {{ a %}{{ b }}")


LITERALS = st.text(st.sampled_from("{}%#-+ \n\"'<>/=ab|"), max_size=40)


@given(st.lists(LITERALS, min_size=1, max_size=4))
def test_whatever_stands_around_slots_comes_out_as_it_went_in(literals: list[str]) -> None:
    slots = MergeSlots("page")
    token = slots.open("name")
    template = slots.html(token.join(literals))
    HTML.parse(template)
    rendered = HTML.from_string(template).render(name="N")
    # In an address the filters above wrap the value; where one stands is not what is tested here.
    assert rendered.replace("&lt;N&gt;", "N").replace("(N)", "N") == "N".join(literals)


@given(LITERALS)
def test_text_that_only_looks_like_a_template_comes_out_as_it_went_in(literal: str) -> None:
    slots = MergeSlots("page")
    assert TEXT.from_string(slots.text(literal)).render() == literal


@given(st.text(max_size=60))
def test_masking_raises_nothing_but_template_errors(text: str) -> None:
    slots = MergeSlots("page")
    for wrapped in (text, f"{{{{{text}}}}}", f"{{%{text}%}}"):
        try:
            slots.html(slots.mask(wrapped, markup=True))
        except TemplateError as error:
            assert error.message


@pytest.mark.parametrize(
    "written",
    [
        "{{ name.upper() }}",
        "{{ 'a' * 9 ** 9 }}",
        "{{ {'a': 1} }}",
        "{{ name|safe }}",
        "{{ name|pprint }}",
        "{{ self }}",
        "{{ __class__ }}",
        "{{ .Site.Title }}",
        "{% if name.upper() %}",
        "{% for a in b recursive %}",
        "{% set a %}",
        "{% include 'x' %}",
        "{% raw %}",
    ],
)
def test_what_a_mail_could_not_fill_is_refused_on_its_line(written: str) -> None:
    with pytest.raises(TemplateError) as caught:
        MergeSlots("page").mask(written, where="captains/knots.md", line=7)
    assert (caught.value.where, caught.value.line) == ("captains/knots.md", 7)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("article", "line"),
    [
        ("<p data-line='3'>{% if a %}</p><p data-line='4'>x</p>", 3),
        ("<p data-line='3'>x</p><p data-line='4'>{% endif %}</p>", 4),
        ("<p data-line='3'>{% if a %}</p><p data-line='4'>{% for b in c %}</p><p data-line='5'>{% endif %}</p>", 5),
    ],
)
def test_a_statement_without_its_partner_is_named_with_its_line(article: str, line: int) -> None:
    slots = MergeSlots("page")
    masked = slots.mask(article.replace("'", '"'), where="captains/knots.md", markup=True)
    with pytest.raises(TemplateError) as caught:
        slots.html(masked, where="captains/knots.md")
    assert caught.value.line == line
