"""The whole examination, in the order in which a mail passes the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import dns.resolver

from newsletter.clock import SystemClock
from newsletter.config import Settings
from newsletter.doctor.database import examine_database, examine_keys
from newsletter.doctor.diagnosis import Diagnosis, not_asked
from newsletter.doctor.domain import examine_domain
from newsletter.doctor.project import examine_project
from newsletter.doctor.relay import examine_relay
from newsletter.store.database import open_database

DNS_SECONDS = 10.0


def examine(settings: Settings, *, ask_dns: bool) -> Iterator[Diagnosis]:
    """Yield each diagnosis as it is made."""
    yield from examine_project(settings)
    database = open_database(settings.database_url)
    try:
        yield from examine_database(database, SystemClock().now())
        yield from examine_keys(database, settings.path(settings.web.key_file))
    finally:
        database.close()
    for name, relay in settings.relays.items():
        yield from asyncio.run(examine_relay(name, relay))
    if not ask_dns:
        yield not_asked("DNS", "--offline")
        return
    resolver = dns.resolver.Resolver()
    resolver.lifetime = DNS_SECONDS
    yield from examine_domain(settings, resolver)
