"""`campaign plan` and `campaign apply`: from what is in the files to what is in force, all at once or not at all.

A plan is an application that is rolled back, so that what it says is what applying does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from newsletter.campaigns.changes import Changes, PageChange, compare_settings, is_reordered
from newsletter.campaigns.definition_file import definition_to_json
from newsletter.campaigns.due import Wish, releases
from newsletter.campaigns.timetable import moment, parse_wish
from newsletter.campaigns.wall_time import wall, zone_named
from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.errors import CampaignError, SegmentError
from newsletter.scheduler.audience import audience_of
from newsletter.scheduler.calendar import timetable_of, tzdata_version
from newsletter.scheduler.campaign_files import place_of
from newsletter.scheduler.lawful import refuse_unlawful
from newsletter.scheduler.prepare import Prepared
from newsletter.scheduler.versions import renumbered, versions_alike
from newsletter.store.audits import record_action
from newsletter.store.campaigns import (
    Campaign,
    CampaignPage,
    add_campaign,
    campaign_named,
    change_definition,
    mark_tzdata,
    pages_of,
    planning,
    replace_pages,
)
from newsletter.store.clicks import save_links
from newsletter.store.database import Database
from newsletter.store.editing import (
    EVERYBODY,
    count_audience,
    count_outside,
    count_page,
    earliest,
    resume_finished,
    revive,
    swap_email,
    withdraw_page,
)
from newsletter.store.emails import save_email
from newsletter.store.enrollments import find_next_pages, zones_among
from newsletter.store.gates import missing_seeds
from newsletter.store.progress import pass_over_inserted

TO_BE_COMPUTED = ""
"""As the version of the time zones: the scheduler computes all due times anew before it plans anything."""


class _RollBack(Exception):  # noqa: N818 – never seen outside: it ends a plan's transaction
    pass


@dataclass(frozen=True)
class _Before:
    """What is in force before applying."""

    campaign: Campaign | None
    pages: Mapping[str, CampaignPage]


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
    series, a campaign that was cancelled, a page in force that vanished while a file can't be read, and mail to the
    world without a postal address or an address to unsubscribe at (CAN-SPAM, CASL; RFC 8058).
    """
    with planning(database) as connection:
        return _apply(connection, settings, prepared, who, clock)


def _apply(connection: Connection, settings: Settings, prepared: Prepared, who: str, clock: Clock) -> Changes:
    now = int(clock.now().timestamp())
    campaign = campaign_named(connection, prepared.name)
    before = _Before(campaign, {page.page_id: page for page in pages_of(connection, campaign.id)} if campaign else {})
    readers, without_zone = _refuse(connection, settings, prepared, before, now)
    drafts, broken = prepared.drafts, tuple(finding.path for finding in prepared.broken)
    for page in prepared.pages:
        save_email(connection, page.email, now=now, git_revision=prepared.git_revision)
    campaign, settings_changed = _write_definition(connection, prepared, campaign, now)
    alike = renumbered(connection, prepared, before.pages)
    _write_pages(connection, prepared, campaign, before, alike, now)
    for page in prepared.pages:
        save_links(connection, campaign.id, page.links)
    inserted, deleted, edited, reordered, wishes = _differences(prepared, before, alike)
    resumed = 0
    if before.campaign is not None:
        had = {
            page_id: count_page(connection, campaign.id, page_id, _versions(connection, prepared, before, page_id))
            for page_id in (*deleted, *edited)
        }
        for page_id in inserted:
            pass_over_inserted(connection, campaign.id, page_id, now)
        for page_id in deleted:
            withdraw_page(connection, campaign.id, page_id, now)
        for page_id in (*edited, *alike):
            swap_email(connection, campaign.id, page_id, _hash_of(prepared, page_id))
        if inserted or deleted or reordered:
            find_next_pages(connection, campaign.id, EVERYBODY)
            revive(connection, campaign.id, campaign.planned_until)
        if prepared.definition.evergreen:
            resumed = resume_finished(connection, campaign.id)
        if settings_changed or inserted or deleted or reordered or wishes or resumed:
            mark_tzdata(connection, campaign.id, TO_BE_COMPUTED)
    changes = Changes(
        name=prepared.name,
        is_new=before.campaign is None,
        settings=settings_changed,
        wishes=wishes,
        drafts=drafts,
        broken=broken,
        order=tuple(page.page_id for page in prepared.pages) if reordered else (),
        pages=_page_changes(connection, prepared, campaign, before, inserted, had if before.campaign else {}),
        readers=readers,
        resumed=resumed,
        outside=_outside(connection, campaign, now) if before.campaign is not None else 0,
        without_zone=without_zone,
        default_zone=prepared.definition.cadence.default_zone,
        first_at=_first_at(connection, campaign, now) if before.campaign is None else None,
    )
    if not changes.is_empty:
        action = "create" if changes.is_new else "apply"
        record_action(
            connection, who, action, prepared.name, now=now, revision=prepared.git_revision,
            settings=[f"{key}: {old} → {new}" for key, old, new in settings_changed],
            pages=[f"{page.kind} {page.page_id}" for page in changes.pages],
            times=[f"{page_id}: {old or 'as the campaign'} → {new or 'as the campaign'}" for page_id, old, new in wishes],
        )  # fmt: skip
    return changes


