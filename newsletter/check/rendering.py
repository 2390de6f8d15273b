"""Rules about the document as mail clients take it: size, style blocks, what was left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.check.mail import CLIP, STYLE_BLOCK, Mail, line_of
from newsletter.check.rule import Problem, rule, shown
from newsletter.finding import Severity

NEAR = 80_000
"""Bytes of HTML from which on there is a warning."""
RIGHT_TO_LEFT = frozenset(["ar", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "ug", "ur", "yi"])
STYLE = 16_384
"""Characters of a style block, beyond which Gmail drops it."""
LEFT_OVER = re.compile(r"\{\{[^{}]{0,80}\}?\}?|\{%[^%]{0,80}%?\}?|%7B%7B|\*\|[A-Z_:]+\|\*|\[\[[a-z_]+\]\]")


def budget(mail: Mail) -> dict[str, int]:
    """Where the bytes of the HTML go: `links` (addresses), `theme` (styles), `article` (text), `shell` (the rest)."""
    size = mail.bytes_of_html
    links = sum(len(address.encode()) for address in re.findall(r'(?:href|src)="([^"]*)"', mail.html))
    theme = sum(len(style.encode()) for style in STYLE_BLOCK.findall(mail.html))
    theme += sum(len(style.encode()) for style in re.findall(r'style="([^"]*)"', mail.html))
    article = sum(len(word.encode()) + 1 for word in mail.words)
    return {"shell": max(size - links - theme - article, 0), "theme": theme, "article": article, "links": links}


@rule(
    "size-clip",
    Severity.ERROR,
    why="Gmail shows the first 102 kB of a mail and hides the rest, with the way to unsubscribe, behind a link.",
    remedy="Split the page, or remove what the mail does not need.",
    bad={"traced": "<p>" + "word " * 21_000 + "</p>"},
    good={"traced": "<p>" + "word " * 2_000 + "</p>"},
)
def size_clip(mail: Mail) -> Iterator[Problem]:
    """The merged HTML stays below 102 kB; from 80 kB on there is a warning."""
    size = mail.bytes_of_html
    if size >= NEAR:
        parts = ", ".join(f"{name} {part / 1000:.0f}" for name, part in budget(mail).items())
        yield Problem(
            f"The HTML has {size / 1000:.0f} kB ({parts}); Gmail clips at 102 kB.",
            mail.keys.get("title"),
            Severity.ERROR if size >= CLIP else Severity.WARNING,
        )


@rule(
    "style-block",
    Severity.ERROR,
    why="Gmail drops a style block of more than 16 KB, and with it everything that makes the mail fit a phone.",
    remedy="Shorten the CSS of the templates.",
    bad={"traced": "<style>" + "p{color:red}" * 1500 + "</style><p>A</p>"},
    good={"traced": "<style>p{color:red}</style><p>A</p>"},
)
def style_block(mail: Mail) -> Iterator[Problem]:
    """Each style block, and all of them together, have 16 KB at most."""
    total = sum(len(block) for block in mail.styles)
    if total > STYLE:
        yield Problem(f"The style blocks have {total / 1024:.0f} KB together.")


@rule(
    "document-head",
    Severity.ERROR,
    why="Without a doctype clients fall into quirks mode; without language a screen reader guesses the "
    "voice; without charset old clients garble letters.",
    remedy="Mend the head of the template.",
    bad={"traced": '<html lang="und"><head></head><body><p>A</p></body></html>'},
    good={
        "traced": '<!DOCTYPE html><html lang="en" dir="ltr"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><title>A</title></head><body><p>A</p></body></html>'
    },
)
def document_head(mail: Mail) -> Iterator[Problem]:
    """A whole document has doctype, language, charset, viewport and title, and a direction when it is not the usual one."""
    head = mail.html[:3000]
    if "<html" not in head:
        return
    if not mail.html.lstrip()[:14].lower().startswith("<!doctype html"):
        yield Problem("The document does not begin with <!DOCTYPE html>.")
    if not (language := re.search(r'<html[^>]*\blang="([^"]*)"', head)) or language[1].lower() in ("", "und"):
        yield Problem("The document does not say its language.")
    elif language[1].lower().partition("-")[0] in RIGHT_TO_LEFT and 'dir="rtl"' not in head:
        yield Problem("The document does not say that it is written from right to left.")
    for needed, pattern in (("charset", "charset="), ("viewport", 'name="viewport"'), ("title", "<title")):
        if pattern not in mail.html[:20_000].lower():
            yield Problem(f"The document has no {needed}.")


@rule(
    "template-left-over",
    Severity.ERROR,
    why="A reader would see the inside of the machine.",
    remedy="Close the expression, or write the braces as text.",
    bad='<p data-line="3">Dear {{ first_name</p>',
    good='<p data-line="3">Dear Ann</p>',
)
def template_left_over(mail: Mail) -> Iterator[Problem]:
    """No template tag is left in subject, text or HTML."""
    for element in mail.elements:
        values = [element.text or "", *(child.tail or "" for child in element), *element.attrib.values()]
        for value in values:
            if "{" in value or "%7B" in value or "*|" in value or "[[" in value:
                for found in LEFT_OVER.findall(value):
                    if element.tag not in ("pre", "code") and not found.startswith("[["):
                        yield Problem(f"{shown(found)} is left over.", line_of(element))
    for found in LEFT_OVER.findall(mail.subject):
        yield Problem(f"{shown(found)} is left over in the subject.", mail.keys.get("title"))


@rule(
    "mjml-left-over",
    Severity.ERROR,
    why="MJML does not know the tag, lets it through as it is, and every client ignores it.",
    remedy="Look for a misspelt MJML tag in the templates.",
    bad="<mj-buton>Read on</mj-buton>",
    good="<p>Read on</p>",
)
def mjml_left_over(mail: Mail) -> Iterator[Problem]:
    """No `mj-` element is left in the HTML."""
    for tag in sorted(set(re.findall(r"<(mj-?[a-z-]+|mjml)\b", mail.html))):
        yield Problem(f"<{tag}> is left over.")


@rule(
    "characters",
    Severity.WARNING,
    why="Control characters and unpaired halves make Gmail clip a mail early and other clients show boxes.",
    remedy="Remove the character; it often comes with text pasted from a word processor.",
    bad='<p data-line="3">Its price\u0092s</p>',
    good='<p data-line="3">Its price’s</p>',
)
def characters(mail: Mail) -> Iterator[Problem]:
    """No control character and no replacement character."""
    for element in mail.elements:
        found = re.search(
            r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]", "".join([element.text or "", element.tail or ""])
        )
        if found:
            yield Problem(f"The character U+{ord(found[0]):04X} should not be in a mail.", line_of(element))


@rule(
    "outlook-conditionals",
    Severity.ERROR,
    why="Outlook for Windows hides or doubles everything behind a conditional comment that is not closed.",
    remedy="Close it with <![endif]--> in the template.",
    bad={"traced": "<!--[if mso]><table><tr><td><p>A</p>"},
    good={"traced": "<!--[if mso]><table><tr><td><![endif]--><p>A</p>"},
)
def outlook_conditionals(mail: Mail) -> Iterator[Problem]:
    """Every `[if …]` has its `[endif]`."""
    opened, closed = len(re.findall(r"<!(?:--)?\[if", mail.html)), len(re.findall(r"<!\[endif\]", mail.html))
    if opened != closed:
        yield Problem(f"{opened} conditional comments are opened and {closed} closed.")
