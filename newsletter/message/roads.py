"""Slots, and the two roads that fill them.

A plain expression (`{{ company }}`, `{{ subscriber.name | default("friend") | upper }}`) becomes a small function: the
fast road. Whatever has logic is compiled by Jinja2: the slow road. Both call the same filters and give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import nodes
from markupsafe import escape

from newsletter.compose import merge_language
from newsletter.compose.merge_language import MergeEnvironment, Missing
from newsletter.errors import TemplateError
from newsletter.message.values import (
    LINK_NAMES,
    MESSAGE_NAMES,
    Getter,
    MessageValues,
    getter_of,
    merge_values,
    reader_of,
)
from newsletter.subscriber import Subscriber

Fill = Callable[[Subscriber, MessageValues], str]

_PLAIN_FILTERS = ("upper", "lower", "title", "capitalize", "trim", "href", "url")
"""Filters of the fast road: functions of the value alone."""
_MARKUP = re.compile("[&<>'\"]").search  # escaping costs three times this look
_FAILURES = (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Slot:
    """A place in a template.

    `expression` is how the author wrote it, as far as it can be told; `fast` is its road; `plain` promises text of one
    line in ASCII without `=`, which needs no encoding.
    """

    expression: str
    fill: Fill
    fast: bool
    plain: bool = False


_LINK_SLOTS = {name: Slot(name, getter_of(name, of_subscriber=False), fast=True, plain=True) for name in LINK_NAMES}
"""Our own links need no escaping anywhere (see `Links`), so text and HTML share one slot, filled once per message."""


def expression_slot(node: nodes.Expr, environment: MergeEnvironment, html: bool, where: str) -> Slot | None:
    """A slot of the fast road, or None if `node` is more than a name and plain filters."""
    filters: list[nodes.Filter] = []
    while isinstance(node, nodes.Filter) and node.node is not None:
        filters.insert(0, node)
        node = node.node
    name, key, of_subscriber = _named(node)
    steps = [step for each in filters if (step := _step(each, environment)) is not None]
    if not key or len(steps) < len(filters):
        return None
    written = [_written_filter(each) for each in filters]
    if name in LINK_NAMES and written in ([], ["href"]):
        return _LINK_SLOTS[name]
    expression = " | ".join([name, *written])
    instead: Any = Missing(name=name)
    if filters and filters[0].name in ("default", "d"):
        # What `default` gives for a missing value is known now; only `default(…, true)` has more to do later.
        instead = steps[0](instead)
        steps = steps if len(filters[0].args) == 2 else steps[1:]
    if key in MESSAGE_NAMES and not of_subscriber:
        instead = ""  # a site may have no postal address
    getter = getter_of(key, of_subscriber=of_subscriber)
    return Slot(expression, _fill(getter, tuple(steps), instead, html, expression, where), fast=True)


def block_slot(body: Sequence[nodes.Node], environment: MergeEnvironment, where: str) -> Slot:
    """A slot that Jinja2 renders."""
    tree = nodes.Template(list(body), lineno=1)
    merge_language.Bounds().visit(tree)
    tree.set_environment(environment)
    try:
        code = environment.compile(tree)
    except (*_FAILURES, SyntaxError, MemoryError) as error:
        raise TemplateError(f"the merge language can't be read: {error}", where=where) from error
    template = environment.template_class.from_code(environment, code, environment.globals)
    expression = _written_block(body[0])

    def fill(subscriber: Subscriber, message: MessageValues) -> str:
        values = merge_values(subscriber, message)
        values[merge_language.STEPS] = [merge_language.MAX_STEPS]
        size = 0
        chunks: list[str] = []
        try:
            for chunk in template.root_render_func(template.new_context(values)):
                size += len(chunk)
                if size > merge_language.MAX_OUTPUT:
                    raise ValueError(f"the result is longer than {merge_language.MAX_OUTPUT:,} characters")
                chunks.append(chunk)
        except (*_FAILURES, MemoryError) as error:
            raise _refusal(error, expression, subscriber, where) from error
        return "".join(chunks)

    return Slot(expression, fill, fast=False)


def _named(node: nodes.Expr) -> tuple[str, str, bool]:
    """An expression as it is written, the name in it ("" if it is more than a name), whether `subscriber.` leads it."""
    if isinstance(node, nodes.Name) and node.name != "subscriber":
        return node.name, node.name, False
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        if node.node.name == "subscriber" and isinstance(key, str):
            return f"subscriber.{key}", key, True
    return "", "", False


def _step(node: nodes.Filter, environment: MergeEnvironment) -> Callable[[Any], Any] | None:
    arguments = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
    if len(arguments) != len(node.args) or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
        return None
    function: Callable[..., Any] | None = environment.filters.get(node.name)
    if function is not None and node.name in ("default", "d") and 1 <= len(arguments) <= 2:
        return lambda value: function(value, *arguments)
    if function is not None and node.name in _PLAIN_FILTERS and not arguments:
        return function
    return None


def _fill(
    getter: Getter,
    steps: tuple[Callable[[Any], Any], ...],
    instead: Any,
    html: bool,
    expression: str,
    where: str,
) -> Fill:
    """`getter`, then each of `steps`; `instead` stands for a value that is missing."""

    def fill(subscriber: Subscriber, message: MessageValues) -> str:
        value = getter(subscriber, message)
        if value is None or value == "":
            value = instead
        try:
            for step in steps:
                value = step(value)
            text = str(value)
            return escape(text) if html and _MARKUP(text) else text
        except _FAILURES as error:
            raise _refusal(error, expression, subscriber, where) from error

    return fill


def _refusal(error: Exception, expression: str, subscriber: Subscriber, where: str) -> TemplateError:
    remedy = ""
    message = str(error) or type(error).__name__
    if isinstance(error, jinja2.UndefinedError):
        name = message.split("`")[1] if "`" in message else expression  # what `Missing` says
        remedy = f'Give the subscriber a value, or write a default: {{{{ {name} | default("…") }}}}.'
    return TemplateError(
        f"{message}, in {{{{ {expression} }}}} for {reader_of(subscriber)}", where=where, remedy=remedy
    )


def _written_filter(node: nodes.Filter) -> str:
    arguments = ", ".join(repr(argument.value) for argument in node.args if isinstance(argument, nodes.Const))
    return f"{node.name}({arguments})" if arguments else node.name


def _written_block(node: nodes.Node) -> str:
    words: dict[type[nodes.Node], str] = {nodes.If: "if ", nodes.For: "for ", nodes.Assign: "set "}
    word = words.get(type(node), "")
    names = dict.fromkeys(name.name for name in node.find_all(nodes.Name) if name.name != "subscriber")
    return f"{word}{', '.join(names)} …"
