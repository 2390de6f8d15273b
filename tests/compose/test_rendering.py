"""The mails as Chromium shows them: desktop and phone, light and dark, style sheets stripped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from newsletter.compose.composer import Composer
from newsletter.content.page import Hero, Picture, Series
from newsletter.message.merge import merge
from newsletter.subscriber import Subscriber
from tests.browser import chromium
from tests.compose.pages import page, settings
from tests.compose.test_properties import LINKS

ARTICLE = """<p>Hello {{ first_name|default('you') }}, read <a href="/x">more</a> and <code>code</code>.</p>
<h2>What</h2><ul><li>One</li><li>Two<ol><li>Three</li></ol></li></ul><blockquote><p>Quoted</p></blockquote>
<h3>How</h3><pre><code>a = 1</code></pre><hr/><h4>Why</h4><h5>So</h5><h6>Yes</h6><dl><dt>Bight</dt><dd>A loop.</dd></dl>
<figure><img src="/uploads/a.png" alt="A"/><figcaption>Below</figcaption></figure>
<table><tr><th>Knot</th><th>Use</th></tr><tr><td>Bowline</td><td>A loop that does not slip</td></tr></table>"""
LONG = f"<p>{'x' * 300}</p><table><tr>{'<td>wide column here</td>' * 12}</tr></table><pre>{'y' * 200}</pre>"
TEXT_COLOURS = """() => {
  const solid = style => !/rgba\\(.*, 0\\)|transparent/.test(style.backgroundColor);
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || element.offsetHeight === 0 || getComputedStyle(element).fontSize === '1px') continue;
    let ground = element;
    while (ground && !solid(getComputedStyle(ground))) ground = ground.parentElement;
    found.push([element.textContent.trim().slice(0, 30), getComputedStyle(element).color,
      ground ? getComputedStyle(ground).backgroundColor : 'rgb(255, 255, 255)']);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    """One tab for all tests: opening one takes longer than showing a mail."""
    with chromium() as browser:
        tab = browser.new_page()
        tab.route("**/*", lambda route: route.abort())
        yield tab


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    uploads = root / "static" / "uploads"
    uploads.mkdir(parents=True)
    Image.new("RGB", (1200, 600), "#23478f").save(uploads / "a.png")
    for name in ("dash", "random"):
        Image.new("RGBA", (440, 140), "#a63a25").save(uploads / f"{name}.png")
    return root


def mail(root: Path, article: str = ARTICLE, **fields: Any) -> str:
    letter = page(article, hero=Hero(Picture("/uploads/a.png", "A"), 'See <a href="/y">it</a>.'), **fields)
    email = Composer(settings(root)).compose(letter, Series("captains", "Captains", (letter,))).email
    return merge(email, Subscriber("ana@example.com", "Ana"), LINKS).html


def show(tab: Page, html: str, *, width: int = 700, dark: bool = False) -> None:
    tab.set_viewport_size({"width": width, "height": 800})
    tab.emulate_media(color_scheme="dark" if dark else "light")
    tab.set_content(html)


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def luminance(colour: tuple[float, float, float]) -> float:
    red, green, blue = map(linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """WCAG 2.2, 1.4.3."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def channels(css: str) -> tuple[float, float, float]:
    red, green, blue = (float(number) / 255 for number in re.findall(r"[\d.]+", css)[:3])
    return red, green, blue


def inverted(colour: tuple[float, float, float], *, is_ground: bool) -> tuple[float, float, float]:
    """What Gmail's dark mode makes of a colour, by the formula that react-email and Maizzle use."""
    red, green, blue = map(linear, colour)
    xyz = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    lightness, a, b = 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
    if (lightness >= 50) == is_ground:
        lightness, a, b = 50 - 0.75 * (lightness - 50), a * 0.8, b * 0.8
    fy = (lightness + 16) / 116
    fx, fz = fy + a / 500, fy - b / 200
    x, y, z = (t**3 if t**3 > 0.008856 else (t - 16 / 116) / 7.787 for t in (fx, fy, fz))
    x, z = x * 0.9505, z * 1.089
    rgb = (
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.204 * y + 1.057 * z,
    )
    red, green, blue = (
        min(1.0, max(0.0, 12.92 * c if c <= 0.0031308 else 1.055 * math.copysign(abs(c) ** (1 / 2.4), c) - 0.055))
        for c in rgb
    )
    return red, green, blue


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_a_contrast_of_four_and_a_half(tab: Page, project: Path, dark: bool) -> None:
    show(tab, mail(project), dark=dark)
    pairs = tab.evaluate(TEXT_COLOURS)
    assert len(pairs) > 20
    assert not [pair for pair in pairs if contrast(channels(pair[1]), channels(pair[2])) < 4.5]


def test_the_contrast_holds_when_gmail_inverts_the_mail(tab: Page, project: Path) -> None:
    show(tab, mail(project))
    faint = [
        (text, colour, ground)
        for text, colour, ground in tab.evaluate(TEXT_COLOURS)
        if contrast(inverted(channels(colour), is_ground=False), inverted(channels(ground), is_ground=True)) < 4.5
    ]
    assert not faint


@pytest.mark.parametrize("article", [ARTICLE, LONG], ids=["usual", "long words, wide table"])
def test_nothing_sticks_out(tab: Page, project: Path, article: str) -> None:
    html = mail(project, article)
    for width in (320, 375, 700):
        show(tab, html, width=width)
        assert tab.evaluate("document.compatMode") == "CSS1Compat"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        # The card cuts off what sticks out of it, so what is in it is measured too.
        assert tab.locator(".card").evaluate("card => card.scrollWidth") <= min(width, 600)


def test_the_footer_stands_in_two_columns_and_stacks_on_a_phone(tab: Page, project: Path) -> None:
    tops = "[...document.querySelectorAll('.side img')].map(image => image.getBoundingClientRect().top)"
    show(tab, mail(project))
    left, right = tab.evaluate(tops)
    assert left == right
    show(tab, mail(project), width=375)
    upper, lower = tab.evaluate(tops)
    assert lower > upper


def test_the_next_button_is_large_enough_for_a_thumb(tab: Page, project: Path) -> None:
    for width, narrowest in ((375, 300), (700, 100)):
        show(tab, mail(project), width=width)
        box = tab.locator(".next a").bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["width"] >= narrowest


def test_without_its_style_sheets_the_mail_stays_readable(tab: Page, project: Path) -> None:
    show(tab, re.sub(r"<style.*?</style>", "", mail(project), flags=re.S), width=375)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 375
    assert not [pair for pair in tab.evaluate(TEXT_COLOURS) if contrast(channels(pair[1]), channels(pair[2])) < 4.5]
    assert tab.locator("h2").evaluate("element => getComputedStyle(element).fontSize") == "25px"


@pytest.mark.parametrize(("lang", "side"), [("en", "left"), ("he", "right"), ("ar", "right")])
def test_the_mail_is_set_in_the_direction_of_its_language(tab: Page, project: Path, lang: str, side: str) -> None:
    show(tab, mail(project, lang=lang))
    assert tab.locator("html").get_attribute("lang") == lang
    mark = tab.locator(".wordmark a").bounding_box()
    assert mark
    assert (mark["x"] < 350) == (side == "left")
    item = tab.locator(".article li").first
    assert item.evaluate("element => getComputedStyle(element).direction") == ("rtl" if side == "right" else "ltr")
    indent = item.evaluate("element => getComputedStyle(element.closest('ul')).paddingRight")
    assert indent == ("26px" if side == "right" else "0px")