def _outside(connection: Connection, campaign: Campaign, now: int) -> int:
    """Readers under way who are not in the audience any more."""
    audience = campaign.definition.audience
    if not (audience.segment or audience.tags or audience.csv):
        return 0
    return count_outside(connection, campaign.id, audience_of(connection, campaign.definition, now).condition)


def _first_at(connection: Connection, campaign: Campaign, now: int) -> datetime | None:
    """When the first mail of a new campaign goes out."""
    table = timetable_of(connection, campaign)
    zones = zones_among(connection, audience_of(connection, campaign.definition, now).condition)
    dues = [table.due(table.order[0], now, now, campaign.definition.zone_of(zone, "UTC"), first=True) for zone in zones]
    return _at(min((due for due in dues if due is not None), default=None))


def _refuse(
    connection: Connection, settings: Settings, prepared: Prepared, before: _Before, now: int
) -> tuple[int, int]:
    """Raise for what must not go out; (people in the audience, those of them without a zone) if all is well."""
    definition, campaign = prepared.definition, before.campaign
    if campaign is not None and campaign.state == "cancelled":
        raise CampaignError(f"campaign {campaign.name} was cancelled", remedy="Start one under another name.")
    if campaign is not None and campaign.series != definition.series:
        raise CampaignError(
            f"campaign {campaign.name} sends the series {campaign.series}, not {definition.series}",
            remedy="A campaign keeps its series; start one under another name.",
        )
    found = {page.page_id for page in prepared.pages}
    vanished = [page_id for page_id in before.pages if page_id not in found]
    if vanished and prepared.broken:
        broken = prepared.broken[0]
        raise CampaignError(
            f"page {vanished[0]} is in force and can't be found, while this file can't be read: {broken.message}",
            where=broken.path,
            line=broken.line,
            remedy=broken.remedy or "Mend it first.",
        )
    if missing := missing_seeds(connection, definition.seeds.addresses):
        raise CampaignError(
            f"seeds.addresses: {missing[0]} is not an active subscriber", where=prepared.name, remedy="Import it first."
        )
    refuse_unlawful(settings, definition.relay)
    return _count_or_refuse(connection, settings, prepared, now)


def _count_or_refuse(connection: Connection, settings: Settings, prepared: Prepared, now: int) -> tuple[int, int]:
    """(people in the audience, those of them without a zone); CampaignError if there is nobody, or no such segment."""
    definition = prepared.definition
    key = next((each for each in ("segment", "tags", "csv") if getattr(definition.audience, each)), "")
    key = f"audience.{key}" if key else "audience"
    where, line = place_of(settings, prepared.name, key)
    try:
        audience = audience_of(connection, definition, now)
    except SegmentError as error:
        raise CampaignError(f"{key}: {error.message}", where=where, line=line, remedy=error.remedy) from error
    readers, without_zone = count_audience(connection, audience.condition, definition.series)
    if readers == 0:
        raise CampaignError(
            f"{key}: the audience is empty ({audience.words})", where=where, line=line,
            remedy="newsletter subscribers import FILE.csv, or name another audience.",
        )  # fmt: skip
    return readers, without_zone


