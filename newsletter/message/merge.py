"""The merge language: templates whose slots are filled for each subscriber."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jinja2
from jinja2 import nodes
from markupsafe import escape

from newsletter.compose import merge_language
from newsletter.compose.email import Email
from newsletter.compose.merge_language import MergeEnvironment
from newsletter.errors import TemplateError
from newsletter.message.roads import Slot, block_slot, expression_slot
from newsletter.message.values import MessageValues
from newsletter.subscriber import Subscriber

_HTML = MergeEnvironment(autoescape=True)
_TEXT = MergeEnvironment(autoescape=False)

Template = tuple[str | Slot, ...]
"""Constant text and slots, in order."""


@dataclass(frozen=True)
class MergedEmail:
    """What one subscriber would read, before it becomes MIME."""

    subject: str
    preheader: str
    html: str
    text: str


def compile_template(source: str, *, html: bool, where: str) -> Template:
    """Compile one part of an email. `where` names the page in errors.

    Raises TemplateError for what is not a template or not part of the merge language.
    """
    environment = _HTML if html else _TEXT
    tree = parse(source, html=html, where=where)
    parts: list[str | Slot] = []
    for index, node in enumerate(tree.body):
        if isinstance(node, nodes.Assign):
            # A variable reaches to the end of the template, so from here on all of it is one slot.
            parts.append(block_slot(tree.body[index:], environment, where))
            break
        if not isinstance(node, nodes.Output):
            parts.append(block_slot([node], environment, where))
            continue
        parts.extend(_part(child, environment, html, where) for child in node.nodes)
    return tuple(_joined(parts))


def render(template: Template, subscriber: Subscriber, message: MessageValues) -> str:
    """The text of a template for one subscriber. Raises TemplateError for a value that is missing or unfit."""
    return "".join([part if isinstance(part, str) else part.fill(subscriber, message) for part in template])


def merge(email: Email, subscriber: Subscriber, message: MessageValues) -> MergedEmail:
    """The email as this subscriber would read it. For previews and checks; sending goes through MessageBuilder.

    Raises TemplateError for a value that is missing or unfit.
    """
    merged = {
        part: render(compile_template(source, html=html, where=place(email)), subscriber, message)
        for part, source, html in parts_of(email)
    }
    return MergedEmail(**merged)


def place(email: Email) -> str:
    """The page as errors name it."""
    return f"{email.series}/{email.page_id}"


def parts_of(email: Email) -> tuple[tuple[str, str, bool], ...]:
    """Each templated part: its name, its template, whether it is HTML."""
    return (
        ("subject", email.subject, False),
        ("preheader", email.preheader, False),
        ("html", email.html, True),
        ("text", email.text, False),
    )


def parse(source: str, *, html: bool, where: str) -> nodes.Template:
    """Read a template. Raises TemplateError for what is not one, or not part of the merge language."""
    environment = _HTML if html else _TEXT
    try:
        tree = environment.parse(source)
        merge_language.refuse_unknown(tree)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"the merge language can't be read: {error.message}", where=where) from error
    except ValueError as error:
        raise TemplateError(str(error), where=where, remedy="See docs/merge-language.md.") from error
    except RecursionError as error:
        raise TemplateError("the template is nested too deeply", where=where) from error
    return tree


def _part(node: nodes.Expr, environment: MergeEnvironment, html: bool, where: str) -> str | Slot:
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return str(escape(node.value)) if html else node.value
    return expression_slot(node, environment, html, where) or block_slot([nodes.Output([node])], environment, where)


def _joined(parts: Sequence[str | Slot]) -> Iterator[str | Slot]:
    """Neighbouring constants made one, and the same expression the same slot, so that it is filled only once."""
    constant = ""
    slots: dict[str, Slot] = {}
    for part in parts:
        if isinstance(part, str):
            constant += part
            continue
        if constant:
            yield constant
        constant = ""
        yield slots.setdefault(part.expression, part) if part.fast else part
    if constant:
        yield constant
