"""What the merge language allows, and its limits: Jinja2 in a sandbox, without whatever could run away or leak.

Templates are written by authors, values come from subscribers. The sandbox keeps a template from reaching Python,
but by itself it does not keep `{{ 'a' * 10**9 }}` from filling the memory, so what can grow is refused or bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import idna
import jinja2
from jinja2 import nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

MAX_OUTPUT = 1_000_000
"""Characters that the logic of one template may come to: ten times what Gmail shows of a mail."""
MAX_STEPS = 10_000
"""Turns that all loops of one template may take together."""
MAX_NUMBER_BITS = 256

STEPS = "_steps"
"""The name of the step counter in a context; no template can say it, since names with `_` first are refused."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign),
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Keyword),
    *(nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat),
    nodes.Call,
)
_WORDS: dict[type[nodes.Node], str] = {
    nodes.Pow: "`**`",
    nodes.Macro: "`{% macro %}`",
    nodes.Include: "`{% include %}`",
    nodes.Import: "`{% import %}`",
    nodes.FromImport: "`{% from %}`",
    nodes.Extends: "`{% extends %}`",
    nodes.Block: "`{% block %}`",
    nodes.FilterBlock: "`{% filter %}`",
    nodes.AssignBlock: "`{% set %}` with a body",
    nodes.With: "`{% with %}`",
    nodes.Dict: "`{ … }`",
}
_FILTERS = (
    *("default", "d", "upper", "lower", "title", "capitalize", "trim", "truncate", "length", "count", "first", "last"),
    *("int", "float", "abs", "sort", "unique", "e", "escape"),
)
_SCHEMES = ("https", "http", "mailto")
_ADDRESS_CHARACTERS = "/:?#[]@!$&()*+,;=%-._~'"
_READY = re.compile(r"(?:https?://|mailto:)[A-Za-z0-9/:?#@!$&()*+,;=%._~-]+").fullmatch


class Missing(jinja2.StrictUndefined):
    """A value nobody gave: it may be asked for (`{% if company %}`), but printing or comparing it is an error."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False

    @property
    def _undefined_message(self) -> str:
        return f"`{self._undefined_name}` has no value"


class MergeEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 with the tests and loops of the merge language, its few filters, and values that are only data."""

    intercepted_binops = frozenset({"+", "*", "%"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(undefined=Missing, autoescape=autoescape, keep_trailing_newline=True)
        known = dict(self.filters)
        self.filters.clear()
        self.filters.update({name: known[name] for name in _FILTERS})
        bounded: dict[str, Callable[..., Any]] = {
            "replace": _bounded_replace(known["replace"]),
            "join": _bounded_join(known["join"]),
            "round": _round,
            "href": href,
            "url": url_part,
            STEPS: _counted,
        }
        self.filters.update(bounded)
        self.globals.clear()
        self.globals["range"] = _bounded_range

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`a.b` is an item of a mapping or a property of `loop`; Python attributes don't exist here."""
        if isinstance(obj, LoopContext):
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a mapping or a list, or a part of a text."""
        if isinstance(obj, jinja2.Undefined):
            return obj[argument]
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*` and `%` within limits: only they can make something much larger than what they are given."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "+" and not numbers:
            if hasattr(left, "__len__") and hasattr(right, "__len__") and len(left) + len(right) > MAX_OUTPUT:
                raise ValueError(f"the result of `+` is longer than {MAX_OUTPUT:,} characters")
        elif not numbers:
            raise ValueError(f"`{operator}` is for numbers")
        elif sum(number.bit_length() for number in (left, right) if isinstance(number, int)) > MAX_NUMBER_BITS:
            raise ValueError(f"the numbers of `{operator}` are too large")
        return super().call_binop(context, operator, left, right)


def refuse_unknown(tree: nodes.Template) -> None:
    """Raise ValueError for the first thing in `tree` that is not part of the merge language."""
    for node in _walk(tree):
        if isinstance(node, nodes.Call):
            _refuse_call(node)
        elif not isinstance(node, _ALLOWED):
            kind = _WORDS.get(type(node), f"`{type(node).__name__.lower()}`")
            raise ValueError(f"{kind} is not part of the merge language")
        elif isinstance(node, nodes.For) and node.recursive:
            raise ValueError("a recursive loop is not part of the merge language")
        elif isinstance(node, nodes.Const) and node.value in (float("inf"), float("-inf")):
            raise ValueError("a number is too large")  # Jinja2 would write it into its code as the name `inf`
        name = getattr(node, "name", None) or getattr(node, "attr", None)
        if isinstance(name, str) and (name.startswith("_") or (isinstance(node, nodes.Name) and name in _TAKEN)):
            raise ValueError(f"`{name}` is not a name the merge language knows")


_TAKEN = ("self", "super", "caller", "varargs", "kwargs")


class Bounds(NodeTransformer):
    """Puts limits into a tree: each loop counts its turns, so that nested ones end as well, and `~` becomes `join`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - jinja2's name
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, STEPS, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), "join", [], [], None, None, lineno=node.lineno)


