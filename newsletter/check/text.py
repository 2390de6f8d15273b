"""Rules about the text: structure, size, colours, and the plain-text part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from newsletter.check.colours import Colour, contrast, inverted, parse_colour
from newsletter.check.mail import NOWHERE, Mail, is_authors
from newsletter.check.rule import Problem, at, rule, shown
from newsletter.content.tree import Element, text_of
from newsletter.finding import Severity

SMALLEST = 12
ENOUGH, ENOUGH_IF_LARGE = 4.45, 2.95
"""Contrast of text to its background, WCAG 1.4.3: 4.5 and 3 as they are printed, to one place."""
LARGE, LARGE_BOLD = 24, 18.66
"""CSS pixels: 18 and 14 points."""
USUAL_SIZES = {"h1": 32.0, "h2": 24.0, "h3": 18.72}
BOLD = ("b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6")
HEAVY = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)")
PICTURE = re.compile(r"background[^;]*:[^;]*(?:url\(|gradient\()")
WORDS_PER_MINUTE = 230
LONG_READ = 10
"""Minutes."""
DARK_CARD = re.compile(
    r"prefers-color-scheme\s*:\s*dark.*?\.card\b[^{}]*\{[^}]*background(?:-color)?\s*:\s*(#\w+)", re.DOTALL
)
TEXT_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;]+)")
BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;]+)")
FONT_SIZE = re.compile(r"font-size\s*:\s*(\d+(?:\.\d+)?)px")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@rule(
    "heading-order",
    Severity.WARNING,
    why="Screen readers jump from heading to heading; a level that is left out sounds like missing text.",
    remedy="Use the next level: ## below #, ### below ##.",
    bad='<h1>Title</h1><h3 data-line="9">Part</h3>',
    good='<h1>Title</h1><h2 data-line="9">Part</h2>',
)
def heading_order(mail: Mail) -> Iterator[Problem]:
    """No heading is more than one level below the one before."""
    level = 1
    for heading in (element for element in mail.written if element.tag in HEADINGS):
        own = int(heading.tag[1])
        if own > level + 1 and is_authors(heading):
            left_out = f"{own - level - 1} level{'s' if own > level + 2 else ''}"
            yield at(heading, f"The heading {shown(text_of(heading))} leaves out {left_out} below the one before it.")
        level = own


@rule(
    "text-small",
    Severity.WARNING,
    why="Text below 12 pixels can't be read on a phone, and iOS enlarges it on its own and breaks the layout.",
    remedy="Use 14 pixels or more for what is to be read.",
    bad='<p style="font-size:9px">The small print of the offer.</p>',
    good='<p style="font-size:14px">The small print of the offer.</p>',
)
def text_small(mail: Mail) -> Iterator[Problem]:
    """Text has 12 pixels at least."""
    for element in mail.elements:
        size = FONT_SIZE.search(element.get("style", ""))
        if size and 1 < float(size[1]) < SMALLEST and (element.text or "").strip():
            yield at(element, f"The text {shown(text_of(element))} is {float(size[1]):g} pixels high.")


class Coloured(NamedTuple):
    """An element with text of its own: the colours of text and background, and whether the author chose them."""

    element: Element
    text: Colour
    back: Colour
    is_own: bool
    is_large: bool = False


def coloured(mail: Mail) -> Iterator[Coloured]:
    """The elements with text of their own, in the colours they inherit; those on a picture can't be judged."""
    for element in mail.elements:
        if not (element.text or "").strip():
            continue
        text = back = None
        is_own = is_on_picture = False
        for up in (element, *element.iterancestors()):
            style = up.get("style", "")
            if text is None and "color" in style and (found := TEXT_COLOUR.search(style)):
                text, is_own = parse_colour(found[1]), is_own or up.tag == "span" or is_authors(up)
            if back is None:
                is_on_picture = is_on_picture or bool(up.get("background")) or bool(PICTURE.search(style))
                found = BACKGROUND.search(style) if "background" in style else None
                if found or up.get("bgcolor"):
                    back, is_own = parse_colour(found[1] if found else up.get("bgcolor")), is_own or is_authors(up)
        if not is_on_picture:
            yield Coloured(element, text or Colour(0, 0, 0), back or Colour(255, 255, 255), is_own, _is_large(element))


def _is_large(element: Element) -> bool:
    """Whether text is at least 24 pixels high, or bold and 18.66: then a contrast of 3 to 1 is enough (WCAG 1.4.3)."""
    size, is_bold = 0.0, False
    for up in (element, *element.iterancestors()):
        style = up.get("style", "")
        is_bold = is_bold or up.tag in BOLD or bool(HEAVY.search(style))
        if not size:
            found = FONT_SIZE.search(style)
            size = float(found[1]) if found else USUAL_SIZES.get(up.tag, 0.0)
    return size >= LARGE or (is_bold and size >= LARGE_BOLD)


