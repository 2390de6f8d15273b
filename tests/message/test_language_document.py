"""docs/merge-language.md shows what works: each example in it is run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.compose.merge_language import MergeEnvironment
from newsletter.message.merge import compile_template, render
from newsletter.message.values import MESSAGE_NAMES, PERSON
from tests.message.samples import ADA, values

DOCUMENT = (Path(__file__).parents[2] / "docs" / "merge-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(?:html|jinja)\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_works_with_and_without_values(example: str) -> None:
    template = compile_template(example, html=True, where="docs/merge-language.md")
    full = {"company": "ACME", "topics": ["pay", "time"], "plan": "pro", "homepage": "https://ada.example"}
    assert render(template, replace(ADA, attributes=full), values())
    assert render(template, replace(ADA, name="", attributes={}), values())


def test_each_name_and_filter_is_documented() -> None:
    for name in (*MESSAGE_NAMES, *PERSON):
        assert f"`{name}`" in DOCUMENT
    for name in MergeEnvironment(autoescape=True).filters:
        assert name.startswith("_") or f"`{name}`" in DOCUMENT
