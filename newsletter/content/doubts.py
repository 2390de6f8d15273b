"""What can be read and mailed, but is probably not what the author meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.content.hidden import blanked
from newsletter.content.source import SourceText
from newsletter.finding import Finding, Severity

MAYBE = re.compile(r"\{[{%#]|\*\||<%|%%|\$\$|\\begin\{|mermaid")
TORN = re.compile(r"\{[{%](?![<%])[^\n]{0,40}")
FOREIGN = re.compile(r"\*\|[A-Z][\w:]*\|\*|<%=? ?[\w.@ ]{1,40}%>|%%[\w ]{1,40}%%")
FORMULA = re.compile(r"^\s*\$\$|\\begin\{[a-z]+\*?\}", re.MULTILINE)
DRAWING = re.compile(r"^ {0,3}(?:```+|~~~+)[ \t]*\{?\.?(mermaid|plantuml|dot|graphviz)\b", re.MULTILINE)


def about_encoding(converted_from: str, path: str) -> Iterator[Finding]:
    """A file that was converted: the guess is good, but only its author can see that it is right."""
    if converted_from:
        yield Finding(
            "encoding-converted",
            Severity.INFO,
            f"The file was read as {converted_from} and converted.",
            path,
            1,
            "See that its letters are right, and save it as UTF-8.",
        )


def about_body(body: SourceText, path: str) -> Iterator[Finding]:
    """Template code of others, braces that never close, formulas and drawings; `body` is without merge expressions."""
    if not MAYBE.search(body.text):
        return
    for drawing in DRAWING.finditer(body.text):
        yield _doubt(
            "drawing-as-source", f"A {drawing[1].lower()} drawing is shown as its source.", body, drawing, path, PICTURE
        )
    text = blanked(body.text)
    for torn in TORN.finditer(text):
        remedy = "Close it with }} or %}; in text about templates, write it as code: `{{`."
        yield _doubt(
            "merge-torn",
            f"{torn[0].strip()!r} opens a merge expression that never closes, so it is mailed as it is written.",
            body,
            torn,
            path,
            remedy,
        )
    for foreign in FOREIGN.finditer(text):
        remedy = 'Write a merge expression: {{ first_name|default("friend") }}.'
        yield _doubt(
            "merge-foreign",
            f"{foreign[0]!r} is a merge tag of another system, so it is mailed as it is written.",
            body,
            foreign,
            path,
            remedy,
        )
    if formula := FORMULA.search(text):
        yield _doubt("formula-as-source", "A formula is shown as its source.", body, formula, path, PICTURE)


PICTURE = "Put a picture in its place."


def _doubt(code: str, message: str, body: SourceText, match: re.Match[str], path: str, remedy: str) -> Finding:
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    return Finding(code, Severity.WARNING, message, path, body.line_at(start), remedy)
