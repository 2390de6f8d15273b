"""A hundred pages as they come from elsewhere, and mutations of them: a mail that is fit to be seen, or a clear refusal."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsletter.compose.composer import Composer
from newsletter.compose.email import Email
from newsletter.content.page import Page, Series
from newsletter.content.reader import parse_page
from newsletter.errors import MaterialError
from tests.compose.pages import settings
from tests.compose.test_properties import assert_is_harmless, merged
from tests.compose.wild_pages import PAGES

CODE = re.compile(r"<(pre|code)\b[\s\S]*?</\1>")
LEAKS = re.compile(
    r"\{\{|\{%|%\}|javascript:|__GHOST_URL__|<!\[CDATA|\]\]>|\[!(?:NOTE|TIP)|^\s*:::|docs-internal|mso-list",
    re.MULTILINE,
)
SHORTCODE = re.compile(r"\{\{[<%]")
REFUSED = {
    *("orgfm", "date5", "date6", "date7", "date9", "date10", "date11", "listtitle", "nulltitle", "dup", "tabs"),
    *("pythontag", "binary-title", "settitle", "bomb-in-tags", "gotemplate", "jekyll", "jekyll-link", "11ty", "zola"),
    *("vue", "mailchimp", "template-literal", "deepquote", "deepdiv"),
}
"""Pages of which nobody can tell what they mean, and those that call for the templates of another system."""


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    return Composer(settings(tmp_path_factory.mktemp("project")))


def whole(name: str) -> bytes:
    """The file: a page with front matter of its own, or with the plainest there is."""
    text = PAGES[name]
    if not text.startswith(("---\n", '{"', "#+")):
        text = f"---\ntitle: A page about {name.partition('.')[0]}\n---\n{text}\n"
    return text.encode()


def read(composer: Composer, data: bytes) -> tuple[Page, Email]:
    page = parse_page(data, path="captains/wild.md", series="captains")
    return page, composer.compose(page, Series("captains", "Captains", (page,))).email


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_elsewhere_is_mailed_clean_or_refused_by_line(composer: Composer, name: str) -> None:
    try:
        page, email = read(composer, whole(name))
    except MaterialError as error:
        assert name.partition(".")[0] in REFUSED, str(error)
        assert error.where == "captains/wild.md"
        assert error.line is not None or name in ("deepquote.md", "deepdiv.md")
        assert error.remedy
        return
    assert name.partition(".")[0] not in REFUSED
    assert all(finding.line and finding.remedy for finding in page.findings)
    if parts := merged(email):
        assert_is_harmless(parts[0])
        assert not LEAKS.search(re.sub(r"<[^>]*>", "", CODE.sub("", parts[0].partition("<body")[2])))


BITS = ["\n\n", "<", ">", "&", "{{", "}}", "{%", "{{<", ">}}", "```\n", "</p>", "<table>", "</td>", "---\n", "    ", "\x00", "\ufeff", "'", '"', ":::", "\r"]  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Two wild pages spliced, with bits put in anywhere."""
    first, second = (whole(draw(st.sampled_from(sorted(PAGES))))[:4000] for _ in range(2))
    cut = draw(st.integers(0, len(first)))
    data = first[:cut] + second[draw(st.integers(0, len(second))) :]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(BITS)).encode() + data[at + draw(st.integers(0, 3)) :]
    return data


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=mutations())
def test_a_mutated_page_never_makes_a_traceback_or_leaks(composer: Composer, data: bytes) -> None:
    try:
        _, email = read(composer, data)
    except MaterialError as error:
        assert error.where
        assert error.remedy, error
        return
    if parts := merged(email):
        assert_is_harmless(parts[0])
        assert not SHORTCODE.search(CODE.sub("", parts[0]))
