"""What every mail must be, whatever the page: the checklist of email clients."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from newsletter.compose.composer import Composer
from newsletter.compose.email import Email
from newsletter.compose.merge_slots import UNSAFE_CHARACTERS
from newsletter.content.page import Footer, Hero, Picture
from tests.compose.pages import FOOTER, page, series, settings

ARTICLE = """<p data-line="9">First. Second sentence here.</p><h1 data-line="11">Big</h1><h4 data-line="12">Small</h4>
<p data-line="13"><img src="/uploads/a.png" alt="A" style="width: 50%; box-shadow: 0 0 3px #000" data-line="13"/></p>
<table data-line="15" width="900"><tr><td>x</td></tr></table><p data-line="20"><a href="other">rel</a> <a name="x"></a></p>"""


class Elements(HTMLParser):
    """All start tags with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def email(tmp_path: Path) -> Email:
    (tmp_path / "static/uploads").mkdir(parents=True)
    Image.new("RGB", (1200, 600)).save(tmp_path / "static/uploads/a.png")
    letter = page(ARTICLE, hero=Hero(Picture("/uploads/a.png", "A"), "A caption."))
    return (
        Composer(settings(tmp_path, sender={"postal_address": "1 Example Street"}))
        .compose(letter, series(letter))
        .email
    )


@pytest.fixture
def elements(email: Email) -> Elements:
    return Elements(email.html)


def test_the_doctype_stands_first_in_capitals_or_clients_fall_into_quirks_mode(email: Email) -> None:
    assert email.html.startswith("<!DOCTYPE html>")


def test_the_head_names_language_direction_title_and_what_clients_ask_for(elements: Elements) -> None:
    (root,) = elements.named("html")
    assert (root["lang"], root["dir"]) == ("en", "ltr")
    metas = {meta.get("name", ""): meta.get("content", "") for meta in elements.named("meta")}
    assert metas["viewport"].startswith("width=device-width")
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert "x-apple-disable-message-reformatting" in metas


def test_the_title_is_the_subject(email: Email) -> None:
    assert f"<title>{email.subject}</title>" in email.html


def test_the_preheader_is_followed_by_filler(email: Email) -> None:
    hidden = re.search(r'<div style="display:none[^>]*>([^<]*)</div>', email.html)
    assert hidden
    assert hidden[1].startswith(email.preheader)
    assert 195 <= len(hidden[1]) <= 205
    assert "color:#ffffff" not in hidden[0], "SpamAssassin takes white on white for a trick"


def test_dark_mode_is_there_for_those_who_ask_and_for_outlook_com(email: Email) -> None:
    assert "@media (prefers-color-scheme:dark)" in email.html
    assert "[data-ogsc]" in email.html
    dark = email.html.partition("@media (prefers-color-scheme:dark)")[2].partition("</style>")[0]
    declarations = re.findall(r"[\w-]+:[^;{}]+;", dark)
    assert declarations
    assert all("!important" in declaration for declaration in declarations)


def test_style_sheets_are_small_and_without_nested_at_rules(email: Email) -> None:
    sheets = re.findall(r"<style[^>]*>(.*?)</style>", email.html, re.S)
    assert sum(len(sheet.encode()) for sheet in sheets) < 8_000
    for sheet in sheets:
        assert not re.search(r"@[^{}]*\{[^{}]*@", sheet)
        assert not re.search(r"@[^{}]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*@[^{}]*\{", sheet)


def test_outlook_conditionals_are_balanced(email: Email) -> None:
    assert email.html.count("<!--[if") == email.html.count("<![endif]-->")
    assert "OfficeDocumentSettings" in email.html
    assert "<o:PixelsPerInch>96" in email.html


def test_no_box_is_wider_than_600_pixels(email: Email) -> None:
    widths = [
        int(width) for width in re.findall(r'max-width:(\d+)px|width="(\d+)"', email.html) for width in width if width
    ]
    assert widths
    assert max(widths) <= 600


