"""What an email needs of its readers, as `check` reports it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.errors import TemplateError
from newsletter.message.merge import compile_template, render
from newsletter.message.slots import SlotUse, slots_used
from newsletter.subscriber import Subscriber
from tests.message.samples import sample, values


def test_names_are_told_for_each_part() -> None:
    email = sample(
        html="{{ company }}{{ company }}", text="{{ company | default('x') }}", subject="{{ subscriber.plan }}"
    )
    assert slots_used(replace(email, preheader="{{ first_name }}")) == (
        SlotUse("plan", "subject", defaulted=False),
        SlotUse("first_name", "preheader", defaulted=False),
        SlotUse("company", "html", defaulted=False),
        SlotUse("company", "text", defaulted=True),
    )


@pytest.mark.parametrize(
    ("template", "needed"),
    [
        ("{{ a }}", True),
        ("{{ a | upper | default('x') }}", True),
        ("{{ a | default('x') | upper }}", False),
        ("{{ a or 'x' }}", False),
        ("{{ 'x' if not a else a }}", False),
        ("{{ a if a }}", False),
        ("{% if a %}{{ a }}{% endif %}", False),
        ("{% if a %}x{% else %}{{ a }}{% endif %}", True),
        ("{% if not a %}x{% else %}{{ a }}{% endif %}", False),
        ("{% if a is defined %}{{ a | upper }}{% endif %}", False),
        ("{% if a is undefined %}x{% elif a == 'y' %}y{% endif %}", False),
        ("{% if a == 'x' %}x{% endif %}", True),
        ("{% if a and a == 'x' %}x{% endif %}", False),
        ("{% if not a or a == 'x' %}x{% endif %}", False),
        ("{% for x in a %}{{ x }}{% endfor %}", True),
        ("{% for x in a | default([]) %}{{ x }}{% endfor %}", False),
        ("{% set a = 'x' %}{{ a }}", False),
        ("{% for a in ['x'] %}{{ a }}{{ loop.index }}{% endfor %}", False),
        ("{{ subscriber['a'] }}", True),
    ],
)
def test_a_name_counts_as_needed_exactly_if_a_reader_without_it_fails(template: str, needed: bool) -> None:
    assert any(not use.defaulted for use in slots_used(sample(html=template))) is needed
    compiled = compile_template(template, html=True, where="x")
    if needed:
        with pytest.raises(TemplateError):
            render(compiled, Subscriber("ada@example.com"), values())
    else:
        render(compiled, Subscriber("ada@example.com"), values())
