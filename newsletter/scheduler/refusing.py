"""What must not be put in force, and why: asked before anything changes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from newsletter.config import Settings
from newsletter.errors import CampaignError, SegmentError
from newsletter.scheduler.audience import audience_of
from newsletter.scheduler.campaign_files import place_of
from newsletter.scheduler.lawful import refuse_unlawful
from newsletter.scheduler.prepared import Prepared
from newsletter.store.campaigns import Campaign, CampaignPage
from newsletter.store.editing import count_audience
from newsletter.store.gates import missing_seeds


def refuse_or_count(
    connection: Connection,
    settings: Settings,
    prepared: Prepared,
    campaign: Campaign | None,
    pages: Mapping[str, CampaignPage],
    now: int,
) -> tuple[int, int]:
    """(people in the audience, those of them without a zone). Raises CampaignError for what must not go out.

    `campaign` and its `pages` are what is in force, None and nothing for a new one.
    """
    definition = prepared.definition
    if campaign is None and not prepared.pages:
        raise CampaignError(
            f"the series {definition.series!r} has no page that may be sent",
            where=settings.path(settings.site.content) / definition.series,
            remedy="Drafts are held back: remove `draft: true` from what is ready.",
        )
    if campaign is not None:
        _refuse_other(campaign, definition.series)
    _refuse_unreadable(prepared, pages)
    if missing := missing_seeds(connection, definition.seeds.addresses):
        where, line = place_of(settings, prepared.name, "seeds.addresses")
        raise CampaignError(
            f"seeds.addresses: {missing[0]} is not an active subscriber", where=where, line=line,
            remedy="newsletter subscribers import FILE.csv  brings them in.",
        )  # fmt: skip
    refuse_unlawful(settings, definition.relay)
    return _count_or_refuse(connection, settings, prepared, now)


def _refuse_other(campaign: Campaign, series: str) -> None:
    if campaign.state == "cancelled":
        raise CampaignError(f"campaign {campaign.name} was cancelled", remedy="Start one under another name.")
    if campaign.series != series:
        raise CampaignError(
            f"campaign {campaign.name} sends the series {campaign.series}, not {series}",
            remedy="A campaign keeps its series; start one under another name.",
        )


def _refuse_unreadable(prepared: Prepared, pages: Mapping[str, CampaignPage]) -> None:
    """A page in force that is not there may be the one that can't be read: it was not deleted then."""
    found = {page.page_id for page in prepared.pages}
    vanished = [page_id for page_id in pages if page_id not in found]
    if vanished and prepared.broken:
        broken = prepared.broken[0]
        raise CampaignError(
            f"page {vanished[0]} is in force and can't be found, while this file can't be read: {broken.message}",
            where=broken.path,
            line=broken.line,
            remedy=broken.remedy or "Mend it first.",
        )


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
