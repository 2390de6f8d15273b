"""The shape of a rendered mail: its elements and what lays them out, without words and addresses.

Kept beside the content and compared, it shows when an upgrade of the engine, of a library or of a template changes
what is mailed, and which and how.
"""

from __future__ import annotations

import difflib
import re
from hashlib import sha256

from lxml import etree

from newsletter.check.mail import Mail
from newsletter.content.page import Page
from newsletter.content.tree import Element
from newsletter.finding import Finding, Severity

KEPT = ("class", "role", "width", "align", "dir", "style")
"""Attributes that make up the shape."""
SHOWN = 12
"""Lines of a difference that are shown."""


def shape_of(mail: Mail, page: Page) -> str:
    """The shape as text: the page's hash on the first line, then one element a line, indented by its depth."""
    lines = [f"# page {_hash(page)}"]
    conditional = re.findall(r"<!--\[if[^>]*>|<!\[endif\]", mail.html)
    lines.append(f"# {len(conditional)} conditional comments")
    root = etree.fromstring(mail.html.encode(), etree.HTMLParser(encoding="utf-8", remove_comments=True))
    pending: list[tuple[Element, int]] = [(root, 0)]
    while pending:
        element, depth = pending.pop()
        if not isinstance(element.tag, str):
            continue
        lines.append("  " * depth + element.tag + _attributes(element))
        if element.tag == "style":
            lines.append("  " * (depth + 1) + f"css {sha256((element.text or '').encode()).hexdigest()[:12]}")
        pending.extend((child, depth + 1) for child in reversed(list(element)))
    return "\n".join(lines) + "\n"


def _attributes(element: Element) -> str:
    return "".join(f' {name}="{" ".join(element.get(name).split())}"' for name in KEPT if element.get(name))


def _hash(page: Page) -> str:
    return sha256(page.source.encode()).hexdigest()[:16]


def compare(kept: str, mail: Mail, page: Page, where: str) -> Finding | None:
    """What changed since `kept` (the shape in file `where`): an error, or a word that the page itself was edited."""
    now = shape_of(mail, page)
    if kept == now:
        return None
    update = "If it is meant, run: newsletter check --golden --update-golden"
    if kept.split("\n", 1)[0] != now.split("\n", 1)[0]:
        message = f"The page changed since its shape was kept in {where}."
        return Finding("golden-outdated", Severity.INFO, message, page.path, 1, update)
    changed = [
        line
        for line in difflib.unified_diff(kept.split("\n"), now.split("\n"), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    some = "\n".join(f"         {line}" for line in changed[:SHOWN])
    more = f"\n         … and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    message = f"The mail has another shape than {where} says:\n{some}{more}"
    return Finding("golden-changed", Severity.ERROR, message, page.path, 1, update)
