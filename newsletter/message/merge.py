"""The merge language: templates whose slots are filled for each subscriber.

A template is compiled once into constant text and slots. A slot that is a plain expression (`{{ company }}`,
`{{ subscriber.name | default("friend") | upper }}`) becomes a small function: the fast road. Whatever has logic is
compiled by Jinja2: the slow road. Both fill the same kind of slot, call the same filters, and give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import nodes
from markupsafe import escape

from newsletter.compose.email import Email
from newsletter.errors import TemplateError
from newsletter.message import sandbox
from newsletter.message.sandbox import MergeEnvironment, Missing
from newsletter.subscriber import Subscriber

PERSON_NAMES = ("email", "name", "first_name", "lang", "zone")
"""What every subscriber may have; `subscriber.NAME` means the same."""
LINK_NAMES = ("unsubscribe_url", "preferences_url", "web_url")
MESSAGE_NAMES = (*LINK_NAMES, "site_name", "postal_address")
"""What a message adds; never missing."""

MessageValues = Mapping[str, str]
"""The values of MESSAGE_NAMES for one message."""
Fill = Callable[[Subscriber, MessageValues], str]

_HTML = MergeEnvironment(autoescape=True)
_TEXT = MergeEnvironment(autoescape=False)

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
            parts.append(_block(tree.body[index:], environment, where))
            break
        if not isinstance(node, nodes.Output):
            parts.append(_block([node], environment, where))
            continue
        parts.extend(_part(child, environment, html, where) for child in node.nodes)
    return tuple(_joined(parts))


def merge_values(subscriber: Subscriber, message: MessageValues) -> dict[str, Any]:
    """What `{{ … }}` may name for one subscriber: attributes, PERSON_NAMES, both under `subscriber`, MESSAGE_NAMES.

    None and "" count as missing: nobody wants a greeting to an empty name. A `first_name` among the attributes is
    taken before the first word of the name.
    """
    person = {name: value for name, value in subscriber.attributes.items() if name not in _PERSON}
    person |= {name: getter(subscriber, message) for name, getter in _PERSON.items()}
    person = {name: value for name, value in person.items() if not _empty(value)}
    return {**person, **message, "subscriber": person}


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


def reader_of(subscriber: Subscriber) -> str:
    """A subscriber as errors name them."""
    return f"subscriber {subscriber.id} ({subscriber.address})" if subscriber.id else subscriber.address


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
        sandbox.refuse_unknown(tree)
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
    return _expression(node, environment, html, where) or _block([nodes.Output([node])], environment, where)


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


# --- the fast road ---


def _expression(node: nodes.Expr, environment: MergeEnvironment, html: bool, where: str) -> Slot | None:
    """A slot of the fast road, or None if `node` is more than a name and plain filters."""
    filters: list[nodes.Filter] = []
    while isinstance(node, nodes.Filter) and node.node is not None:
        filters.insert(0, node)
        node = node.node
    name, getter = _named(node)
    steps = [step for each in filters if (step := _step(each, environment)) is not None]
    if getter is None or len(steps) < len(filters):
        return None
    written = [_written_filter(each) for each in filters]
    if name in LINK_NAMES and written in ([], ["href"]):
        return _LINKS[name]
    expression = " | ".join([name, *written])
    instead: object = Missing(name=name)
    if filters and filters[0].name in ("default", "d"):
        # What `default` gives for a missing value is known now; only `default(…, true)` has more to do later.
        instead = steps[0](instead)
        steps = steps if len(filters[0].args) == 2 else steps[1:]
    return Slot(expression, _fill(name, getter, tuple(steps), instead, html, expression, where), fast=True)


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


def _named(node: nodes.Expr) -> tuple[str, Fill | None]:
    if isinstance(node, nodes.Name):
        return node.name, _getter(node.name) if node.name != "subscriber" else None
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        if node.node.name == "subscriber" and isinstance(key, str):
            return f"subscriber.{key}", _PERSON.get(key) or _attribute(key)
    return "", None


def _getter(name: str) -> Fill:
    if name in MESSAGE_NAMES:
        return _link(name)
    return _PERSON.get(name) or _attribute(name)


def _link(name: str) -> Fill:
    return lambda subscriber, message: message[name]


def _attribute(name: str) -> Callable[[Subscriber, MessageValues], Any]:
    return lambda subscriber, message: subscriber.attributes.get(name)


def _first_name(subscriber: Subscriber, message: MessageValues) -> Any:
    given = subscriber.attributes.get("first_name")
    if _empty(given):
        words = subscriber.name.split(None, 1)
        return words[0] if words else ""
    return given


_PERSON: dict[str, Callable[[Subscriber, MessageValues], Any]] = {
    "email": lambda subscriber, message: subscriber.address,
    "name": lambda subscriber, message: subscriber.name,
    "first_name": _first_name,
    "lang": lambda subscriber, message: subscriber.lang,
    "zone": lambda subscriber, message: subscriber.zone,
}


_LINKS = {name: Slot(name, _link(name), fast=True, plain=True) for name in LINK_NAMES}
"""Our own links need no escaping anywhere (see `Links`), so text and HTML share one slot, filled once per message."""


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _fill(
    name: str,
    getter: Callable[[Subscriber, MessageValues], Any],
    steps: tuple[Callable[[Any], Any], ...],
    instead: object,
    html: bool,
    expression: str,
    where: str,
) -> Fill:
    """`getter`, then each of `steps`; `instead` stands for a value that is missing."""
    may_miss = name not in MESSAGE_NAMES

    def fill(subscriber: Subscriber, message: MessageValues) -> str:
        value = getter(subscriber, message)
        if (value is None or value == "") and may_miss:
            value = instead
        try:
            for step in steps:
                value = step(value)
            text = str(value)
            return escape(text) if html and _MARKUP(text) else text
        except _FAILURES as error:
            raise _refusal(error, expression, subscriber, where) from error

    return fill


# --- the slow road ---


def _block(body: Sequence[nodes.Node], environment: MergeEnvironment, where: str) -> Slot:
    """A slot that Jinja2 renders."""
    tree = nodes.Template(list(body), lineno=1)
    sandbox.Bounds().visit(tree)
    tree.set_environment(environment)
    try:
        code = environment.compile(tree)
    except (*_FAILURES, SyntaxError, MemoryError) as error:
        raise TemplateError(f"the merge language can't be read: {error}", where=where) from error
    template = environment.template_class.from_code(environment, code, environment.globals)
    expression = _written_block(body[0])

    def fill(subscriber: Subscriber, message: MessageValues) -> str:
        values = merge_values(subscriber, message)
        values[sandbox.STEPS] = [sandbox.MAX_STEPS]
        size = 0
        chunks: list[str] = []
        try:
            for chunk in template.root_render_func(template.new_context(values)):
                size += len(chunk)
                if size > sandbox.MAX_OUTPUT:
                    raise ValueError(f"the result is longer than {sandbox.MAX_OUTPUT:,} characters")
                chunks.append(chunk)
        except (*_FAILURES, MemoryError) as error:
            raise _refusal(error, expression, subscriber, where) from error
        return "".join(chunks)

    return Slot(expression, fill, fast=False)


# --- how it was written, for errors ---


def _refusal(error: Exception, expression: str, subscriber: Subscriber, where: str) -> TemplateError:
    remedy = ""
    if isinstance(error, jinja2.UndefinedError):
        remedy = 'Give the subscriber a value, or write a default: {{ name | default("friend") }}.'
    message = str(error) or type(error).__name__
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
