from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.compose.composer import Composer
from newsletter.errors import TemplateError
from newsletter.finding import Severity
from tests.compose.pages import page, series, settings


@pytest.fixture
def composer(tmp_path: Path) -> Composer:
    return Composer(settings(tmp_path))


def test_a_page_becomes_one_document_with_both_parts(composer: Composer) -> None:
    letter = page()
    email = composer.compose(letter, series(letter)).email
    assert email.html.startswith("<!DOCTYPE html><html ")
    assert email.html.endswith("</html>")
    assert "Boats float." in email.html
    assert "Boats float." in email.text
    assert email.subject == "Nine knots that hold"
    assert email.preheader == "Boats float."


def test_slots_of_the_house_stand_open_in_both_parts(composer: Composer) -> None:
    letter = page()
    email = composer.compose(letter, series(letter)).email
    assert 'href="{{ (unsubscribe_url)|href }}"' in email.html
    assert "{{ unsubscribe_url }}" in email.text


def test_missing_pictures_are_reported_with_file_and_line_and_linked_to_the_site(composer: Composer) -> None:
    letter = page()
    composition = composer.compose(letter, series(letter))
    assert 'src="https://workdojos.com/uploads/harbour.jpg"' in composition.email.html
    missing = [finding for finding in composition.findings if finding.code == "picture-missing"]
    assert [(finding.path, finding.line, finding.severity) for finding in missing] == [
        ("captains/knots.md", line, Severity.WARNING) for line in (7, 20, 26)
    ]


def test_a_merge_expression_that_cant_be_read_names_file_and_line(composer: Composer) -> None:
    letter = page('<p data-line="9">Hello {{ first name }}.</p>')
    with pytest.raises(TemplateError) as caught:
        composer.compose(letter, series(letter))
    assert caught.value.place == "captains/knots.md:9"


def test_the_preheader_cuts_no_expression_and_parts_no_statement(composer: Composer) -> None:
    endless = page(f"<p>{'x' * 125}{{{{ name }}}}{'y' * 60}</p>")
    assert composer.compose(endless, series(endless)).email.preheader == f"{'x' * 125}…"
    torn = page("<p>{% if company %}One. {% endif %}Two.</p>{% if a %}<p>For some.</p>{% endif %}<p>Three.</p>")
    assert composer.compose(torn, series(torn)).email.preheader == "Three."


def test_statements_reach_over_paragraphs(composer: Composer) -> None:
    letter = page("<p>{% if company %}</p><p>Your company</p><p>{% endif %}</p>")
    email = composer.compose(letter, series(letter)).email
    assert email.preheader == "Work Dojos · Captains"
    assert email.html.index("{% if company %}") < email.html.index("Your company") < email.html.index("{% endif %}")


def test_a_statement_that_never_ends_names_the_page(composer: Composer) -> None:
    letter = page("<p>{% if company %}x</p>")
    with pytest.raises(TemplateError) as caught:
        composer.compose(letter, series(letter))
    assert caught.value.where == "captains/knots.md"
