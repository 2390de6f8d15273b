"""Attributes: what a CSV says about a person besides address, name, zone, language and tags."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
_NOT_WORD = re.compile(r"\W+")
_MAYBE_TYPED = frozenset("-0123456789tfTF[")


def attribute_key(column: str) -> str:
    """The name under which a column is merged: `Company Name` → `company_name`.

    A name the merge language can say, `{{ company_name }}`: words in lower case joined by `_`, never a digit first.
    """
    key = _NOT_WORD.sub("_", unicodedata.normalize("NFKC", column).lower()).strip("_")
    if not key:
        return ""
    return f"_{key}" if not key[0].isidentifier() else key


def typed(text: str) -> Any:
    """A cell as whole number, decimal, truth value or text.

    It is a number only when the number prints back as it was written: `007`, `+49 30` and `1.50` are text, since a
    postcode, a telephone number and a price must come out of the merge as they went in.
    """
    if text[:1] not in _MAYBE_TYPED:
        return text
    if _NUMBER.fullmatch(text):
        if "." not in text:
            return int(text) if text != "-0" else text
        number = float(text)
        return number if str(number) == text else text
    if text.startswith("["):
        return _list_in(text)
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    return text


def _list_in(text: str) -> Any:
    """The JSON list that our own export writes for an attribute with several values."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text
    plain = isinstance(value, list) and all(isinstance(item, str | int | bool) for item in value)
    return value if plain and json.dumps(value, ensure_ascii=False).isprintable() else text


def flatten(cell: str) -> dict[str, Any] | None:
    """The attributes in a JSON object, or None when the cell holds none.

    `{"address": {"city": "Lyon"}}` is `address_city`; a list stays a list, `null` says nothing.
    """
    try:
        value = json.loads(cell, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return dict(_leaves(value, ""))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON (RFC 8259 §6) and no database takes it")


def _leaves(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        key = attribute_key(f"{prefix}{name}")
        if isinstance(item, dict):
            yield from _leaves(item, f"{key}_")
        elif key and item is not None and item != "":
            yield key, item
