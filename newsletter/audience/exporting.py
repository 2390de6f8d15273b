"""Exporting subscribers and suppressions as CSV or JSON, streaming."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TextIO

from sqlalchemy import ColumnElement, Connection

from newsletter.audience.memory import collecting_rarely
from newsletter.audience.spreadsheet import safe
from newsletter.store.subscribers import BATCH, StoredSubscriber, attribute_keys, list_subscribers, tags_of
from newsletter.store.suppressions import list_suppressions, suppressed_everywhere

COLUMNS = ("email", "name", "zone", "lang", "tags", "status", "subscribed_at")


def export_csv(connection: Connection, file: TextIO, where: ColumnElement[bool] | None = None) -> int:
    """Write subscribers as CSV, one column for each attribute; how many.

    All cells are quoted and none runs as a formula. The column `status` says who may not be mailed, so that an
    import of the file, here or elsewhere, obeys it; imported here again it changes nothing.
    """
    keys = attribute_keys(connection, where)
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *(safe(key) for key in keys)])
    count = 0
    with collecting_rarely():
        for person, tags, status in _people(connection, where):
            who = person.subscriber
            texts = (who.address, who.name, who.zone, who.lang, ", ".join(tags), status, _written(person.created_at))
            writer.writerow([*map(safe, texts), *map(_cell, map(who.attributes.get, keys))])
            count += 1
    return count


def export_json(connection: Connection, file: TextIO, where: ColumnElement[bool] | None = None) -> int:
    """Write subscribers as a JSON list, one object on each line; how many."""
    count = 0
    file.write("[")
    with collecting_rarely():
        for person, tags, status in _people(connection, where):
            who = person.subscriber
            entry = {
                "email": who.address,
                "name": who.name,
                "zone": who.zone,
                "lang": who.lang,
                "tags": tags,
                "status": status,
                "subscribed_at": person.created_at.isoformat(),
                "attributes": dict(who.attributes),
            }
            file.write(f"{',' if count else ''}\n{json.dumps(entry, ensure_ascii=False)}")
            count += 1
    file.write("\n]\n")
    return count


def export_suppressions(connection: Connection, file: TextIO) -> int:
    """Write the suppression list as CSV; how many rows. An erased person is a hash only, good for this installation."""
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(("email", "hash", "reason", "scope", "source", "at"))
    count = 0
    for item in list_suppressions(connection):
        at = f"{item.at:%Y-%m-%d %H:%M:%S}"
        row = (item.address or "", item.address_hash.hex(), item.reason.value, item.scope, item.source, at)
        writer.writerow(map(safe, row))
        count += 1
    return count


def _people(
    connection: Connection, where: ColumnElement[bool] | None
) -> Iterator[tuple[StoredSubscriber, Sequence[str], str]]:
    people = list_subscribers(connection, where)
    while batch := list(islice(people, BATCH)):
        tags = tags_of(connection, [person.id for person in batch])
        suppressed = suppressed_everywhere(connection, [person.address_hash for person in batch])
        for person in batch:
            found = suppressed.get(person.address_hash)
            status = found.reason.value if found else "unconfirmed" if person.state == "pending" else "subscribed"
            yield person, tags.get(person.id, ()), status


@lru_cache(maxsize=1024)
def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"  # everybody of one import has the same


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return safe(value)
    if type(value) is int:
        return str(value)
    return json.dumps(value, ensure_ascii=False)  # numbers, true and false, lists: as they are typed on import
