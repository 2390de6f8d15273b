"""What commands on a project share: the project's database, its keys, and whom they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from newsletter.cli.terminal import settings_of

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.message.keys import KeyRing
    from newsletter.store.database import Database
    from newsletter.store.subscribers import StoredSubscriber


@contextmanager
def opened(ctx: click.Context) -> Iterator[tuple[Database, KeyRing]]:
    """The project's database, up to date, and its keys. Raises UsageError outside a project."""
    from newsletter.audience.keys import keys_of
    from newsletter.store.database import open_database
    from newsletter.store.migrations import upgrade

    settings = _project(ctx)
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        yield database, keys_of(database, settings.path(settings.web.key_file))
    finally:
        database.close()


@contextmanager
def looking(ctx: click.Context) -> Iterator[Database]:
    """The project's database for a command that only looks: nothing is written or made, also on a read-only disk.

    Raises UsageError outside a project, StoreError when the schema is of another version.
    """
    from newsletter.store.looking import open_to_look

    database = open_to_look(_project(ctx).database_url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def trying(ctx: click.Context) -> Iterator[Database]:
    """The project's database for what is written and taken back; otherwise as `looking`."""
    from newsletter.store.looking import open_to_try

    database = open_to_try(_project(ctx).database_url)
    try:
        yield database
    finally:
        database.close()


def _project(ctx: click.Context) -> Settings:
    from newsletter.config import DatabaseSettings
    from newsletter.errors import UsageError

    settings = settings_of(ctx)
    if settings.file is None and settings.database == DatabaseSettings():
        raise UsageError(
            "there is no project here or above",
            where=settings.root,
            remedy="Go to the folder of newsletter.toml, name it with --config, or: newsletter init .",
        )
    return settings


def hash_of(ring: KeyRing, address: str) -> bytes:
    """What the store knows an address by. Raises DataError for what is none, naming it."""
    from newsletter.audience.addresses import fold, validate
    from newsletter.errors import DataError
    from newsletter.message.keys import address_hash

    try:
        return address_hash(ring, fold(validate(address)))
    except DataError as error:
        raise DataError(error.message, where=address, remedy=error.remedy) from error


def find_person(database: Database, ring: KeyRing, address: str) -> StoredSubscriber:
    """The subscriber with this address. Raises DataError if there is none."""
    from newsletter.errors import DataError
    from newsletter.store.subscribers import subscriber_by_hash
    from newsletter.store.suppressions import suppressions_of

    digest = hash_of(ring, address)
    with database.reading() as connection:
        person = subscriber_by_hash(connection, digest)
        suppressed = suppressions_of(connection, digest)
    if person is None:
        why = f"; the address is suppressed ({suppressed[0].reason}, {suppressed[0].at:%Y-%m-%d})" if suppressed else ""
        raise DataError(f"is not a subscriber{why}", where=address, remedy="newsletter subscribers list  shows who is.")
    return person
