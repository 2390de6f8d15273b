"""The language of segments: `country = "FR" and tag("beta") and received("unions") >= 3`.

An expression is read into a small tree here; `newsletter.store.segments` turns the tree into SQL with bound values.

    expression   or, and, not, ( … )
    comparison   = != < <= > >=   in ("a", "b")   contains "text"
    values       "text"  12.5  true  false  days_ago(30)
    fields       email domain name zone lang created, and any attribute: seats, or attribute("odd name")
    truths       tag("beta")  has(city)  enrolled("unions")  finished("unions")  suppressed("unions")
    counts       received("unions")  bounces()          times   last_received("unions")
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from newsletter.errors import SegmentError

LONGEST = 4000
DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?)(?!\w)"""
    r"""|(?P<sign><=|>=|!=|==|<>|[=<>(),])|(?P<word>[^\W\d]\w*))"""
)
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_RESERVED = frozenset({"and", "or", "not", "in", "contains", "true", "false"})
TRUTHS = frozenset({"tag", "has", "enrolled", "finished", "suppressed"})
COUNTS = frozenset({"received", "bounces"})
TIMES = frozenset({"last_received"})
FIELDS = frozenset({"email", "domain", "name", "zone", "lang", "created"})
_WITHOUT_ARGUMENT = frozenset({"bounces"})
_ARGUMENT_MAY_MISS = frozenset({"received", "last_received", "suppressed", "enrolled", "finished"})

Value = str | float | int | bool


@dataclass(frozen=True)
class Field:
    """Something said of each subscriber: a field of FIELDS or, with `is_attribute`, an attribute."""

    name: str
    is_attribute: bool = False


@dataclass(frozen=True)
class Call:
    """A function of TRUTHS, COUNTS or TIMES; `argument` is a tag, a series (or "" for all) or an attribute."""

    name: str
    argument: str = ""


@dataclass(frozen=True)
class DaysAgo:
    """The moment so many days of 24 hours before now."""

    days: float


@dataclass(frozen=True)
class Comparison:
    """`left sign right`; with the sign `in`, `right` is a tuple, with `contains` a text."""

    left: Field | Call
    sign: str
    right: Value | DaysAgo | tuple[Value, ...]


@dataclass(frozen=True)
class Truth:
    """A call that is true or false by itself."""

    call: Call


@dataclass(frozen=True)
class Not:
    """True where `part` is not."""

    part: Expression