@rule(
    "contrast",
    Severity.WARNING,
    why="Text whose colour is too near to its background can't be read in sunlight, nor by one man in twelve who sees "
    "some colours alike (WCAG 1.4.3 asks for 4.5 to 1).",
    remedy="Choose a darker colour for the text, or none: the house style's has enough contrast.",
    bad='<p data-line="4" style="color:#bbbbbb;background-color:#ffffff">Pale words</p>',
    good='<p data-line="4" style="color:#444444;background-color:#ffffff">Plain words</p>',
)
def contrast_light(mail: Mail) -> Iterator[Problem]:
    """Text contrasts with its background by 4.5 to 1, large text by 3 to 1; text on a picture is not judged."""
    for element, text, back, _, is_large in coloured(mail):
        ratio = contrast(text, back)
        if ratio < (ENOUGH_IF_LARGE if is_large else ENOUGH):
            yield at(
                element, f"The text {shown(text_of(element))} has a contrast of {ratio:.1f} to 1 ({text} on {back})."
            )


@rule(
    "contrast-dark",
    Severity.WARNING,
    why="In dark mode the background turns dark and the author's own colour stays, or the client inverts the one and "
    "not the other.",
    remedy="Leave the colour away, or choose one of middle lightness.",
    bad='<p data-line="4">Words <span data-line="4" style="color:#7a1010">in dark red</span></p>',
    good='<p data-line="4">Words <b>in bold</b></p>',
)
def contrast_dark(mail: Mail) -> Iterator[Problem]:
    """Colours an author chose can be read in dark mode too: on the dark card, and inverted as Gmail inverts them."""
    found = DARK_CARD.search(mail.html)
    if not found and "<html" in mail.html:
        return  # without dark styles of its own a mail is turned round by clients, text and background alike
    card = (parse_colour(found[1]) if found else None) or Colour(27, 30, 35)
    if not any(element.tag == "span" for element in mail.elements):
        return
    for element, text, back, is_own, _ in coloured(mail):
        if element.tag != "span" or not is_own or contrast(text, back) < ENOUGH:
            continue
        style = element.get("style", "")
        own_text, own_back = "color:" in style.replace("background-color:", ""), "background-color:" in style
        if own_text and not own_back and contrast(text, card) < 3 and contrast(inverted(text), card) < ENOUGH:
            yield at(element, f"{text} on the dark background has a contrast of {contrast(text, card):.1f} to 1.")
        elif own_text and not own_back and contrast(text, card) < 3:
            yield at(element, f"{text} can't be read on a dark background ({contrast(text, card):.1f} to 1).")
        elif own_back and not own_text and contrast(Colour(223, 221, 215), back) < 3:
            yield at(element, f"The light text of dark mode can't be read on {back}.")


@rule(
    "long-read",
    Severity.INFO,
    why="Few people read a mail for longer than ten minutes; a second page would be read.",
    remedy="Split the page, or put what matters first.",
    bad={"traced": "<p data-line='3'>" + "word " * 2500 + "</p>"},
    good={"traced": "<p data-line='3'>" + "word " * 400 + "</p>"},
)
def long_read(mail: Mail) -> Iterator[Problem]:
    """A mail takes ten minutes at most to read, at 230 words a minute."""
    minutes = len(mail.words) / WORDS_PER_MINUTE
    if minutes > LONG_READ:
        yield Problem(f"Reading this mail takes {minutes:.0f} minutes.", mail.keys.get("title"))


@rule(
    "text-part-link",
    Severity.ERROR,
    why="Readers of plain text, and watches and speakers that read it out, would miss the link.",
    remedy="Report this: the plain-text part is made from the same article and should list every link.",
    bad={"traced": '<a data-line="3" href="https://site.example/a">Guide</a>', "text": "Guide"},
    good={"traced": '<a data-line="3" href="https://site.example/a">Guide</a>', "text": "Guide https://site.example/a"},
)
def text_part_link(mail: Mail) -> Iterator[Problem]:
    """Every link of the article stands in the plain text."""
    if not mail.text:
        return
    unwrapped = re.sub(r"\s+", "", mail.text)
    for link in mail.links:
        address = link.get("href") or ""
        if (
            is_authors(link)
            and address != NOWHERE
            and address.startswith(("http", "mailto:"))
            and re.sub(r"\s+", "", address) not in unwrapped
        ):
            shortened = address.removeprefix("mailto:")
            if shortened not in unwrapped:
                yield at(link, f"The plain text lacks the link to {shown(address)}.")


@rule(
    "text-part-differs",
    Severity.WARNING,
    why="Spam filters compare the two parts of a mail, and some readers see only the plain one.",
    remedy="Report this, or mend the text template.",
    bad={
        "traced": "<p>" + " ".join(f"word{number}" for number in range(40)) + "</p>",
        "text": "Please use another client.",
    },
    good={"traced": "<p>One two three</p>", "text": "One two three"},
)
def text_part_differs(mail: Mail) -> Iterator[Problem]:
    """The plain text holds nine of ten words of the HTML."""
    wanted = {word.lower() for word in re.findall(r"\w{4,}", " ".join(mail.words))}
    if not mail.text or len(wanted) < 20:
        return
    there = {word.lower() for word in re.findall(r"\w{4,}", mail.text)}
    missing = wanted - there
    if len(missing) > 0.1 * len(wanted):
        some = ", ".join(sorted(missing)[:5])
        yield Problem(f"The plain text lacks {len(missing)} of {len(wanted)} words of the HTML ({some} …).")