def href(value: object) -> str:
    """A whole address for a `href`. Raises ValueError unless it is https, http or mailto."""
    address = str(value)
    if _READY(address):
        return address
    address = address.strip()
    scheme = address.partition(":")[0].lower()
    if ":" not in address or scheme not in _SCHEMES or (scheme != "mailto" and address[len(scheme) + 1 :][:2] != "//"):
        raise ValueError(f"{address[:60]!r} is not an address that starts with https:, http: or mailto:")
    host = "" if scheme == "mailto" else urlsplit(address).hostname or ""
    if not host.isascii():
        try:
            address = address.replace(host, idna.encode(host, uts46=True).decode(), 1)
        except idna.IDNAError as error:
            raise ValueError(f"{host!r} is not a domain") from error
    return quote(address, safe=_ADDRESS_CHARACTERS)


def url_part(value: object) -> str:
    """A part of an address, for example the value of a query parameter: everything but letters and digits encoded."""
    return quote(str(value), safe="")


def _refuse_call(node: nodes.Call) -> None:
    target = node.node
    if isinstance(target, nodes.Name) and target.name == "range":
        return
    if isinstance(target, nodes.Getattr) and isinstance(target.node, nodes.Name) and target.node.name == "loop":
        return
    raise ValueError("calling functions is not part of the merge language; use a filter")


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    budget = context[STEPS]
    for item in items:
        budget[0] -= 1
        if budget[0] < 0:
            raise ValueError(f"the loops take more than {MAX_STEPS:,} turns")
        yield item


def _bounded_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_STEPS:
        raise ValueError(f"`range` counts to {MAX_STEPS:,} at most")
    return numbers


def _bounded_replace(replace: Callable[..., str]) -> Callable[..., str]:
    def bounded(eval_context: Any, text: Any, old: Any, new: Any, count: int | None = None) -> str:
        if str(text).count(str(old)) * len(str(new)) > MAX_OUTPUT:
            raise ValueError(f"the result of `replace` is longer than {MAX_OUTPUT:,} characters")
        return replace(eval_context, text, old, new, count)

    return jinja2.pass_eval_context(bounded)


def _bounded_join(join: Callable[..., str]) -> Callable[..., str]:
    def bounded(eval_context: Any, items: Iterable[Any], separator: str = "") -> str:
        several = list(items)
        if len(several) * len(str(separator)) + sum(len(str(item)) for item in several) > MAX_OUTPUT:
            raise ValueError(f"the result of `join` is longer than {MAX_OUTPUT:,} characters")
        return join(eval_context, several, separator)

    return jinja2.pass_eval_context(bounded)


def _round(value: float, digits: int = 0) -> float:
    """Round to 0–12 decimal digits; more make no sense in a mail, and a huge negative count would never end."""
    if not 0 <= digits <= 12:
        raise ValueError("`round` takes 0 to 12 digits")
    return round(float(value), digits)
