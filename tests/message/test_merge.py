"""The merge language: both roads agree, values are only data, and nothing runs away."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.compose.merge_language import href, url_part
from newsletter.errors import TemplateError
from newsletter.message.builder import Message
from newsletter.message.merge import compile_template, merge, render
from newsletter.message.roads import Slot
from newsletter.message.slots import slots_used
from newsletter.message.values import merge_values
from newsletter.subscriber import Subscriber
from tests.message.samples import ADA, build, sample, values

VALUE = (
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False)
    | st.lists(st.text(max_size=5), max_size=3)
)
NAME = st.sampled_from(
    ["name", "first_name", "email", "company", "subscriber.company", "subscriber['company']", "site_name"]
)
FILTER = st.sampled_from(
    ["default('a & b')", "default('', true)", 'd("x")', "upper", "lower", "title", "capitalize", "trim", "url"]
)
EXPRESSION = st.builds(lambda name, filters: " | ".join([name, *filters]), NAME, st.lists(FILTER, max_size=3))
CONSTANT = st.text(st.sampled_from(" \n.=<é&'\"{a"), max_size=10).filter(
    lambda text: "{{" not in text and text[-1:] != "{"
)


def merged(template: str, subscriber: Subscriber = ADA, *, html: bool = True) -> str:
    return render(compile_template(template, html=html, where="unions/p-1"), subscriber, values())


def slots(template: str) -> list[Slot]:
    return [part for part in compile_template(template, html=True, where="x") if isinstance(part, Slot)]


@given(st.lists(st.tuples(CONSTANT, EXPRESSION), max_size=4), VALUE, st.text(max_size=20), st.booleans())
def test_both_roads_and_jinja_itself_give_the_same(
    pieces: list[tuple[str, str]], company: Any, name: str, html: bool
) -> None:
    subscriber = replace(ADA, name=name, attributes={"company": company})
    template = "".join(f"{constant}{{{{ {expression} }}}}" for constant, expression in pieces)
    assert all(slot.fast for slot in slots(template))
    slow = "".join(f"{constant}{{% if true %}}{{{{ {expression} }}}}{{% endif %}}" for constant, expression in pieces)
    assert not any(slot.fast for slot in slots(slow))
    try:
        expected = merged(template, subscriber, html=html)
    except TemplateError:
        with pytest.raises(TemplateError):
            merged(slow, subscriber, html=html)
        return
    assert merged(slow, subscriber, html=html) == expected
    jinja = ImmutableSandboxedEnvironment(autoescape=html, keep_trailing_newline=True)
    jinja.filters |= {"href": href, "url": url_part}
    assert jinja.from_string(template).render(merge_values(subscriber, values())) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ name }}", "Ada Lovelace"),
        ("{{ first_name }}", "Ada"),
        ("{{ email }} {{ lang }} {{ zone }}", "ada@example.com en Europe/London"),
        ("{{ company }}", "Engines &amp; Co"),
        ("{{ subscriber.company | upper }}", "ENGINES &amp; CO"),
        ("{{ plan | default('free') }}", "free"),
        ("{{ plan or 'free' }}", "free"),
        ("{% if plan %}a{% else %}b{% endif %}", "b"),
        ("{% if company and not plan %}a{% endif %}", "a"),
        ("{% if plan is defined %}a{% elif lang == 'en' %}b{% endif %}", "b"),
        ("{% for word in ['x', 'y'] %}{{ loop.index }}{{ word }}{% endfor %}", "1x2y"),
        ("{% set n = 2 %}{{ n * 3 + 1 }}{{ name }}", "7Ada Lovelace"),
        ("{{ first_name ~ ' & ' ~ 2 }}", "Ada &amp; 2"),
        ("{{ name[:3] }}{{ 3.14159 | round(2) }}", "Ada3.14"),
        ("{{ '{' }}{% raw %}{{ name }}{% endraw %}{# a comment #}", "{{{ name }}"),
        ("{{ postal_address }} {{ site_name }}", "1 Mill Lane, Leeds Work Dojos"),
        ("{{ company | truncate(6) }}", "Eng..."),
    ],
)
def test_what_authors_write(template: str, expected: str) -> None:
    assert merged(template) == expected


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", '" onload="x', "{{ email }}", "{% if %}", "</p>&lt;"])
def test_a_value_is_never_markup_or_template(value: str) -> None:
    html = merged('<p title="{{ company }}">{{ company }}</p>', replace(ADA, attributes={"company": value}))
    assert "<script>" not in html
    assert 'onload="' not in html
    assert "ada@example.com" not in html
    assert merged("{{ company }}", replace(ADA, attributes={"company": value}), html=False) == value


@pytest.mark.parametrize("missing", [{}, {"company": None}, {"company": ""}])
@pytest.mark.parametrize(
    "template",
    [
        "{{ company }}",
        "{{ company | upper }}",
        "{% if true %}{{ subscriber.company }}{% endif %}",
        "{{ company == 1 }}",
    ],
)
def test_a_missing_value_names_page_expression_and_subscriber(missing: dict[str, Any], template: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        merged(template, replace(ADA, attributes=missing))
    assert refusal.value.where == "unions/p-1"
    assert "company" in refusal.value.message
    assert "subscriber 17 (ada@example.com)" in refusal.value.message
    assert 'company | default("…")' in refusal.value.remedy


def test_a_subscriber_without_a_name_is_greeted_by_the_default() -> None:
    nobody = replace(ADA, name="")
    assert merged("Hi {{ first_name | default('friend') }}", nobody) == "Hi friend"
    assert merged("{{ first_name }}", replace(nobody, attributes={"first_name": "Bo"})) == "Bo"


def test_an_attribute_can_not_pose_as_what_we_say_ourselves() -> None:
    liar = replace(ADA, attributes={"unsubscribe_url": "https://evil.example", "email": "x", "subscriber": "y"})
    for template in ("{{ unsubscribe_url }} {{ email }}", "{% if true %}{{ unsubscribe_url }} {{ email }}{% endif %}"):
        assert merged(template, liar) == f"{values()['unsubscribe_url']} ada@example.com"
    assert merged("{{ subscriber.name }}", liar) == "Ada Lovelace"


def test_an_attribute_does_not_stand_in_for_a_missing_name() -> None:
    nameless = replace(ADA, name="", attributes={"name": "Eve"})
    for template in ("{{ name | default('friend') }}", "{% if true %}{{ name | default('friend') }}{% endif %}"):
        assert merged(template, nameless) == "friend"


@pytest.mark.parametrize("name", ["items", "keys", "get", "copy", "range", "class"])
def test_an_attribute_may_have_any_name(name: str) -> None:
    reader = replace(ADA, attributes={name: "v"})
    assert merged(f"{{{{ subscriber.{name} }}}}", reader) == "v"
    assert merged(f"{{% if true %}}{{{{ subscriber.{name} }}}}{{% endif %}}", reader) == "v"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/relative",
        "https:evil",
        "vbscript:x",
        "",
        "https",
    ],
)
def test_only_web_and_mail_addresses_stand_in_a_link(address: str) -> None:
    with pytest.raises(TemplateError):
        merged('<a href="{{ company | href }}">', replace(ADA, attributes={"company": address}))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example/x?y=1&z=2#k", "https://a.example/x?y=1&amp;z=2#k"),
        ("HTTP://a.example", "HTTP://a.example"),
        ("mailto:ada@example.com", "mailto:ada@example.com"),
        ('https://a.example/"><b>', "https://a.example/%22%3E%3Cb%3E"),
        ("https://a.example/a b%20cé", "https://a.example/a%20b%20c%C3%A9"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
    ],
)
def test_an_address_is_made_fit_for_a_link(address: str, expected: str) -> None:
    assert merged("{{ company | href }}", replace(ADA, attributes={"company": address})) == expected


def test_a_part_of_an_address_is_encoded_whole() -> None:
    assert merged("{{ company | url }}") == "Engines%20%26%20Co"


@pytest.mark.parametrize(
    "template",
    [
        "{{ name",
        "{% if name %}",
        "{% for %}",
        "{{ name | safe }}",
        "{{ name | nosuchfilter }}",
        "{{ name.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ name.upper() }}",
        "{{ lipsum() }}",
        "{{ cycler('a')() }}",
        "{{ 2 ** 9 }}",
        "{{ 1e999 + 1 }}",
        "{{ self }}",
        "{{ _steps }}",
        "{% if _steps %}{% endif %}",
        "{% set _steps = [1] %}",
        "{{ {'a': 1} }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% macro m() %}{% endmacro %}",
        "{% block b %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% set x %}a{% endset %}",
        "{% for x in [1] recursive %}{{ loop([2]) }}{% endfor %}",
        "{{ (" + "(" * 5000 + "1" + ")" * 5000 + ") }}",
        "{% for x in [1] %}" * 30 + "{% endfor %}" * 30,
    ],
)
def test_what_is_not_part_of_the_language_is_refused_before_any_mail(template: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        compile_template(template, html=True, where="unions/p-1")
    assert refusal.value.where == "unions/p-1"


@pytest.mark.parametrize("template", ["{{ name['__class__'] }}", "{{ name.upper }}", "{{ subscriber['__class__'] }}"])
def test_a_value_has_no_python_inside(template: str) -> None:
    with pytest.raises(TemplateError, match="has no value"):
        merged(template)


DOUBLE = "{% set a = 'x' %}" + "{% set a = a OP a %}" * 40 + "{{ a }}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ '%1000000000d' % 5 }}",
        "{{ range(1000000000) | join }}",
        "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}" + "x" * 200 + "{% endfor %}",
        DOUBLE.replace("OP", "+"),
        DOUBLE.replace("OP", "~"),
        "{% set n = 99999999999 %}" + "{% set n = n * n %}" * 40 + "{{ n }}",
        "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a | replace('a', 'aaaaaaaaaa') %}" * 12 + "{{ a }}",
        "{{ 5 | round(-1000000000) }}",
        "{{ range(9999) | join('x' * 1) }}",
    ],
)
def test_a_template_that_would_run_away_is_stopped_at_once(template: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateError):
        merged(template)
    assert time.process_time() - started < 2


def test_the_whole_email_merges_as_a_reader_would_see_it() -> None:
    email = sample(html="<p>{{ company }}</p>", text="{{ company }}", subject="For {{ first_name }}")
    result = merge(replace(email, preheader="Dear {{ first_name }}"), ADA, values())
    assert (result.subject, result.preheader) == ("For Ada", "Dear Ada")
    assert (result.html, result.text) == ("<p>Engines &amp; Co</p>", "Engines & Co")


def test_one_expression_used_often_is_filled_once() -> None:
    used = slots("{{ name }} {{ name }} {{ unsubscribe_url }} {{ unsubscribe_url | href }}")
    assert used[0] is used[1]
    assert used[2] is used[3]


FRAGMENTS = (
    "{{ }} {% %} {# #} { } ( ) [ ] , : | . = ~ + - * / // % ** == < in is not and or if else elif endif for endfor set "
    "raw endraw name company missing subscriber loop range true none x 'a' 0 -1 999999999999999999999999999999 1.5 1e999 "
    "default replace round join truncate sort first int float abs href url upper defined divisibleby _steps __class__ self"
)
FRAGMENT = st.sampled_from([*FRAGMENTS.split(), '"', "\n", "é", " ", " "])


@given(
    st.lists(FRAGMENT, max_size=14).map("".join)
    | st.lists(FRAGMENT, max_size=8).map(lambda f: f"{{{{ {' '.join(f)} }}}}")
)
def test_no_template_makes_anything_but_text_or_a_template_error(template: str) -> None:
    email = sample(html=template)
    try:
        slots_used(email)
        merged(template)
    except TemplateError as error:
        assert error.message


@given(EXPRESSION, st.text(max_size=200))
def test_both_roads_are_the_same_bytes_in_the_mail(expression: str, company: str) -> None:
    reader = replace(ADA, attributes={"company": company or "x"})
    fast = sample(html=f"<p>a {{{{ {expression} }}}} b</p>")
    slow = sample(html=f"<p>a {{% if true %}}{{{{ {expression} }}}}{{% endif %}} b</p>")
    assert raw_html(build(fast, reader)) == raw_html(build(slow, reader))


def raw_html(message: Message) -> bytes:
    """The HTML part as it is encoded."""
    return message.data.partition(b"Content-Type: text/html")[2].partition(b"\r\n--")[0]


ANY_FILTERS = (
    "e upper title trim first last sort unique join truncate(4) replace('&lt;',company) replace('a','<') join('<') "
    "default('<') url"
)


@given(
    st.lists(st.sampled_from(ANY_FILTERS.split()), max_size=4),
    st.text("<>&;lt\"'a ", min_size=1, max_size=12),
    st.booleans(),
)
def test_no_way_through_filters_makes_a_value_markup(filters: list[str], company: str, added: bool) -> None:
    expression = " | ".join([f"({'company ~ (company | e)' if added else 'company'})", *filters])
    try:
        html = merged(f"{{{{ {expression} }}}}", replace(ADA, attributes={"company": company}))
    except TemplateError:
        return
    assert not set("<>\"'") & set(html)
