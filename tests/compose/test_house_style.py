from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.compose.composer import Composer
from newsletter.errors import TemplateError
from tests.compose.pages import page, series, settings

HOUSE = Path(__file__).parents[2] / "templates"


def own_template(root: Path, name: str, text: str) -> Path:
    path = root / "templates" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def failure(root: Path) -> TemplateError:
    letter = page()
    with pytest.raises(TemplateError) as caught:
        Composer(settings(root)).compose(letter, series(letter))
    return caught.value


def test_a_project_replaces_one_template_and_keeps_the_others(tmp_path: Path) -> None:
    own_template(tmp_path, "next_button.mjml.j2", '<mj-button href="{{ next.href }}">Sail on</mj-button>')
    letter = page()
    html = Composer(settings(tmp_path)).compose(letter, series(letter)).email.html
    assert "Sail on" in html
    assert "Nine knots" in html


def test_edits_are_noticed_and_so_are_templates_that_come_and_go(tmp_path: Path) -> None:
    letter = page()
    composer = Composer(settings(tmp_path))
    assert "Next: anchors" in composer.compose(letter, series(letter)).email.html
    path = own_template(tmp_path, "next_button.mjml.j2", "<mj-text>One</mj-text>")
    assert ">One<" in composer.compose(letter, series(letter)).email.html
    path.write_text("<mj-text>Two, longer</mj-text>", encoding="utf-8")
    assert ">Two, longer<" in composer.compose(letter, series(letter)).email.html
    path.unlink()
    assert "Next: anchors" in composer.compose(letter, series(letter)).email.html


def test_an_unknown_field_names_template_line_and_remedy(tmp_path: Path) -> None:
    path = own_template(tmp_path, "next_button.mjml.j2", "<mj-text>\n{{ nxet.href }}\n</mj-text>")
    error = failure(tmp_path)
    assert error.place == f"{path}:2"
    assert "nxet" in error.message
    assert error.remedy


def test_an_unknown_field_of_the_front_matter_is_an_error_too(tmp_path: Path) -> None:
    path = own_template(tmp_path, "next_button.mjml.j2", "<mj-text>{{ front_matter.sponsor }}</mj-text>")
    assert failure(tmp_path).place == f"{path}:1"


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        ("<mj-text>ok</mj-text>\n<mj-buton>x</mj-buton>", 2, "<mj-buton> is not a tag"),
        ('<mj-text>ok</mj-text>\n\n<mj-text colour="#000000">x</mj-text>', 3, "no attribute 'colour'"),
        ("<mj-text>ok</mj-text>\n{% if next %}\n<mj-section></mj-section>\n{% endif %}", 3, "can't stand directly in"),
        ("<mj-text>ok</mj-text>\n<p>x</p>", 2, "<p> is not a tag of MJML"),
        ("<mj-text>{{ next.text }}\n<b>never closed</mj-text>", 2, "<b> is never closed"),
        ("<mj-text>ok</mj-text>\n<mj-text>never closed", 2, "<mj-text> is never closed"),
        ("<mj-text>ok</mj-text>\n</mj-button>", 2, "</mj-button> closes what is not open"),
        ("<mj-text>\n{% for x in [1] %}\n", 2, "for"),
        ("{% include 'nowhere.j2' %}", None, "nowhere.j2"),
        ("<mj-text>\n{{ 1 / 0 }}</mj-text>", 2, "division by zero"),
        ("<mj-text>{{ slot('first name') }}</mj-text>", 1, "first name"),
    ],
)
def test_whatever_is_wrong_in_a_template_is_named(tmp_path: Path, template: str, line: int | None, words: str) -> None:
    path = own_template(tmp_path, "next_button.mjml.j2", template)
    error = failure(tmp_path)
    assert words in error.message
    if line is not None:
        assert error.place == f"{path}:{line}"


def test_a_close_word_is_suggested(tmp_path: Path) -> None:
    own_template(tmp_path, "next_button.mjml.j2", "<mj-buton>x</mj-buton>")
    assert "mj-button" in failure(tmp_path).remedy


def test_a_template_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = own_template(tmp_path, "next_button.mjml.j2", "")
    path.write_bytes("<mj-text>é</mj-text>".encode("latin-1"))
    assert failure(tmp_path).where == str(path)


def test_templates_cant_reach_python(tmp_path: Path) -> None:
    own_template(tmp_path, "next_button.mjml.j2", "<mj-text>{{ slot.__globals__ }}</mj-text>")
    assert failure(tmp_path).where.endswith("next_button.mjml.j2")


def test_templates_cant_leave_their_folders(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    own_template(tmp_path, "next_button.mjml.j2", "<mj-text>{% include '../secret' %}</mj-text>")
    assert "secret" in failure(tmp_path).message


def test_values_of_the_site_cant_inject_markup_or_template_code(tmp_path: Path) -> None:
    hostile = "<b>{{ 7*7 }}{% raw %}\"'&amp;"
    letter = page()
    composer = Composer(settings(tmp_path, site={"name": hostile}, sender={"postal_address": hostile}))
    email = composer.compose(letter, series(letter)).email
    assert "<b>" not in email.html
    assert "{{ 7*7" not in email.html
    assert "{{ 7*7" not in email.text
    assert "{% raw" not in email.html


@pytest.mark.parametrize("template", sorted(path.name for path in HOUSE.glob("*.j2")))
def test_house_templates_are_small(template: str) -> None:
    assert len((HOUSE / template).read_text(encoding="utf-8").splitlines()) <= 60


def test_front_matter_that_only_the_author_knows_reaches_templates_and_may_hold_expressions(tmp_path: Path) -> None:
    own_template(
        tmp_path,
        "next_button.mjml.j2",
        "<mj-text>{{ front_matter.author }}|{{ front_matter.sponsors[1] }}|{{ front_matter.sponsors | length }}</mj-text>",
    )
    itself: list[object] = []
    itself.append(itself)
    letter = page(front_matter={"author": "<A> & {{ name }}", "sponsors": ["x", "y"], "itself": itself})
    html = Composer(settings(tmp_path)).compose(letter, series(letter)).email.html
    assert "&lt;A&gt; &amp; {{ name }}|y|2" in html