def _write_definition(
    connection: Connection, prepared: Prepared, campaign: Campaign | None, now: int
) -> tuple[Campaign, tuple[tuple[str, str, str], ...]]:
    definition, revision = prepared.definition, prepared.git_revision
    if campaign is None:
        state = "unapproved" if definition.require_approval else "running"
        add_campaign(
            connection, prepared.name, definition, "unapproved" if state == "unapproved" else "running",
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
    connection: Connection, prepared: Prepared, campaign: Campaign, before: _Before, alike: frozenset[str], now: int
) -> None:
    plan = _releases(prepared, campaign, before, now)
    pages = []
    for position, page in enumerate(prepared.pages):
        old = before.pages.get(page.page_id)
        same = page.page_id in alike or (old is not None and old.email_hash == page.email.content_hash)
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


def _releases(prepared: Prepared, campaign: Campaign, before: _Before, now: int) -> dict[str, datetime]:
    if prepared.definition.mode != "cohort":
        return {}
    zone = zone_named(prepared.definition.cadence.default_zone)
    assert zone is not None
    present = wall(moment(now), zone)
    already = {
        page_id: datetime.fromisoformat(page.release)
        for page_id, page in before.pages.items()
        if page.release and datetime.fromisoformat(page.release) <= present
    }
    wishes: dict[str, Wish] = {page.page_id: parse_wish(page.wish) for page in prepared.pages}
    cadence = prepared.definition.calendar(campaign.started, zone)
    return releases(cadence, wishes, already, present)


def _differences(
    prepared: Prepared, before: _Before, alike: frozenset[str]
) -> tuple[list[str], list[str], list[str], bool, tuple[tuple[str, str, str], ...]]:
    """(inserted, deleted, edited, whether reordered, (page, old, new) of each wish of a page's own that changed)."""
    after = {page.page_id: page for page in prepared.pages}
    kept = [page_id for page_id in after if page_id in before.pages]
    changed = [page_id for page_id in kept if after[page_id].email.content_hash != before.pages[page_id].email_hash]
    return (
        [page_id for page_id in after if page_id not in before.pages],
        [page_id for page_id in before.pages if page_id not in after],
        [page_id for page_id in changed if page_id not in alike],
        is_reordered([*before.pages], [*after]),
        tuple(
            (page_id, before.pages[page_id].delay, after[page_id].wish)
            for page_id in kept
            if after[page_id].wish != before.pages[page_id].delay
        ),
    )


def _versions(connection: Connection, prepared: Prepared, before: _Before, page_id: str) -> tuple[str, ...]:
    return versions_alike(connection, prepared.definition.series, before.pages[page_id], len(before.pages))


def _hash_of(prepared: Prepared, page_id: str) -> str:
    return next(page.email.content_hash for page in prepared.pages if page.page_id == page_id)


def _page_changes(
    connection: Connection,
    prepared: Prepared,
    campaign: Campaign,
    before: _Before,
    inserted: list[str],
    had: Mapping[str, tuple[int, int]],
) -> tuple[PageChange, ...]:
    numbers = {page.page_id: number for number, page in enumerate(prepared.pages, 1)}
    titles = {page.page_id: page.title for page in prepared.pages}
    if before.campaign is None:
        return tuple(PageChange("inserted", page_id, numbers[page_id], titles[page_id]) for page_id in numbers)
    found = []
    for page_id in inserted:
        readers, past = count_page(connection, campaign.id, page_id, None)
        first = earliest(connection, campaign.id, page_id)
        found.append(
            PageChange(
                "inserted", page_id, numbers[page_id], titles[page_id], readers, past, readers - past, _at(first)
            )
        )
    for page_id, (readers, past) in had.items():
        first = earliest(connection, campaign.id, page_id) if page_id in numbers else None
        found.append(
            PageChange(
                kind="edited" if page_id in numbers else "deleted",
                page_id=page_id,
                number=numbers.get(page_id, 0),
                title=titles.get(page_id, ""),
                readers=readers,
                past=past,
                ahead=readers - past,
                first_at=_at(first),
            )
        )
    return tuple(sorted(found, key=lambda page: page.number))


def _at(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
