"""Subscribers and their tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    type_coerce,
    update,
)

from newsletter.store.bulk import insert_new, select_after, select_by, update_rows
from newsletter.store.tables import delivery, subscriber, subscriber_tag
from newsletter.subscriber import Subscriber

State = Literal["pending", "active"]
_WRITTEN = ("address_hash", "address", "name", "zone", "lang", "attributes", "state", "created_at", "updated_at")
BATCH = 2000
"""Rows read at once."""


@dataclass(frozen=True)
class StoredSubscriber:
    """A subscriber with what only the store knows."""

    subscriber: Subscriber
    address_hash: bytes
    state: State
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> int:
        return self.subscriber.id


class NewSubscriber(NamedTuple):
    """A subscriber to be."""

    address_hash: bytes
    address: str
    name: str
    zone: str
    lang: str
    attributes: Mapping[str, Any]


def add_subscriber(
    connection: Connection, person: Subscriber, address_hash: bytes, *, state: State, at: datetime
) -> int:
    """Add one person; their id, or that of whoever has the address already."""
    new = NewSubscriber(address_hash, person.address, person.name, person.zone, person.lang, person.attributes)
    return add_subscribers(connection, [new], state=state, at=at)[address_hash]


def add_subscribers(
    connection: Connection, people: Sequence[NewSubscriber], *, state: State, at: datetime
) -> dict[bytes, int]:
    """Add many, leaving out addresses that another process has added meanwhile; the ids of all, by hash."""
    if not people:
        return {}
    seconds = int(at.timestamp())
    wanted = (subscriber.c.address_hash, subscriber.c.id)
    last = connection.execute(select(func.coalesce(func.max(subscriber.c.id), 0))).scalar_one()
    rows = [(*person[:5], _to_json(person.attributes), state, seconds, seconds) for person in people]
    insert_new(connection, subscriber, _WRITTEN, rows)
    ids = {bytes(digest): id for digest, id in select_after(connection, wanted, subscriber.c.id, last)}
    known = [person.address_hash for person in people if person.address_hash not in ids]
    for digest, id in select_by(connection, wanted, subscriber.c.address_hash, known):
        ids[bytes(digest)] = id
    return ids


def update_subscribers(
    connection: Connection, people: Sequence[Subscriber], *, at: datetime, state: State | None = None
) -> None:
    """Write name, zone, language and attributes of people known by their id."""
    if not people:
        return
    now = int(at.timestamp())
    columns = ("name", "zone", "lang", "attributes", "updated_at", *(("state",) if state else ()))
    of_all = (now, state) if state else (now,)
    rows = [
        (person.name, person.zone, person.lang, _to_json(person.attributes), *of_all, person.id) for person in people
    ]
    update_rows(connection, subscriber, columns, rows)


def activate(connection: Connection, subscriber_id: int, *, at: datetime) -> None:
    """The person confirmed."""
    statement = update(subscriber).where(subscriber.c.id == subscriber_id)
    connection.execute(statement.values(state="active", updated_at=int(at.timestamp())))


def change_address(
    connection: Connection, subscriber_id: int, address: str, address_hash: bytes, *, at: datetime
) -> None:
    """Give a person another address, which nobody else may have."""
    statement = update(subscriber).where(subscriber.c.id == subscriber_id)
    connection.execute(statement.values(address=address, address_hash=address_hash, updated_at=int(at.timestamp())))


def remove_subscriber(connection: Connection, subscriber_id: int) -> None:
    """Delete a person and all that hangs on them: by the foreign keys, and their deliveries, which have none."""
    connection.execute(delete(delivery).where(delivery.c.subscriber_id == subscriber_id))
    connection.execute(delete(subscriber).where(subscriber.c.id == subscriber_id))


def subscriber_by_id(connection: Connection, subscriber_id: int) -> StoredSubscriber | None:
    """The person with this id, if they are still here."""
    row = connection.execute(select(subscriber).where(subscriber.c.id == subscriber_id)).one_or_none()
    return _read(row) if row else None


def subscriber_by_hash(connection: Connection, address_hash: bytes) -> StoredSubscriber | None:
    """The person with this address, if there is one."""
    row = connection.execute(select(subscriber).where(subscriber.c.address_hash == address_hash)).one_or_none()
    return _read(row) if row else None


def subscribers_by_hash(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, StoredSubscriber]:
    """Those of the addresses that are known."""
    rows = map(_read, select_by(connection, list(subscriber.c), subscriber.c.address_hash, hashes))
    return {person.address_hash: person for person in rows}


def newest_addresses(connection: Connection, count: int) -> list[tuple[str, bytes]]:
    """The addresses of the last `count` subscribers, each with its hash."""
    found = connection.execute(
        select(subscriber.c.address, subscriber.c.address_hash).order_by(subscriber.c.id.desc()).limit(count)
    )
    return [(address, bytes(digest)) for address, digest in found]


def list_subscribers(
    connection: Connection,
    where: ColumnElement[bool] | None = None,
    *,
    limit: int | None = None,
    batch: int = BATCH,
) -> Iterator[StoredSubscriber]:
    """Subscribers by id, read in batches: memory stays flat. `where` comes from `newsletter.store.segments`."""
    last, left = 0, limit
    while left is None or left > 0:
        size = batch if left is None else min(batch, left)
        query = select(*_AS_WRITTEN).where(subscriber.c.id > last).order_by(subscriber.c.id).limit(size)
        rows = connection.execute(query.where(where) if where is not None else query).all()
        yield from map(_read, rows)
        if len(rows) < size:
            return
        last = rows[-1][0]
        left = None if left is None else left - len(rows)


def count_subscribers(connection: Connection, where: ColumnElement[bool] | None = None) -> int:
    """How many there are."""
    query = select(func.count()).select_from(subscriber)
    return int(connection.execute(query.where(where) if where is not None else query).scalar_one())


def attribute_keys(connection: Connection, where: ColumnElement[bool] | None = None) -> tuple[str, ...]:
    """The names of all attributes anybody has, in alphabetical order."""
    if connection.dialect.name == "postgresql":
        query = select(func.json_object_keys(subscriber.c.attributes)).distinct()
    else:
        each = func.json_each(subscriber.c.attributes).table_valued("key", name="each")
        query = select(each.c.key).select_from(subscriber.join(each, true())).distinct()
    return tuple(sorted(connection.execute(query.where(where) if where is not None else query).scalars()))


def tags_of(connection: Connection, subscriber_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The tags of each person who has any, sorted."""
    found: dict[int, list[str]] = {}
    columns = (subscriber_tag.c.subscriber_id, subscriber_tag.c.tag)
    for id, tag in select_by(connection, columns, subscriber_tag.c.subscriber_id, list(subscriber_ids)):
        found.setdefault(id, []).append(tag)
    return {id: tuple(sorted(tags)) for id, tags in found.items()}


