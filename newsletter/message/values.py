"""What `{{ … }}` may name, and where its value comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from newsletter.subscriber import Subscriber

LINK_NAMES = ("unsubscribe_url", "preferences_url", "web_url")
MESSAGE_NAMES = (*LINK_NAMES, "site_name", "postal_address")
"""What a message adds; never missing."""

MessageValues = Mapping[str, str]
"""The values of MESSAGE_NAMES for one message."""
Getter = Callable[[Subscriber, MessageValues], Any]
"""Takes one value from a subscriber and what the message adds."""


def merge_values(subscriber: Subscriber, message: MessageValues) -> dict[str, Any]:
    """What `{{ … }}` may name for one subscriber: attributes, names of PERSON, both under `subscriber`, MESSAGE_NAMES.

    None and "" count as missing: nobody wants a greeting to an empty name. A `first_name` among the attributes is
    taken before the first word of the name.
    """
    known = {**subscriber.attributes, **{name: getter(subscriber, message) for name, getter in PERSON.items()}}
    person = {name: value for name, value in known.items() if not is_missing(value)}
    return {**person, **message, "subscriber": person}


def getter_of(name: str, *, of_subscriber: bool) -> Getter:
    """How `name` is looked up; `of_subscriber`: as `subscriber.NAME`, which sees nothing of the message."""
    if name in MESSAGE_NAMES and not of_subscriber:
        return lambda subscriber, message: message[name]
    return PERSON.get(name) or (lambda subscriber, message: subscriber.attributes.get(name))


def is_missing(value: Any) -> bool:
    """Whether `value` counts as none at all."""
    return value is None or value == ""


def reader_of(subscriber: Subscriber) -> str:
    """A subscriber as errors name them."""
    return f"subscriber {subscriber.id} ({subscriber.address})" if subscriber.id else subscriber.address


def _first_name(subscriber: Subscriber, message: MessageValues) -> Any:
    given = subscriber.attributes.get("first_name")
    if is_missing(given):
        words = subscriber.name.split(None, 1)
        return words[0] if words else ""
    return given


PERSON: dict[str, Getter] = {
    "email": lambda subscriber, message: subscriber.address,
    "name": lambda subscriber, message: subscriber.name,
    "first_name": _first_name,
    "lang": lambda subscriber, message: subscriber.lang,
    "zone": lambda subscriber, message: subscriber.zone,
}
"""What every subscriber may have; `subscriber.NAME` means the same."""
