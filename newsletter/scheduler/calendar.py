"""The timetable of a campaign that is in the database, and the version of the time zones it is computed with."""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection

from newsletter.campaigns.timetable import Timetable, timetable
from newsletter.store.campaigns import Campaign, pages_of


def timetable_of(connection: Connection, campaign: Campaign) -> Timetable:
    """The campaign's cadence and pages, ready to be asked."""
    pages = [(page.page_id, page.delay, page.release) for page in pages_of(connection, campaign.id)]
    return timetable(campaign.definition, campaign.started, pages)


@cache
def tzdata_version() -> str:
    """The version of the time zone database in use, for example 2026f: the system's if it has one, else our own."""
    for folder in zoneinfo.TZPATH:
        listing = Path(folder) / "tzdata.zi"
        if listing.is_file():
            with listing.open(encoding="utf-8") as lines:
                return lines.readline().removeprefix("# version ").strip()
    return version("tzdata")
