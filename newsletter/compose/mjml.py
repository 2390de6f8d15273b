"""MJML → HTML with mrml, strictly: what mrml would swallow is an error."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from lxml import etree
from mjml import mjml2html

from newsletter.compose.mjml_tags import ATTRIBUTES, CHILDREN

NAMED_ENTITY = re.compile(r"&(?=[A-Za-z][A-Za-z0-9]*;)")
HTML_ROOT = re.compile(r"<!doctype html><html ", re.I)
WHITE_PREVIEW = "display:none;font-size:1px;color:#ffffff;"
GREY_PREVIEW = "display:none;font-size:1px;color:#808080;"
"""White letters on white, though they are hidden anyway, cost each mail 0.7 points of SpamAssassin's 5."""


class MjmlError(Exception):
    """Something in an MJML document that can't be right; `offset` is the character where it stands."""

    def __init__(self, message: str, offset: int, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.remedy = remedy


def to_html(mjml: str) -> str:
    """Render an MJML document as HTML. Raises MjmlError for the first thing in it that can't be right."""
    check(mjml)
    try:
        html: str = mjml2html(mjml, fonts={})
    except ValueError as error:
        raise MjmlError(f"MJML refuses this: {error}", _offset_in(mjml, str(error))) from error
    # Lower-case, the doctype is dropped by tools that expect what people write, and clients fall into quirks mode.
    html = HTML_ROOT.sub("<!DOCTYPE html><html ", html, count=1)
    return html.replace(WHITE_PREVIEW, GREY_PREVIEW, 1)


def check(mjml: str) -> None:
    """Raise MjmlError for an unknown tag or attribute, a tag where MJML would ignore it, or broken XML."""
    # lxml knows no HTML entities without a DTD; one byte for another keeps the columns.
    source = NAMED_ENTITY.sub("+", mjml)
    try:
        root = etree.fromstring(source, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        if loner := _loner(source):
            raise MjmlError(*loner) from error
        line, column = error.position
        offset = sum(len(text) + 1 for text in source.split("\n")[: line - 1]) + max(0, column - 2)
        message = f"this is not well-formed XML: {error.msg}"
        raise MjmlError(message, offset, "Close each tag, quote each value, write & as &amp;.") from error
    if root.tag != "mjml":
        raise MjmlError(f"<{root.tag}> is not <mjml>", 0)
    try:
        _check_element(root)
    except _MisfitError as misfit:
        line_end = len("\n".join(source.split("\n")[: misfit.element.sourceline]))
        offset = max(0, source.rfind(f"<{misfit.element.tag}", 0, line_end))
        raise MjmlError(misfit.message, offset, misfit.remedy) from misfit


TAG = re.compile(
    r"<!--[\s\S]*?-->|<(?P<closing>/?)(?P<name>[A-Za-z][\w:-]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?(?P<empty>/?)>"
)


def _loner(source: str) -> tuple[str, int, str] | None:
    """The first tag without its partner: what to say of it, where it stands, and the remedy.

    libxml2 notices an element that is left open only where an outer one ends, which is in another template.
    """
    opened: list[tuple[str, int]] = []
    for tag in TAG.finditer(source):
        name = tag["name"]
        if name is None or tag["empty"]:
            continue
        if not tag["closing"]:
            opened.append((name, tag.start()))
        elif opened and opened[-1][0] == name:
            opened.pop()
        elif any(name == other for other, _ in opened):
            return f"<{opened[-1][0]}> is never closed", opened[-1][1], f"Close it with </{opened[-1][0]}>."
        else:
            return (
                f"</{name}> closes what is not open",
                tag.start(),
                f"Take </{name}> away, or open <{name}> before it.",
            )
    return (
        (f"<{opened[-1][0]}> is never closed", opened[-1][1], f"Close it with </{opened[-1][0]}>.") if opened else None
    )


class _MisfitError(Exception):
    """An element that MJML doesn't know, or not here, or not so."""

    def __init__(self, element: Any, message: str, name: str, known: frozenset[str]) -> None:
        super().__init__(message)
        self.element = element
        self.message = message
        close = get_close_matches(name, known, n=1)
        self.remedy = f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(sorted(known))}."


def _check_element(element: Any) -> None:
    tag = element.tag
    allowed = ATTRIBUTES[tag]
    for name in element.attrib:
        if name not in allowed and "*" not in allowed:
            raise _MisfitError(element, f"<{tag}> has no attribute {name!r}", name, allowed)
    if tag == "mj-attributes":
        for child in element.iterchildren(etree.Element):
            if child.tag not in ATTRIBUTES:
                raise _MisfitError(child, f"<{child.tag}> is not a tag of MJML", child.tag, frozenset(ATTRIBUTES))
        return
    children = CHILDREN.get(tag)
    if children is None:
        return
    for child in element.iterchildren(etree.Element):
        if child.tag not in ATTRIBUTES:
            raise _MisfitError(child, f"<{child.tag}> is not a tag of MJML", child.tag, children)
        if child.tag not in children:
            raise _MisfitError(child, f"<{child.tag}> can't stand directly in <{tag}>", "", children)
        _check_element(child)


def _offset_in(mjml: str, complaint: str) -> int:
    """The character at the byte offset that mrml's message names (`at position 56..61`), 0 if it names none."""
    numbers = re.findall(r"(\d+)\.\.\d+|position (\d+)", complaint)
    if not numbers:
        return 0
    offset = int(next(filter(None, numbers[-1])))
    return len(mjml.encode()[:offset].decode("utf-8", "ignore"))
