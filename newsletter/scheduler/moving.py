"""Moving readers on: when a delivery is final, its reader's next page gets a due time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection

from newsletter.campaigns.timetable import Timetable
from newsletter.scheduler.calendar import timetable_of
from newsletter.store.campaigns import Campaign, campaigns, planning
from newsletter.store.database import Database
from newsletter.store.enrollments import Change, change
from newsletter.store.planning import Finished, Readers, finished_deliveries, mark_moved, refresh_statistics

CHUNK = 5_000
"""Readers moved in one transaction: short enough not to keep the sending engine waiting."""

PUNCTUAL_SECONDS = 12 * 3600
"""As `newsletter.campaigns.due.COUNTS_AS_PUNCTUAL`."""


def move_readers(database: Database) -> int:
    """Move on every reader whose delivery is final, in parts; how many deliveries were dealt with."""
    moved = 0
    while True:
        with planning(database) as connection:
            finished = finished_deliveries(connection, CHUNK)
            part = sum(len(readers.delivery_ids) for readers in finished.values())
            if part == CHUNK and not moved:  # there may be a million more
                refresh_statistics(connection)
            if finished:
                _move(connection, finished)
        moved += part
        if part < CHUNK:
            return moved


def _move(connection: Connection, finished: Mapping[Finished, Readers]) -> None:
    known = {campaign.id: campaign for campaign in campaigns(connection)}
    tables: dict[int, Timetable] = {}
    changes: Mapping[int, dict[Change, list[int]]] = defaultdict(lambda: defaultdict(list))
    for alike, readers in finished.items():
        campaign = known.get(alike.campaign_id)
        if campaign is None or not _moves_its_reader(alike):
            continue
        if campaign.id not in tables:
            tables[campaign.id] = timetable_of(connection, campaign)
        changes[campaign.id][_next_step(campaign, tables[campaign.id], alike)] += readers.subscriber_ids
    for campaign_id, steps in changes.items():
        change(connection, campaign_id, steps)
    mark_moved(connection, [each for readers in finished.values() for each in readers.delivery_ids])


def _moves_its_reader(delivery: Finished) -> bool:
    """Not: a seed's copy, a copy sent again, a page that is no longer the next one, a reader who has left."""
    return (
        not delivery.is_copy
        and delivery.enrollment_state in ("active", "paused")
        and delivery.page_id == delivery.next_page_id
        and delivery.state != "cancelled"
    )


def _next_step(campaign: Campaign, table: Timetable, delivery: Finished) -> Change:
    zone = delivery.zone or ""
    if delivery.state == "suppressed":
        return Change("left", zone, delivery.page_id, None, None)
    planned = delivery.finished_at if delivery.due_at is None else delivery.due_at
    late = delivery.finished_at - planned
    counted_from = planned if 0 <= late <= PUNCTUAL_SECONDS else delivery.finished_at
    if delivery.after_it is None:
        return Change("finished", zone, None, None, counted_from)
    due = table.due(
        delivery.after_it, planned, delivery.finished_at, zone, first=False, preferences=delivery.preferences
    )
    if due is None:
        return Change("ended", zone, delivery.after_it, None, counted_from)
    state = delivery.enrollment_state or "active"
    return Change(state, zone, delivery.after_it, max(due, campaign.planned_until + 1), counted_from)
