"""The front matter keys that count, typed. Anything odd in one of them is an error with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from newsletter.content.decoding import CONTROL
from newsletter.content.front_matter import FrontMatter
from newsletter.content.page import Link
from newsletter.errors import ContentError

KNOWN = frozenset(
    [
        "id",
        "title",
        "description",
        "draft",
        "published",
        "include_footer",
        "sidebar",
        "sidebarlogo",
        "weight",
        "date",
        "lang",
        "tags",
        "slug",
        "url",
        "next",
    ]
)
DECISIVE = frozenset(["draft", "published"])
"""Keys whose empty value leaves in doubt whether a page may be mailed."""
SLUG = re.compile(r"[\w.~-]+(?:/[\w.~-]+)*")
ADDRESS = re.compile(r"(?:https?://[^\s/]+)?/?[^\s:\\<>\"'{}]*", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Fields:
    """The known keys; the empty value of each type when a page does not give one. `keys` has their lines."""

    id: str
    title: str
    description: str
    draft: bool
    include_footer: bool
    sidebar: bool
    logo: str
    weight: int | None
    date: datetime | None
    lang: str
    tags: tuple[str, ...]
    slug: str
    url: str
    next: Link | None
    keys: Mapping[str, int]


def read_fields(front_matter: FrontMatter, path: str) -> Fields:
    """The known keys of `front_matter`, in any case, as Hugo reads them. Raises ContentError."""
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in front_matter.values.items():
        known = key.lower()
        if known not in KNOWN:
            continue
        line = front_matter.lines.get(key, 1)
        if known in lines:
            raise ContentError(
                f"The key {known!r} stands here and on line {lines[known]}.",
                where=path,
                line=line,
                remedy="Keep one of them.",
            )
        lines[known] = line
        if value is not None or known in DECISIVE:  # archetypes leave `tags:` and the like empty
            values[known] = value
    reader = FieldReader(values, lines, path)
    return Fields(
        id=reader.text("id"),
        title=" ".join(reader.text("title").split()),
        description=" ".join(reader.text("description").split()),
        draft=reader.boolean("draft") or not reader.boolean("published", missing=True),
        include_footer=reader.boolean("include_footer"),
        sidebar=reader.boolean("sidebar"),
        logo=reader.text("sidebarlogo"),
        weight=reader.integer("weight"),
        date=reader.moment("date"),
        lang=reader.matching("lang", LANGUAGE, "a language such as en, de or pt-BR").replace("_", "-"),
        tags=reader.texts("tags"),
        slug=reader.matching("slug", SLUG, "a slug such as day-in-the-life"),
        url=reader.matching("url", ADDRESS, "a path such as /unions/learning, or an https address"),
        next=reader.link("next"),
        keys=lines,
    )


@dataclass(frozen=True)
class FieldReader:
    """Reads one key at a time as the type it must have."""

    values: Mapping[str, Any]
    lines: Mapping[str, int]
    path: str

    def text(self, key: str) -> str:
        """Text; a whole number or a date is taken as it is written, since `title: 1984` is no mistake.

        YAML can write control characters (`"\\0"`) that the file itself does not hold.
        """
        value = self.values.get(key, "")
        if isinstance(value, int | date) and not isinstance(value, bool | datetime):
            value = str(value)
        if not isinstance(value, str):
            raise self._error(key, "text", 'Put it in quotes: "…".')
        return CONTROL.sub("", value).strip()

    def matching(self, key: str, pattern: re.Pattern[str], meaning: str) -> str:
        """Text of one form, or none."""
        value = self.text(key)
        if value and not (pattern.fullmatch(value) and ".." not in value):
            raise self._error(key, meaning)
        return value

    def boolean(self, key: str, *, missing: bool = False) -> bool:
        """True or false, nothing that merely looks like it: `draft: "true"` must never mean "not a draft"."""
        value = self.values.get(key, missing)
        if not isinstance(value, bool):
            raise self._error(key, "true or false", f"Write `{key}: true` or `{key}: false`, without quotes.")
        return value

    def integer(self, key: str) -> int | None:
        """A whole number, or none; in quotes or with zeros before it (`008`) as well, as Hugo reads it."""
        value = self.values.get(key)
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,9}", value.strip()):
            return int(value)
        if key in self.values and (not isinstance(value, int) or isinstance(value, bool)):
            raise self._error(key, "a whole number")
        return value

    def moment(self, key: str) -> datetime | None:
        """A moment, aware: a date is its midnight and a time without zone is taken as UTC."""
        value = self.values.get(key)
        if isinstance(value, str):
            value = _moment(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if key in self.values and not isinstance(value, datetime):
            raise self._error(key, "a date such as 2024-03-31")
        if value is None:
            return None
        try:
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        except OverflowError:
            raise self._error(key, "a date such as 2024-03-31") from None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of words; one word may stand without the list."""
        value = self.values.get(key, [])
        if isinstance(value, str):
            value = value.split(",")
        words = value if isinstance(value, list) else [None]
        if not all(isinstance(word, str | int) and not isinstance(word, bool) for word in words):
            raise self._error(key, "a list of words")
        return tuple(text for word in words if (text := str(word).strip()))

    def link(self, key: str) -> Link | None:
        """`next: learning`, or `next: {href: …, text: …}`."""
        value = self.values.get(key)
        if isinstance(value, dict):
            parts = {str(name).lower(): part for name, part in value.items()}
            href = next((parts[name] for name in ("href", "url", "link", "page", "slug") if name in parts), None)
            text = next((parts[name] for name in ("text", "title", "label") if name in parts), "")
        else:
            href, text = value, ""
        if key in self.values and not (isinstance(href, str) and href.strip() and isinstance(text, str)):
            raise self._error(key, "the slug, file or address of a page")
        return Link(str(href).strip(), " ".join(text.split()), self.lines[key]) if key in self.values else None

    def _error(self, key: str, meaning: str, remedy: str = "") -> ContentError:
        return ContentError(
            f"`{key}` must be {meaning}, not {_shown(self.values.get(key))}.",
            where=self.path,
            line=self.lines.get(key),
            remedy=remedy or f"Mend the line of `{key}`, or remove it.",
        )


def _moment(text: str) -> datetime | None:
    """The moment a text names in a form that Hugo and Jekyll take; None for others, 5/3/2020 among them."""
    text = " ".join(text.replace(",", ", ").split())
    text = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text)
    text = re.sub(r"([+-]\d{4}) [A-Z]{3,5}$", r"\1", text)  # `+0000 UTC`, as Go writes a time
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (a time without zone is taken as UTC)
        except ValueError:
            continue
    try:
        return parsedate_to_datetime(text) if RFC_5322_DATE.match(text) else None
    except ValueError:
        return None


FORMS = tuple(
    f"{day}{time}"
    for day in ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%B %d, %Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%d %b %Y")
    for time in ("", " %H:%M", " %H:%M:%S", " %H:%M:%S %z")
)
RFC_5322_DATE = re.compile(r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d")


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
    return shown if len(shown) <= 60 else shown[:57] + "…"
