"""Segments: saved expressions, and what an expression asks of the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any as AnyValue

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)

from newsletter.errors import SegmentError
from newsletter.store.segment_language import (
    FIELDS,
    All,
    Any,
    Call,
    Comparison,
    DaysAgo,
    Expression,
    Field,
    Not,
    Truth,
    Value,
    parse,
)
from newsletter.store.tables import (
    bounce,
    campaign,
    delivery,
    enrollment,
    segment,
    subscriber,
    subscriber_tag,
    suppression,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SIGNS: Mapping[str, Callable[[AnyValue, AnyValue], ColumnElement[bool]]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True)
class Segment:
    """A saved expression."""

    name: str
    expression: str
    created_at: datetime


def save_segment(connection: Connection, name: str, expression: str, *, at: datetime) -> None:
    """Save an expression under a name, replacing the one that was there. Raises SegmentError for either."""
    if not _NAME.fullmatch(name):
        raise SegmentError(
            f"{name!r} can't be the name of a segment", remedy="Use a–z, 0–9, - and _, for example french-readers."
        )
    parse(expression)
    values = {"expression": expression, "created_at": int(at.timestamp())}
    if not connection.execute(update(segment).where(segment.c.name == name).values(values)).rowcount:
        connection.execute(insert(segment).values(name=name, **values))


def delete_segment(connection: Connection, name: str) -> bool:
    """Forget a segment; whether there was one."""
    return connection.execute(delete(segment).where(segment.c.name == name)).rowcount > 0


def list_segments(connection: Connection) -> tuple[Segment, ...]:
    """All segments by name."""
    rows = connection.execute(select(segment).order_by(segment.c.name))
    return tuple(Segment(row.name, row.expression, datetime.fromtimestamp(row.created_at, UTC)) for row in rows)


def words_of(connection: Connection, text: str) -> str:
    """The expression that `text` stands for: that of the segment of this name, else `text` itself."""
    if not _NAME.fullmatch(text):
        return text
    saved = connection.execute(select(segment.c.expression).where(segment.c.name == text)).scalar_one_or_none()
    if saved is None:
        names = ", ".join(item.name for item in list_segments(connection)) or "none"
        raise SegmentError(f"there is no segment {text!r}", remedy=f"Saved segments: {names}.")
    return str(saved)


def condition(connection: Connection, text: str, now: datetime) -> ColumnElement[bool]:
    """The rows of the table `subscriber` that a saved segment or an expression means; every value is bound.

    Raises SegmentError for an expression that can't be read and a name that is not saved.
    """
    return _Compiling(connection.dialect.name == "postgresql", now).expression(parse(words_of(connection, text)))


@dataclass(frozen=True)
class _Compiling:
    """Turns the tree into SQL. Each comparison is true or false, never NULL: `not` means what it says."""

    is_postgresql: bool
    now: datetime

    def expression(self, tree: Expression) -> ColumnElement[bool]:
        match tree:
            case All(parts):
                return and_(*map(self.expression, parts))
            case Any(parts):
                return or_(*map(self.expression, parts))
            case Not(part):
                return not_(self.expression(part))
            case Truth(call):
                return self.truth(call)
            case Comparison():
                return self.comparison(tree)

    def truth(self, call: Call) -> ColumnElement[bool]:
        match call.name:
            case "tag":
                return exists().where(
                    subscriber_tag.c.subscriber_id == subscriber.c.id, subscriber_tag.c.tag == call.argument
                )
            case "has":
                if call.argument in FIELDS:
                    return self.field(Field(call.argument)) != ""
                return self.field(Field(call.argument, is_attribute=True)).is_not(None)
            case "suppressed":
                return exists().where(
                    suppression.c.address_hash == subscriber.c.address_hash,
                    suppression.c.scope.in_({"", call.argument}),
                )
        states = ("finished",) if call.name == "finished" else ("active", "waiting", "paused", "finished")
        query = exists().where(
            enrollment.c.subscriber_id == subscriber.c.id,
            enrollment.c.campaign_id == campaign.c.id,
            enrollment.c.state.in_(states),
        )
        return query.where(campaign.c.series == call.argument) if call.argument else query

    def comparison(self, tree: Comparison) -> ColumnElement[bool]:
        if tree.sign == "!=":  # what is missing is different, too
            return not_(self.comparison(Comparison(tree.left, "=", tree.right)))
        if tree.sign == "in":
            values = tree.right if isinstance(tree.right, tuple) else ()
            return or_(*(self.comparison(Comparison(tree.left, "=", value)) for value in values))
        if isinstance(tree.left, Call):
            found = self.call(tree.left, tree)
        elif tree.left == Field("created"):
            found = _SIGNS[_plain(tree)](subscriber.c.created_at, self.moment(tree.right))
        elif tree.sign == "contains":
            place = func.strpos if self.is_postgresql else func.instr
            found = place(func.lower(self.field(tree.left)), func.lower(literal(tree.right))) > 0
        else:
            found = self.field_comparison(tree.left, tree)
        return func.coalesce(found, false())

    def call(self, call: Call, tree: Comparison) -> ColumnElement[bool]:
        sign = _SIGNS[_plain(tree)]
        if call.name == "last_received":
            return sign(
                _of_series(select(func.max(delivery.c.finished_at)), call).scalar_subquery(), self.moment(tree.right)
            )
        if isinstance(tree.right, bool) or not isinstance(tree.right, int | float):
            raise SegmentError(
                f"{call.name}(…) is a number and can't be compared with {tree.right!r}",
                remedy=f"Write a number, for example {call.name}(…) >= 3.",
            )
        if call.name == "bounces":
            query = select(func.count()).where(bounce.c.subscriber_id == subscriber.c.id, bounce.c.kind == "bounce")
            return sign(query.scalar_subquery(), tree.right)
        return sign(_of_series(select(func.count()), call).scalar_subquery(), tree.right)

    def field_comparison(self, field: Field, tree: Comparison) -> ColumnElement[bool]:
        sign, right = _SIGNS[tree.sign], tree.right
        if isinstance(right, DaysAgo):
            return sign(self.field(field), self.days_ago(right).date().isoformat())
        if isinstance(right, bool):
            return sign(self.field(field), "true" if right else "false")
        if isinstance(right, int | float):
            return sign(self.number(field), right)
        return sign(self.field(field), right)

    def field(self, field: Field) -> ColumnElement[str]:
        """The field as text."""
        if field == Field("domain"):
            place = func.strpos if self.is_postgresql else func.instr
            return func.lower(func.substr(subscriber.c.address, place(subscriber.c.address, "@") + 1))
        if not field.is_attribute:
            return _COLUMNS[field.name]
        if self.is_postgresql:
            return subscriber.c.attributes.op("->>", return_type=Text())(literal(field.name, Text()))
        path = _path(field.name)
        extracted = cast(func.json_extract(subscriber.c.attributes, path), Text())
        kind = func.json_type(subscriber.c.attributes, path)
        return case((kind == "true", "true"), (kind == "false", "false"), else_=extracted)

    def number(self, field: Field) -> ColumnElement[float]:
        """The field as a number; NULL where it is none."""
        if not field.is_attribute:
            raise SegmentError(
                f"{field.name} is a text and can't be compared with a number", remedy='Write the value in quotes: "…".'
            )
        if self.is_postgresql:
            kind = func.json_typeof(subscriber.c.attributes.op("->")(literal(field.name, Text())))
            return case((kind == "number", cast(self.field(field), Double())), else_=None)
        path = _path(field.name)
        kind = func.json_type(subscriber.c.attributes, path)
        return case((kind.in_(("integer", "real")), func.json_extract(subscriber.c.attributes, path)), else_=None)

    def moment(self, value: Value | DaysAgo | tuple[Value, ...]) -> int:
        """A date as seconds since 1970: `"2026-03-01"`, `"2026-03-01T09:00:00+01:00"` or days_ago(30)."""
        if isinstance(value, DaysAgo):
            return int(self.days_ago(value).timestamp())
        try:
            read = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            read = None
        if read is None:
            raise SegmentError(f"{value!r} is not a date", remedy='Write "2026-03-01" or days_ago(30).')
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())

    def days_ago(self, value: DaysAgo) -> datetime:
        try:
            return self.now - timedelta(days=value.days)
        except OverflowError as error:
            raise SegmentError(
                f"days_ago({value.days:g}) lies before the year 1", remedy="Write fewer days."
            ) from error


_COLUMNS: Mapping[str, ColumnElement[str]] = {
    "email": subscriber.c.address,
    "name": subscriber.c.name,
    "zone": subscriber.c.zone,
    "lang": subscriber.c.lang,
    "created": cast(subscriber.c.created_at, Text()),
}


def _plain(tree: Comparison) -> str:
    if tree.sign not in _SIGNS:
        raise SegmentError(f"`{tree.sign}` is for texts", remedy="Use = < > for dates and numbers.")
    return tree.sign


def _of_series(query: Select[tuple[AnyValue]], call: Call) -> Select[tuple[AnyValue]]:
    query = query.select_from(delivery).where(delivery.c.subscriber_id == subscriber.c.id, delivery.c.state == "sent")
    if not call.argument:
        return query
    return query.where(delivery.c.campaign_id == campaign.c.id, campaign.c.series == call.argument)


def _path(key: str) -> str:
    if '"' in key or "\\" in key:
        raise SegmentError(
            f"{key!r} can't be the name of an attribute", remedy="Attributes are words in lower case joined by _."
        )
    return f'$."{key}"'