def tag_subscribers(connection: Connection, pairs: Sequence[tuple[int, str]]) -> None:
    """Give each person (id) their tag; who has it keeps it. Their `updated_at` is the caller's to set."""
    insert_new(connection, subscriber_tag, ("subscriber_id", "tag"), pairs)


def tag_where(connection: Connection, tag: str, where: ColumnElement[bool], *, at: datetime) -> int:
    """Give a tag to all whom `where` selects; how many did not have it."""
    lacking = and_(where, ~_has_tag(tag))
    people = select(subscriber.c.id, bindparam("new_tag", tag, subscriber_tag.c.tag.type)).where(lacking)
    # first the touch: once they have the tag, `lacking` finds nobody
    touched = connection.execute(update(subscriber).where(lacking).values(updated_at=int(at.timestamp()))).rowcount
    connection.execute(insert(subscriber_tag).from_select(["subscriber_id", "tag"], people))
    return touched


def untag_where(connection: Connection, tag: str, where: ColumnElement[bool], *, at: datetime) -> int:
    """Take a tag from all whom `where` selects; how many had it."""
    having = and_(where, _has_tag(tag))
    ids = connection.execute(
        update(subscriber).where(having).values(updated_at=int(at.timestamp())).returning(subscriber.c.id)
    ).scalars()
    removed = list(ids)
    for start in range(0, len(removed), BATCH):
        part = removed[start : start + BATCH]
        connection.execute(
            delete(subscriber_tag).where(subscriber_tag.c.tag == tag, subscriber_tag.c.subscriber_id.in_(part))
        )
    return len(removed)


def _has_tag(tag: str) -> Exists:
    return exists().where(subscriber_tag.c.subscriber_id == subscriber.c.id, subscriber_tag.c.tag == tag)


def count_tags(connection: Connection) -> dict[str, int]:
    """How many people have each tag."""
    query = select(subscriber_tag.c.tag, func.count()).group_by(subscriber_tag.c.tag).order_by(subscriber_tag.c.tag)
    return dict(connection.execute(query).all())


_AS_WRITTEN = [type_coerce(column, Text) if column is subscriber.c.attributes else column for column in subscriber.c]
"""All columns, the attributes as the driver gives them: `_read` decodes them in a third of the time."""
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes a new encoder for each call
_decode = json.JSONDecoder().decode


def _to_json(attributes: Mapping[str, Any]) -> str:
    return _encode(dict(attributes))


def _read(row: Sequence[Any]) -> StoredSubscriber:
    id, address, digest, name, zone, lang, attributes, state, created, updated, _ = row
    if isinstance(attributes, str):
        attributes = _decode(attributes)
    person = Subscriber(address, name, zone, lang, MappingProxyType(attributes), id)
    return StoredSubscriber(person, bytes(digest), state, _time(created), _time(updated))


@lru_cache(maxsize=1024)
def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)  # an import gives thousands of people the same