def test_layout_tables_say_so_and_data_tables_dont(elements: Elements) -> None:
    roles = [table.get("role") for table in elements.named("table")]
    assert roles.count(None) == 1
    assert set(roles) == {None, "presentation"}


def test_pictures_have_alt_text_whole_sizes_and_https_addresses(elements: Elements) -> None:
    pictures = elements.named("img")
    assert len(pictures) == 4
    for picture in pictures:
        assert "alt" in picture
        assert picture["width"].isdecimal()
        assert picture["src"].startswith("https://")
        assert "box-shadow" not in picture.get("style", "")
    inside = next(picture for picture in pictures if picture["width"] == "264")
    assert inside["height"] == "132"


def test_colours_have_six_digits(email: Email) -> None:
    assert not re.search(r"(?<!&)#[0-9a-fA-F]{3}(?![0-9a-fA-F])[;\"' ]", email.html)


def test_headings_begin_at_one_and_skip_no_level(elements: Elements) -> None:
    assert [tag for tag, _ in elements.found if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h3"]


def test_every_address_is_absolute_or_a_slot(elements: Elements) -> None:
    for link in elements.named("a"):
        assert re.match(r"https://|\{\{ \(\w+\)\|href \}\}$", link.get("href", "https://")), link


def test_a_relative_link_leads_from_the_pages_own_place(email: Email) -> None:
    assert 'href="https://workdojos.com/captains/knots/other"' in email.html


def test_an_element_without_content_is_closed_all_the_same(email: Email) -> None:
    assert not re.search(r"<(?:a|td|p|div|span|b|strong)\b[^>]*/>", email.html)


def test_nothing_is_left_over(email: Email) -> None:
    for part in (email.html, email.text, email.subject, email.preheader):
        assert "data-line" not in part
        assert not re.search(r"slot[0-9a-f]{10}x|%7B%7B|\{%|None|localhost|fonts\.googleapis|\ue000", part)
        assert not UNSAFE_CHARACTERS.search(part)
        assert "\r" not in part


def test_the_legal_footer_says_why_who_and_how_to_leave(email: Email) -> None:
    for part in (email.html, email.text):
        assert "because you subscribed to Work Dojos" in part
        assert "1 Example Street" in part
        for name in ("unsubscribe_url", "preferences_url", "web_url"):
            assert name in part


def test_the_next_button_has_its_colour_on_the_cell_where_outlook_looks(email: Email) -> None:
    button = re.search(
        r'<td align="center" bgcolor="#\w{6}"[^>]*mso-padding-alt:16px 30px[^>]*><a href="([^"]*)"', email.html
    )
    assert button
    assert button[1] == "https://workdojos.com/captains/anchors"


def test_the_mail_is_small(email: Email) -> None:
    assert len(email.html.encode()) < 24_000


def test_lines_of_the_page_are_traced_when_asked(tmp_path: Path) -> None:
    letter = page(ARTICLE)
    html = Composer(settings(tmp_path)).compose(letter, series(letter), trace=True).email.html
    lines = {attributes["data-line"] for _, attributes in Elements(html).found if "data-line" in attributes}
    assert {"7", "9", "12", "13", "15", "20", "26"} <= lines


def test_the_same_page_gives_the_same_bytes(tmp_path: Path) -> None:
    letter = page(ARTICLE)
    first, second = (Composer(settings(tmp_path)).compose(letter, series(letter)).email for _ in "12")
    assert first.content_hash == second.content_hash


@pytest.mark.parametrize(
    ("lang", "direction"),
    [("he", "rtl"), ("ar-EG", "rtl"), ("fa", "rtl"), ("ur", "rtl"), ("yi", "rtl"), ("de", "ltr"), ("az-Arab", "rtl"), ("az", "ltr"), ("pt_BR", "ltr")],
)  # fmt: skip
def test_language_and_direction_are_said_everywhere(tmp_path: Path, lang: str, direction: str) -> None:
    letter = page(lang=lang)
    email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
    assert (email.lang, email.direction) == (lang.replace("_", "-"), direction)
    assert f'<html lang="{email.lang}" dir="{direction}"' in email.html


def test_a_language_that_is_none_is_reported_and_not_repeated(tmp_path: Path) -> None:
    letter = page(lang='en"><b>', keys={"lang": 5})
    composition = Composer(settings(tmp_path)).compose(letter, series(letter))
    assert composition.email.lang == "en"
    (finding,) = [finding for finding in composition.findings if finding.code == "language-unknown"]
    assert finding.line == 5


def test_words_of_the_house_are_in_the_language_of_the_page(tmp_path: Path) -> None:
    letter = page(lang="de")
    email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
    assert "Abbestellen" in email.html
    assert "Abbestellen" in email.text


def test_any_script_arrives_whole(tmp_path: Path) -> None:
    words = "Ünïcödé שלום مرحبا 日本語 👩‍👩‍👧‍👦 🏳️‍🌈"
    letter = page(f"<p>{words}</p>", title=words, description=f"d {words}")
    email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
    assert email.subject == words
    assert words in email.preheader
    assert email.html.count(words) >= 3
    assert words in email.text


@pytest.mark.parametrize("missing", ["hero", "next", "footer", "all"])
def test_a_page_without_one_of_its_parts_is_a_mail_too(tmp_path: Path, missing: str) -> None:
    parts = ("hero", "next", "footer") if missing == "all" else (missing,)
    letter = page(**dict.fromkeys(parts))
    email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
    assert "Boats float." in email.html
    assert email.html.count("<![endif]-->") == email.html.count("<!--[if")


def test_words_below_a_picture_of_the_footer_stand_in_its_link(tmp_path: Path) -> None:
    letter = page(footer=Footer(replace(FOOTER.left, caption="All pages"), replace(FOOTER.right, caption="{{ name }}")))
    email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
    links = re.findall(
        r'<a href="https://(?:unions|captains)[^>]*>\s*<img [^>]*alt=""[^>]*>\s*<span[^>]*>(.*?)</span>', email.html
    )
    assert links == ["All pages", "{{ name }}"]
    assert "All pages: https://unions.workdojos.com" in email.text
    assert "{{ name }}: https://captains.workdojos.com" in email.text


def test_the_footer_stands_only_where_the_page_asks_for_it(tmp_path: Path) -> None:
    letter = page(include_footer=False)
    assert "dash.png" not in Composer(settings(tmp_path)).compose(letter, series(letter)).email.html


def test_a_page_of_a_series_says_which_part_it_is_and_a_draft_does_not(tmp_path: Path) -> None:
    first, draft = page(), page(id="b", slug="b", draft=True)
    composer = Composer(settings(tmp_path))
    assert "Part 1 of 1" in composer.compose(first, series(first, draft)).email.html
    assert "Part" not in composer.compose(draft, series(first, draft)).email.html


def test_the_word_next_stands_once(tmp_path: Path) -> None:
    from newsletter.content.page import Link

    for text in ("next: day in the life", "Next: day in the life", "day in the life"):
        letter = page(next=Link("https://workdojos.com/x", text))
        email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
        assert "Next: day in the life" in email.html
        assert "Next: day in the life" in email.text


def test_paragraphs_with_lead_ins_get_them_bold_when_there_are_several(tmp_path: Path) -> None:
    def html(article: str) -> str:
        letter = page(article)
        return Composer(settings(tmp_path)).compose(letter, series(letter)).email.html

    tail = "a sentence that goes on long enough to be a paragraph of its own, and some more."
    both = html(f"<p>Job security: {tail}</p><p>Pay: {tail}</p>")
    assert re.search(r"<strong[^>]*>Job security:</strong> a sentence", both)
    assert "<strong" not in html(f"<p>Job security: {tail}</p><p>{tail}</p>")
