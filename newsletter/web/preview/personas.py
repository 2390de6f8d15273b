"""For whom a page is shown: the readers that break layouts, the example file's, and anybody imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from newsletter.subscriber import Subscriber


@dataclass(frozen=True)
class Persona:
    """A reader to look through the eyes of. `key` names them in the address bar."""

    key: str
    label: str
    group: str
    subscriber: Subscriber


def personas(examples: Iterable[Subscriber]) -> tuple[Persona, ...]:
    """The rows of the example file, then readers made from the first row who are hard on a layout."""
    rows = [
        Persona(f"row-{number}", reader.name or reader.address, "Example subscribers", reader)
        for number, reader in enumerate(examples, start=1)
    ]
    first = rows[0].subscriber if rows else Subscriber("reader@example.com", name="Ann Lee")
    return (*rows, *_hard_ones(first))


def person(subscriber: Subscriber) -> Persona:
    """Somebody from the database."""
    return Persona(f"id-{subscriber.id}", subscriber.name or subscriber.address, "Subscribers", subscriber)


def _hard_ones(first: Subscriber) -> Iterable[Persona]:
    long = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh"

    def like(name: str, address: str, words: str, *, lang: str = "") -> Subscriber:
        """The first row with every text replaced by something of the persona's kind."""
        attributes: dict[str, Any] = {
            key: words if isinstance(value, str) else value for key, value in first.attributes.items()
        }
        return replace(
            first, id=0, address=address, name=name, lang=lang or first.lang, attributes=MappingProxyType(attributes)
        )

    group = "Hard cases"
    bare = Subscriber("nobody@example.com")
    yield Persona("bare", "Nothing but an address", group, bare)
    yield Persona(
        "long",
        "Long names",
        group,
        like(
            f"Maximiliana Hubertine {long}",
            f"maximiliana.{'x' * 40}@example.com",
            f"{long} and Daughters, Incorporated",
        ),
    )
    yield Persona(
        "rtl", "Right to left", group, like("عبد الرحمن بن محمد", "reader-rtl@example.com", "مركز العمال (حيفا)")
    )
    yield Persona("emoji", "Emoji", group, like("Zoë 👩🏽‍🚀 Adams", "reader-emoji@example.com", "🚀 Rocket & Sons ✨"))
    yield Persona(
        "markup",
        "Markup in the data",
        group,
        like('Bobby "<b>Tables</b>" & Sons', "reader-markup@example.com", "<script>alert(1)</script> {{ name }}"),
    )
