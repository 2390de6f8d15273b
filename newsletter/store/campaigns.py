"""Campaigns and the pages they send, in the order in force."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, text

from newsletter.campaigns.definition import Definition, Sender
from newsletter.campaigns.definition_file import Source, definition_from, definition_to_json
from newsletter.store.database import Database

State = Literal["unapproved", "running", "paused", "cancelled"]

PLANNING_LOCK = 0x6E6C_706C
"""Key of PostgreSQL's advisory lock that schedulers and operators take before they change what comes next."""


@dataclass(frozen=True)
class Campaign:
    """A campaign as the database knows it. Times are seconds since 1970."""

    id: int
    name: str
    series: str
    state: State
    definition: Definition
    git_revision: str
    tzdata: str
    audience: str
    planned_until: int
    hours_checked_at: int
    started_at: int | None
    created_at: int
    updated_at: int

    @property
    def started(self) -> datetime:
        """When it was first set running; before that, when it was made."""
        return datetime.fromtimestamp(self.created_at if self.started_at is None else self.started_at, UTC)


@dataclass(frozen=True)
class CampaignPage:
    """A page in the order in force. `delay` is its own wish, `release` its local time in a cohort."""

    page_id: str
    position: int
    email_hash: str
    delay: str = ""
    release: str = ""
    seeded_at: int | None = None
    canary_at: int | None = None
    opened_at: int | None = None


_CAMPAIGN = """SELECT id, name, series, state, CAST(definition AS TEXT) AS definition, git_revision, tzdata, audience, planned_until, hours_checked_at, started_at,
                      created_at, updated_at FROM campaign"""


@contextmanager
def planning(database: Database) -> Iterator[Connection]:
    """A transaction in which nobody else changes what comes next: schedulers and operators wait for each other.

    The sending engine does not: it only records what became of deliveries.
    """
    with database.transaction() as connection:
        if database.is_postgresql:
            # a million rows are sorted in memory, and compiling the statements would take longer than it saves
            connection.execute(
                text(
                    "SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true), "
                    "pg_advisory_xact_lock(:key)"
                ),
                {"key": PLANNING_LOCK},
            )
        yield connection


def campaign_named(connection: Connection, name: str) -> Campaign | None:
    """The campaign called `name`."""
    row = connection.execute(text(f"{_CAMPAIGN} WHERE name = :name"), {"name": name}).first()
    return None if row is None else _campaign(row)


def campaigns(connection: Connection, state: State | None = None) -> list[Campaign]:
    """All campaigns, or those in `state`, in the order they were made."""
    where = "" if state is None else "WHERE state = :state"
    rows = connection.execute(text(f"{_CAMPAIGN} {where} ORDER BY id"), {} if state is None else {"state": state})
    return [_campaign(row) for row in rows]


class RunningCampaign(NamedTuple):
    """What sending must know of a campaign. `sender` is who its mail is from, where that differs from the settings;
    `per_hour` the most that may go out in an hour, 0: no limit."""

    id: int
    series: str
    relay: str
    sender: Sender
    per_hour: int


def running_campaigns(connection: Connection) -> list[RunningCampaign]:
    """The campaigns that send, oldest first. Asked before each claim, so it reads no more than it must."""
    rows = connection.execute(
        text("SELECT id, series, relay, CAST(definition AS TEXT) FROM campaign WHERE state = 'running' ORDER BY id")
    )
    return [RunningCampaign(key, series, relay, *_sending_terms(terms)) for key, series, relay, terms in rows]


@lru_cache(256)
def _sending_terms(definition: str) -> tuple[Sender, int]:
    terms = json.loads(definition)
    return Sender(**terms.get("sender", {})), terms.get("limits", {}).get("per_hour") or 0


def add_campaign(
    connection: Connection, name: str, definition: Definition, state: State, *, git_revision: str, tzdata: str, now: int
) -> int:
    """Add a campaign without pages; its id."""
    values = _definition_values(definition) | {"name": name, "state": state, "revision": git_revision, "now": now}
    return int(
        connection.execute(
            text(
                "INSERT INTO campaign (name, series, state, definition, relay, crash_policy, git_revision, tzdata, "
                "started_at, created_at, updated_at) VALUES (:name, :series, :state, :definition, :relay, "
                ":crash_policy, :revision, :tzdata, :started, :now, :now) RETURNING id"
            ),
            values | {"tzdata": tzdata, "started": now if state == "running" else None},
        ).scalar_one()
    )


