"""Subscribers and their tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    true,
    update,
)

from newsletter.store.bulk import insert_new, select_by
from newsletter.store.tables import delivery, subscriber, subscriber_tag
from newsletter.subscriber import Subscriber

State = Literal["pending", "active"]
_WRITTEN = ("address", "address_hash", "name", "zone", "lang", "attributes")
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


def add_subscriber(
    connection: Connection, person: Subscriber, address_hash: bytes, *, state: State, at: datetime
) -> int:
    """Add one person; their id, or that of whoever has the address already."""
    return add_subscribers(connection, [(address_hash, person)], state=state, at=at)[address_hash]


def add_subscribers(
    connection: Connection, people: Sequence[tuple[bytes, Subscriber]], *, state: State, at: datetime
) -> dict[bytes, int]:
    """Add many, leaving out addresses that another process has added meanwhile; the ids of all, by hash."""
    if not people:
        return {}
    seconds = int(at.timestamp())
    columns = (*_WRITTEN, "state", "created_at", "updated_at")
    rows = [
        (
            person.address,
            digest,
            person.name,
            person.zone,
            person.lang,
            _to_json(person.attributes),
            state,
            seconds,
            seconds,
        )
        for digest, person in people
    ]
    insert_new(connection, subscriber, columns, rows)
    found = select_by(
        connection,
        (subscriber.c.address_hash, subscriber.c.id),
        subscriber.c.address_hash,
        [digest for digest, _ in people],
    )
    return {bytes(digest): id for digest, id in found}


def update_subscribers(
    connection: Connection, people: Sequence[Subscriber], *, at: datetime, state: State | None = None
) -> None:
    """Write name, zone, language and attributes of people known by their id."""
    if not people:
        return
    values: dict[str, Any] = {
        "name": bindparam("new_name"),
        "zone": bindparam("new_zone"),
        "lang": bindparam("new_lang"),
        "attributes": bindparam("new_attributes", type_=subscriber.c.attributes.type),
        "updated_at": int(at.timestamp()),
    }
    if state is not None:
        values["state"] = state
    statement = update(subscriber).where(subscriber.c.id == bindparam("key")).values(values)
    connection.execute(
        statement,
        [
            {
                "key": person.id,
                "new_name": person.name,
                "new_zone": person.zone,
                "new_lang": person.lang,
                "new_attributes": dict(person.attributes),
            }
            for person in people
        ],
    )


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
    rows = select_by(connection, list(subscriber.c), subscriber.c.address_hash, hashes)
    return {bytes(row.address_hash): _read(row) for row in rows}


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
        query = select(subscriber).where(subscriber.c.id > last).order_by(subscriber.c.id).limit(size)
        rows = connection.execute(query.where(where) if where is not None else query).all()
        yield from map(_read, rows)
        if len(rows) < size:
            return
        last = rows[-1].id
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
    found: dict[int, tuple[str, ...]] = {}
    columns = (subscriber_tag.c.subscriber_id, subscriber_tag.c.tag)
    for id, tag in sorted(select_by(connection, columns, subscriber_tag.c.subscriber_id, list(subscriber_ids))):
        found[id] = (*found.get(id, ()), tag)
    return found


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
    return dict(connection.execute(query).tuples().all())


_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes a new encoder for each call


def _to_json(attributes: Mapping[str, Any]) -> str:
    return _encode(dict(attributes))


def _read(row: Row[Any]) -> StoredSubscriber:
    attributes = json.loads(row.attributes) if isinstance(row.attributes, str) else row.attributes
    person = Subscriber(row.address, row.name, row.zone, row.lang, MappingProxyType(attributes), row.id)
    created, updated = (datetime.fromtimestamp(seconds, UTC) for seconds in (row.created_at, row.updated_at))
    return StoredSubscriber(person, bytes(row.address_hash), row.state, created, updated)
