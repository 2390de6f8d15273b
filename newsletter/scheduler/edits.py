"""Edits of a series midway: what differs from the pages in force, and what that does to readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from newsletter.campaigns.changes import Kind, PageChange, is_reordered
from newsletter.scheduler.prepared import Prepared
from newsletter.scheduler.versions import renumbered, versions_alike
from newsletter.store.campaigns import Campaign, CampaignPage
from newsletter.store.editing import (
    EVERYBODY,
    count_page,
    earliest,
    resume_finished,
    revive,
    swap_email,
    withdraw_page,
)
from newsletter.store.enrollments import find_next_pages
from newsletter.store.progress import pass_over_inserted


@dataclass(frozen=True)
class Edits:
    """Page ids, each list in order. `alike` are numbered otherwise and say the same; `wishes` are (page, old, new) of
    each `delay` or `send_on` that changed."""

    inserted: tuple[str, ...]
    deleted: tuple[str, ...]
    edited: tuple[str, ...]
    alike: frozenset[str]
    reordered: bool
    wishes: tuple[tuple[str, str, str], ...]

    @property
    def changes_the_order(self) -> bool:
        """Whether readers may have another next page."""
        return bool(self.inserted or self.deleted or self.reordered)


def find_edits(connection: Connection, prepared: Prepared, before: Mapping[str, CampaignPage]) -> Edits:
    """What `prepared` changes of the pages in force, `before`."""
    after = {page.page_id: page for page in prepared.pages}
    kept = [page_id for page_id in after if page_id in before]
    alike = renumbered(connection, prepared, before)
    return Edits(
        inserted=tuple(page_id for page_id in after if page_id not in before),
        deleted=tuple(page_id for page_id in before if page_id not in after),
        edited=tuple(
            page_id
            for page_id in kept
            if after[page_id].email.content_hash != before[page_id].email_hash and page_id not in alike
        ),
        alike=alike,
        reordered=is_reordered([*before], [*after]),
        wishes=tuple(
            (page_id, before[page_id].delay, after[page_id].wish)
            for page_id in kept
            if after[page_id].wish != before[page_id].delay
        ),
    )


def carry_out(
    connection: Connection, campaign: Campaign, prepared: Prepared, edits: Edits, now: int
) -> tuple[int, int]:
    """Do to the readers what the edits say, with the new pages in force already.

    Returns (readers who had finished and go on, readers who wait because no page is left for them).
    """
    hashes = {page.page_id: page.email.content_hash for page in prepared.pages}
    for page_id in edits.inserted:
        pass_over_inserted(connection, campaign.id, page_id, now)
    for page_id in edits.deleted:
        withdraw_page(connection, campaign.id, page_id, now)
    for page_id in (*edits.edited, *edits.alike):
        swap_email(connection, campaign.id, page_id, hashes[page_id])
    waiting = 0
    if edits.changes_the_order:  # whoever has no page left has not had the last one: they go on when it comes back
        waiting = find_next_pages(connection, campaign.id, EVERYBODY, without="ended")
        revive(connection, campaign.id, campaign.planned_until)
    resumed = resume_finished(connection, campaign.id) if prepared.definition.evergreen else 0
    return resumed, waiting


def page_changes(
    connection: Connection, campaign: Campaign, prepared: Prepared, edits: Edits, before: Mapping[str, CampaignPage]
) -> tuple[PageChange, ...]:
    """What happened to each page and how many readers that meets, in the order of the pages; deleted ones first."""
    numbers = {page.page_id: number for number, page in enumerate(prepared.pages, 1)}
    titles = {page.page_id: page.title for page in prepared.pages}
    found = []
    kinds: dict[Kind, tuple[str, ...]] = {"inserted": edits.inserted, "deleted": edits.deleted, "edited": edits.edited}
    for kind, page_ids in kinds.items():
        for page_id in page_ids:
            versions = (
                versions_alike(connection, campaign.series, before[page_id], len(before)) if page_id in before else None
            )
            readers, past = count_page(connection, campaign.id, page_id, versions)
            first = earliest(connection, campaign.id, page_id) if page_id in numbers else None
            found.append(
                PageChange(
                    kind=kind,
                    page_id=page_id,
                    number=numbers.get(page_id, 0),
                    title=titles.get(page_id, ""),
                    readers=readers,
                    past=past,
                    ahead=readers - past,
                    first_at=None if first is None else datetime.fromtimestamp(first, UTC),
                )
            )
    return tuple(sorted(found, key=lambda page: page.number))