@dataclass(frozen=True)
class All:
    """True where each part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Any:
    """True where one part is."""

    parts: tuple[Expression, ...]


Expression = Comparison | Truth | Not | All | Any


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str) -> Expression:
    """Read an expression. Raises SegmentError that says at which character what was expected."""
    if len(text) > LONGEST:
        raise SegmentError(f"the segment is longer than {LONGEST} characters", remedy="Use tags, or several segments.")
    if not text.strip():
        raise SegmentError("the segment is empty", remedy='For example: country = "FR" and tag("beta")')
    reading = _Reading(text)
    expression = reading.either()
    if reading.token.kind != "end":
        reading.fail("`and`, `or` or the end")
    return expression


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            what = "a quote that is never closed" if text[at] in "\"'" else f"{text[at]!r}, which has no meaning here"
            raise _error(text, at, f"there is {what}")
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind))
        at = found.end()
    yield _Token("end", "the end", end)


def _error(text: str, at: int, message: str) -> SegmentError:
    start = max(0, at - 30)
    return SegmentError(
        f"in the segment, at character {at + 1}, {message}",
        remedy=f"{text[start : at + 30]!r}: look at {text[at : at + 12]!r}" if at < len(text) else f"{text[start:]!r}",
    )


class _Reading:
    """Recursive descent; each method reads one rule of the grammar and leaves `token` behind it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.depth = 0
        self.token = next(self.tokens)

    def fail(self, expected: str) -> NoReturn:
        shown = self.token.text if self.token.kind == "end" else repr(self.token.text)
        raise _error(self.text, self.token.at, f"{expected} is expected, not {shown}")

    def advance(self) -> _Token:
        token = self.token
        self.token = next(self.tokens)
        return token

    def is_word(self, word: str) -> bool:
        return self.token.kind == "word" and self.token.text.lower() == word

    def is_sign(self, sign: str) -> bool:
        return self.token.kind == "sign" and self.token.text == sign

    def expect(self, sign: str) -> None:
        if not self.is_sign(sign):
            self.fail(f"`{sign}`")
        self.advance()

    def either(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _error(self.text, self.token.at, f"parentheses are nested deeper than {DEEPEST}")
        parts = [self.both()]
        while self.is_word("or"):
            self.advance()
            parts.append(self.both())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def both(self) -> Expression:
        parts = [self.negation()]
        while self.is_word("and"):
            self.advance()
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def negation(self) -> Expression:
        turns = 0
        while self.is_word("not"):
            self.advance()
            turns += 1
        part = self.comparison()
        return Not(part) if turns % 2 else part

    def comparison(self) -> Expression:
        if self.is_sign("("):
            self.advance()
            inner = self.either()
            self.expect(")")
            return inner
        left = self.operand()
        if isinstance(left, Call) and left.name in TRUTHS:
            return Truth(left)
        turned = self.is_word("not")
        if turned:
            self.advance()
        if self.is_word("in"):
            self.advance()
            found: Expression = Comparison(left, "in", self.values())
        elif self.is_word("contains"):
            self.advance()
            if self.token.kind != "text":
                self.fail("a text in quotes")
            found = Comparison(left, "contains", self.string())
        elif not turned and self.token.kind == "sign" and self.token.text in _COMPARISONS:
            sign = _COMPARISONS[self.advance().text]
            found = Comparison(left, sign, self.value())
        else:
            self.fail("`in` or `contains`" if turned else "a comparison such as `=`")
        return Not(found) if turned else found

    def operand(self) -> Field | Call:
        if self.token.kind != "word" or self.token.text.lower() in _RESERVED:
            self.fail("a field or a function")
        name = self.advance()
        if not self.is_sign("("):
            return Field(name.text, is_attribute=name.text not in FIELDS)
        if name.text == "attribute":
            return Field(self.argument(may_miss=False), is_attribute=True)
        if name.text not in TRUTHS | COUNTS | TIMES:
            known = ", ".join(sorted(TRUTHS | COUNTS | TIMES))
            raise _error(self.text, name.at, f"there is no function {name.text!r}; there are {known}")
        if name.text in _WITHOUT_ARGUMENT:
            self.expect("(")
            self.expect(")")
            return Call(name.text)
        return Call(name.text, self.argument(may_miss=name.text in _ARGUMENT_MAY_MISS, word=name.text == "has"))

    def argument(self, *, may_miss: bool, word: bool = False) -> str:
        self.expect("(")
        if may_miss and self.is_sign(")"):
            self.advance()
            return ""
        if self.token.kind != "text" and not (word and self.token.kind == "word"):
            self.fail("a text in quotes")
        found = self.string() if self.token.kind == "text" else self.advance().text
        self.expect(")")
        return found

    def values(self) -> tuple[Value, ...]:
        self.expect("(")
        found = [self.constant()]
        while self.is_sign(","):
            self.advance()
            found.append(self.constant())
        self.expect(")")
        return tuple(found)

    def value(self) -> Value | DaysAgo:
        if not self.is_word("days_ago"):
            return self.constant()
        self.advance()
        self.expect("(")
        if self.token.kind != "number":
            self.fail("a number of days")
        days = float(self.number())
        self.expect(")")
        return DaysAgo(days)

    def constant(self) -> Value:
        if self.token.kind == "text":
            return self.string()
        if self.token.kind == "number":
            return self.number()
        if self.is_word("true") or self.is_word("false"):
            return self.advance().text.lower() == "true"
        self.fail("a text in quotes, a number, true or false")

    def number(self) -> int | float:
        at = self.token.at
        number = float(self.token.text) if "." in self.token.text else int(self.token.text)
        if abs(number) > 10**15:
            raise _error(self.text, at, "the number is too large")
        self.advance()
        return number

    def string(self) -> str:
        token = self.advance()
        text = re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if "\0" in text:
            raise _error(self.text, token.at, "a text holds a NUL character")
        return text
