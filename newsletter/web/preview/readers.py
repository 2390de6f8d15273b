"""Who a page can be shown for: hard cases, the example file, and the subscribers of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, or_

from newsletter.audience.rows import read_example
from newsletter.config import Settings
from newsletter.errors import DataError, NewsletterError, StoreError, UsageError
from newsletter.store.database import open_database
from newsletter.store.subscribers import StoredSubscriber, list_subscribers, subscriber_by_id
from newsletter.store.tables import subscriber as people
from newsletter.web.preview.personas import Persona, person, personas

EXAMPLES_SHOWN = 20
FOUND_SHOWN = 20


class Readers:
    """Reads the example file anew when it changes; asks the database only when somebody is looked for."""

    def __init__(self, settings: Settings, examples: Path) -> None:
        self._settings, self._examples = settings, examples
        self.trouble: NewsletterError | None = None
        self._personas: tuple[Persona, ...] = ()
        self.refresh()

    @property
    def personas(self) -> tuple[Persona, ...]:
        """Those of the example file and the hard cases."""
        return self._personas

    def refresh(self) -> None:
        """Read the example file; what is wrong with it is `trouble`, and the hard cases remain."""
        try:
            rows = [reader for _, reader in zip(range(EXAMPLES_SHOWN), read_example(self._examples), strict=False)]
            self.trouble = None
        except (DataError, OSError) as error:
            rows = []
            self.trouble = error if isinstance(error, DataError) else DataError(str(error), where=self._examples)
        self._personas = personas(rows)

    def find(self, key: str) -> Persona:
        """The persona called `key`; "" is the first. Raises UsageError for one that is not there."""
        if not key:
            return self._personas[0]
        for persona in self._personas:
            if persona.key == key:
                return persona
        number = key.removeprefix("id-")
        if number != key and number.isdecimal() and len(number) < 19:
            found = self._asked(lambda connection: _one(subscriber_by_id(connection, int(number))))
            if found:
                return found[0]
        raise UsageError(f"there is no reader {key!r}", remedy="Choose one from the list.")

    def search(self, wanted: str) -> tuple[Persona, ...]:
        """Subscribers of the database whose address or name holds `wanted`; none when there is no database yet."""
        pattern = "%" + wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        where = or_(people.c.address.ilike(pattern, escape="\\"), people.c.name.ilike(pattern, escape="\\"))
        return self._asked(
            lambda connection: tuple(
                person(row.subscriber) for row in list_subscribers(connection, where, limit=FOUND_SHOWN)
            )
        )

    def _asked(self, question: Callable[[Connection], tuple[Persona, ...]]) -> tuple[Persona, ...]:
        """What the database answers; nobody when there is none yet."""
        prefix, _, file = self._settings.database_url.partition("sqlite:///")
        if not prefix and not Path(file).is_file():
            return ()  # opening it would make it
        try:
            with self._database() as connection:
                return question(connection)
        except StoreError:
            return ()  # a database without tables has no subscribers

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        database = open_database(self._settings.database_url)
        try:
            with database.reading() as connection:
                yield connection
        finally:
            database.close()


def _one(stored: StoredSubscriber | None) -> tuple[Persona, ...]:
    return (person(stored.subscriber),) if stored else ()