def change_definition(
    connection: Connection, campaign_id: int, definition: Definition, *, git_revision: str, now: int
) -> None:
    """Replace what the operator wants."""
    connection.execute(
        text(
            "UPDATE campaign SET series = :series, definition = :definition, relay = :relay, "
            "crash_policy = :crash_policy, git_revision = :revision, updated_at = :now WHERE id = :id"
        ),
        _definition_values(definition) | {"revision": git_revision, "now": now, "id": campaign_id},
    )


def set_state(connection: Connection, campaign_id: int, state: State, *, now: int) -> None:
    """Set it running, paused or cancelled; the first time it runs is remembered as its start."""
    connection.execute(
        text(
            "UPDATE campaign SET state = :state, updated_at = :now, started_at = "
            "CASE WHEN CAST(:state AS TEXT) = 'running' THEN coalesce(started_at, :now) ELSE started_at END WHERE id = :id"
        ),
        {"state": state, "now": now, "id": campaign_id},
    )


def mark_planned(connection: Connection, campaign_id: int, until: int) -> None:
    """Every active enrollment due at `until` or before has its delivery now."""
    connection.execute(
        text("UPDATE campaign SET planned_until = :until WHERE id = :id"), {"until": until, "id": campaign_id}
    )


def mark_hours_checked(connection: Connection, campaign_id: int, now: int) -> None:
    """What should not go out at `now` has been held back."""
    connection.execute(
        text("UPDATE campaign SET hours_checked_at = :now WHERE id = :id"), {"now": now, "id": campaign_id}
    )


def mark_audience(connection: Connection, campaign_id: int, audience: str) -> None:
    """Everybody whom the expression `audience` names is enrolled."""
    connection.execute(
        text("UPDATE campaign SET audience = :audience WHERE id = :id"), {"audience": audience, "id": campaign_id}
    )


def mark_tzdata(connection: Connection, campaign_id: int, version: str) -> None:
    """The due times of the campaign were computed with this version of the time zone database."""
    connection.execute(
        text("UPDATE campaign SET tzdata = :version WHERE id = :id"), {"version": version, "id": campaign_id}
    )


def pages_of(connection: Connection, campaign_id: int) -> list[CampaignPage]:
    """The pages in order."""
    rows = connection.execute(
        text(
            "SELECT page_id, position, email_hash, delay, release, seeded_at, canary_at, opened_at "
            "FROM campaign_page WHERE campaign_id = :id ORDER BY position"
        ),
        {"id": campaign_id},
    )
    return [CampaignPage(*row) for row in rows]


def replace_pages(connection: Connection, campaign_id: int, pages: Sequence[CampaignPage]) -> None:
    """Put `pages` in force, in the order of their positions."""
    connection.execute(text("DELETE FROM campaign_page WHERE campaign_id = :id"), {"id": campaign_id})
    if pages:
        connection.execute(
            text(
                "INSERT INTO campaign_page (campaign_id, page_id, position, email_hash, delay, release, seeded_at, "
                "canary_at, opened_at) VALUES (:campaign_id, :page_id, :position, :email_hash, :delay, :release, "
                ":seeded_at, :canary_at, :opened_at)"
            ),
            [asdict(page) | {"campaign_id": campaign_id} for page in pages],
        )


def mark_gate(
    connection: Connection,
    campaign_id: int,
    page_id: str,
    column: Literal["seeded_at", "canary_at", "opened_at"],
    now: int,
) -> None:
    """The seeds or the canary got the page, or it is open to everybody, since `now`."""
    connection.execute(
        text(f"UPDATE campaign_page SET {column} = :now WHERE campaign_id = :id AND page_id = :page_id"),
        {"now": now, "id": campaign_id, "page_id": page_id},
    )


def _definition_values(definition: Definition) -> dict[str, Any]:
    return {
        "series": definition.series,
        "definition": json.dumps(definition_to_json(definition), ensure_ascii=False),
        "relay": definition.relay,
        "crash_policy": definition.crash_policy,
    }


@lru_cache(maxsize=256)
def _definition(name: str, document: str) -> Definition:
    """Checking a definition costs 2 ms, and every tick reads those of all running campaigns."""
    return definition_from(json.loads(document), Source(name))


def _campaign(row: Row[Any]) -> Campaign:
    values: Iterable[Any] = row
    return Campaign(
        **dict(zip(row._fields, values, strict=True)) | {"definition": _definition(row.name, row.definition)}
    )
