"""A subscriber: a person with an address, a time zone and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Subscriber:
    """A person who may get mail.

    `address` is as the person wrote it; `zone` is an IANA name or "" (then the campaign's is used); `lang` a
    BCP 47 tag or "". `attributes` are the other columns of the CSV, typed. `id` is 0 for a person who is not in
    the database (a persona of the preview, a row of an example file).
    """

    address: str
    name: str = ""
    zone: str = ""
    lang: str = ""
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    id: int = 0
