"""Which values an email needs: what `check` tells authors before a subscriber without a value is met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import nodes

from newsletter.compose.email import Email
from newsletter.message.merge import parse, parts_of, place

Names = frozenset[str]
_NONE: Names = frozenset()


@dataclass(frozen=True)
class SlotUse:
    """A name that a part of an email (subject, preheader, html, text) uses.

    `defaulted` is False if a subscriber without this value can't be sent the page.
    """

    name: str
    part: str
    defaulted: bool


def slots_used(email: Email) -> tuple[SlotUse, ...]:
    """Each name the email uses, once per part and way. Raises TemplateError for what is not a template."""
    used: dict[SlotUse, None] = {}
    for part, source, html in parts_of(email):
        tree = parse(source, html=html, where=place(email))
        for name, defaulted in _in_order(tree.body, frozenset({"range", "loop", "subscriber"}), _NONE):
            used[SlotUse(name, part, defaulted)] = None
    return tuple(used)


def _in_order(body: Iterable[nodes.Node], local: Names, given: Names) -> Iterator[tuple[str, bool]]:
    for node in body:
        yield from _uses(node, local, given)
        if isinstance(node, nodes.Assign):
            local |= _targets(node.target)


def _uses(node: nodes.Node, local: Names, given: Names, defaulted: bool = False) -> Iterator[tuple[str, bool]]:
    """The names in `node` that are not `local`; those in `given` are known to have a value there."""
    name = _name(node)
    if name:
        if name not in local:
            yield name, defaulted or name in given
    elif isinstance(node, nodes.If | nodes.CondExpr):
        yield from _conditional(node, local, given)
    elif isinstance(node, nodes.For):
        yield from _uses(node.iter, local, given)
        inside = local | _targets(node.target)
        if node.test is not None:
            yield from _uses(node.test, inside, given)
        yield from _in_order(node.body, inside, given)
        yield from _in_order(node.else_, local, given)
    elif isinstance(node, nodes.Assign):
        yield from _uses(node.node, local, given)
    elif isinstance(node, nodes.And | nodes.Or | nodes.Not):
        yield from _condition(node, local, given)
    elif isinstance(node, nodes.Filter | nodes.Test):
        asks = node.name in ("default", "d", "defined", "undefined")
        for child in node.iter_child_nodes():
            yield from _uses(child, local, given, defaulted=asks and child is node.node)
    else:
        yield from _in_order(node.iter_child_nodes(), local, given)


def _conditional(node: nodes.If | nodes.CondExpr, local: Names, given: Names) -> Iterator[tuple[str, bool]]:
    if_true, if_false = _known(node.test)
    yield from _condition(node.test, local, given)
    if isinstance(node, nodes.CondExpr):
        yield from _uses(node.expr1, local, given | if_true)
        if node.expr2 is not None:
            yield from _uses(node.expr2, local, given | if_false)
        return
    yield from _in_order(node.body, local, given | if_true)
    yield from _in_order(node.elif_, local, given | if_false)
    yield from _in_order(node.else_, local, given | if_false)


def _condition(node: nodes.Node, local: Names, given: Names) -> Iterator[tuple[str, bool]]:
    """Names in a condition: asking a missing value for its truth is no error, comparing it is."""
    if _name(node):
        yield from _uses(node, local, given, defaulted=True)
    elif isinstance(node, nodes.Not):
        yield from _condition(node.node, local, given)
    elif isinstance(node, nodes.And | nodes.Or):
        if_true, if_false = _known(node.left)
        yield from _condition(node.left, local, given)
        yield from _condition(node.right, local, given | (if_true if isinstance(node, nodes.And) else if_false))
    else:
        yield from _uses(node, local, given)


def _known(test: nodes.Node) -> tuple[Names, Names]:
    """The names that have a value if `test` is true, and those that have one if it is false."""
    name = _name(test)
    if name:
        return frozenset({name}), _NONE
    if isinstance(test, nodes.Not):
        if_true, if_false = _known(test.node)
        return if_false, if_true
    if isinstance(test, nodes.Test) and test.name in ("defined", "undefined"):
        asked = frozenset({_name(test.node)})
        return (asked, _NONE) if test.name == "defined" else (_NONE, asked)
    if isinstance(test, nodes.And):
        return _known(test.left)[0] | _known(test.right)[0], _NONE
    if isinstance(test, nodes.Or):
        return _NONE, _known(test.left)[1] | _known(test.right)[1]
    return _NONE, _NONE


def _name(node: nodes.Node) -> str:
    """`company` for both `company` and `subscriber.company`, else ""."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
        key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        if node.node.name == "subscriber" and isinstance(key, str):
            return key
    return ""


def _targets(target: nodes.Node) -> Names:
    return frozenset(name.name for name in [target, *target.find_all(nodes.Name)] if isinstance(name, nodes.Name))
