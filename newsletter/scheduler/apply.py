"""`campaign plan` and `campaign apply`: from what is in the files to what is in force, all at once or not at all.

A plan is an application that is rolled back, so that what it says is what applying does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from newsletter.campaigns.changes import Changes, PageChange, compare_settings
from newsletter.campaigns.definition_file import definition_to_json
from newsletter.campaigns.due import Wish, releases
from newsletter.campaigns.timetable import moment, parse_wish
from newsletter.campaigns.wall_time import wall, zone_named
from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.scheduler.audience import audience_of
from newsletter.scheduler.calendar import timetable_of, tzdata_version
from newsletter.scheduler.edits import Edits, carry_out, find_edits, page_changes
from newsletter.scheduler.prepared import Prepared
from newsletter.scheduler.refusing import refuse_or_count
from newsletter.store.audits import record_action
from newsletter.store.campaigns import (
    Campaign,
    CampaignPage,
    add_campaign,
    campaign_named,
    change_definition,
    mark_audience,
    mark_tzdata,
    pages_of,
    planning,
    replace_pages,
)
from newsletter.store.clicks import save_links
from newsletter.store.database import Database
from newsletter.store.editing import count_outside
from newsletter.store.emails import save_email
from newsletter.store.enrollments import zones_among

TO_BE_COMPUTED = ""
"""As the version of the time zones: the scheduler computes all due times anew before it plans anything."""

TO_BE_ENROLLED = ""
"""As the audience of a campaign: the scheduler enrolls everybody who is missing."""

ADDRESS = re.compile(r"[^\s,;'\"()]+@[^\s,;'\"()]+")


class _RollBack(Exception):  # noqa: N818 – never seen outside: it ends a plan's transaction
    pass


def plan(database: Database, settings: Settings, prepared: Prepared, clock: Clock) -> Changes:
    """What `apply` would change. Raises as `apply` does; changes nothing."""
    changes: Changes | None = None
    try:
        with planning(database) as connection:
            changes = _apply(connection, settings, prepared, "", clock)
            raise _RollBack
    except _RollBack:
        assert changes is not None
        return changes


def apply(database: Database, settings: Settings, prepared: Prepared, clock: Clock, *, who: str) -> Changes:
    """Put a campaign in force, or change one midway; the scheduler heeds it at its next tick.

    Raises CampaignError, before anything changes, for: an empty audience, a seed who is no subscriber, another
    series, a new campaign without a page, one that was cancelled, a page in force that vanished while a file can't be
    read, and mail to the world without a postal address or an address to unsubscribe at (CAN-SPAM, CASL; RFC 8058).
    """
    with planning(database) as connection:
        return _apply(connection, settings, prepared, who, clock)


def _apply(connection: Connection, settings: Settings, prepared: Prepared, who: str, clock: Clock) -> Changes:
    now = int(clock.now().timestamp())
    known = campaign_named(connection, prepared.name)
    before = {page.page_id: page for page in pages_of(connection, known.id)} if known else {}
    readers, without_zone = refuse_or_count(connection, settings, prepared, known, before, now)
    for page in prepared.pages:
        save_email(connection, page.email, now=now, git_revision=prepared.git_revision)
    campaign, settings_changed = _write_definition(connection, prepared, known, now)
    edits = find_edits(connection, prepared, before)
    _write_pages(connection, prepared, campaign, before, edits, now)
    for page in prepared.pages:
        save_links(connection, campaign.id, page.links)
    changes = Changes(
        name=prepared.name,
        is_new=known is None,
        drafts=prepared.drafts,
        broken=tuple(finding.path for finding in prepared.broken),
        readers=readers,
        without_zone=without_zone,
        default_zone=prepared.definition.cadence.default_zone,
    )
    if known is None:
        pages = [PageChange("inserted", page.page_id, n, page.title) for n, page in enumerate(prepared.pages, 1)]
        changes = replace(changes, pages=tuple(pages), first_at=_first_at(connection, campaign, now))
    else:
        resumed, waiting = carry_out(connection, campaign, prepared, edits, now)
        if settings_changed or edits.changes_the_order or edits.wishes or resumed:
            mark_tzdata(connection, campaign.id, TO_BE_COMPUTED)
        if not before:  # whoever came while there was no page is not enrolled yet
            mark_audience(connection, campaign.id, TO_BE_ENROLLED)
        changes = replace(
            changes,
            settings=settings_changed,
            wishes=edits.wishes,
            order=tuple(page.page_id for page in prepared.pages) if edits.reordered else (),
            pages=page_changes(connection, campaign, prepared, edits, before),
            resumed=resumed,
            waiting=waiting,
            outside=_outside(connection, campaign, now),
        )
    if not changes.is_empty:
        _record(connection, who, prepared, changes, now)
    return changes


def _record(connection: Connection, who: str, prepared: Prepared, changes: Changes, now: int) -> None:
    """Into the audit log; which is never changed, so whoever asks to be erased must not stand in it by address."""
    record_action(
        connection, who, "create" if changes.is_new else "apply", prepared.name, now=now, revision=prepared.git_revision,
        settings=[f"{key}: {_unnamed(key, old) or 'unset'} → {_unnamed(key, new) or 'unset'}" for key, old, new in changes.settings],
        pages=[f"{page.kind} {page.page_id}" for page in changes.pages],
        times=[f"{page_id}: {old or 'as the campaign'} → {new or 'as the campaign'}" for page_id, old, new in changes.wishes],
    )  # fmt: skip


def _unnamed(key: str, value: str) -> str:
    """A setting without the addresses of subscribers; the sender's are nobody's secret."""
    return ADDRESS.sub("(an address)", value) if key.startswith(("seeds.", "audience.")) else value


def _outside(connection: Connection, campaign: Campaign, now: int) -> int:
    """How many readers under way are not in the audience any more."""
    audience = campaign.definition.audience
    if not (audience.segment or audience.tags or audience.csv):
        return 0
    return count_outside(connection, campaign.id, audience_of(connection, campaign.definition, now).condition)


def _first_at(connection: Connection, campaign: Campaign, now: int) -> datetime | None:
    """When the first mail of a new campaign goes out."""
    table = timetable_of(connection, campaign)
    zones = zones_among(connection, audience_of(connection, campaign.definition, now).condition)
    dues = [table.due(table.order[0], now, now, campaign.definition.zone_of(zone, "UTC"), first=True) for zone in zones]
    first = min((due for due in dues if due is not None), default=None)
    return None if first is None else moment(first)


def _write_definition(
    connection: Connection, prepared: Prepared, campaign: Campaign | None, now: int
) -> tuple[Campaign, tuple[tuple[str, str, str], ...]]:
    definition, revision = prepared.definition, prepared.git_revision
    if campaign is None:
        add_campaign(
            connection, prepared.name, definition, "unapproved" if definition.require_approval else "running",
            git_revision=revision, tzdata=tzdata_version(), now=now,
        )  # fmt: skip
        changed: tuple[tuple[str, str, str], ...] = ()
    else:
        changed = compare_settings(definition_to_json(campaign.definition), definition_to_json(definition))
        change_definition(connection, campaign.id, definition, git_revision=revision, now=now)
    written = campaign_named(connection, prepared.name)
    assert written is not None
    return written, changed


def _write_pages(
    connection: Connection,
    prepared: Prepared,
    campaign: Campaign,
    before: Mapping[str, CampaignPage],
    edits: Edits,
    now: int,
) -> None:
    plan = _releases(prepared, campaign, before, now)
    pages = []
    for position, page in enumerate(prepared.pages):
        old = before.get(page.page_id)
        same = page.page_id in edits.alike or (old is not None and old.email_hash == page.email.content_hash)
        pages.append(
            CampaignPage(
                page.page_id,
                position,
                page.email.content_hash,
                page.wish,
                plan[page.page_id].isoformat() if page.page_id in plan else "",
                old.seeded_at if same and old else None,
                old.canary_at if same and old else None,
                old.opened_at if same and old else None,
            )
        )
    replace_pages(connection, campaign.id, pages)


def _releases(
    prepared: Prepared, campaign: Campaign, before: Mapping[str, CampaignPage], now: int
) -> dict[str, datetime]:
    if prepared.definition.mode != "cohort":
        return {}
    zone = zone_named(prepared.definition.cadence.default_zone)
    assert zone is not None
    present = wall(moment(now), zone)
    already = {
        page_id: datetime.fromisoformat(page.release)
        for page_id, page in before.items()
        if page.release and datetime.fromisoformat(page.release) <= present
    }
    wishes: dict[str, Wish] = {page.page_id: parse_wish(page.wish) for page in prepared.pages}
    cadence = prepared.definition.calendar(campaign.started, zone)
    return releases(cadence, wishes, already, present)
