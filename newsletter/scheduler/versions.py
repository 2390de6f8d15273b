"""Versions of a page that are one correction apart, or only numbered otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from newsletter.campaigns.numbering import same_but_for_number
from newsletter.scheduler.prepared import Prepared
from newsletter.store.campaigns import CampaignPage
from newsletter.store.emails import load_email, versions_of


def renumbered(connection: Connection, prepared: Prepared, before: Mapping[str, CampaignPage]) -> frozenset[str]:
    """The pages whose mail differs from the one in force in nothing but their number in the series."""
    return frozenset(
        page.page_id
        for number, page in enumerate(prepared.pages, 1)
        if page.page_id in before
        and before[page.page_id].email_hash != page.email.content_hash
        and same_but_for_number(
            load_email(connection, before[page.page_id].email_hash), page.email, number, len(prepared.pages)
        )
    )


def versions_alike(connection: Connection, series: str, page: CampaignPage, parts: int) -> tuple[str, ...]:
    """The hashes under which `page`, one of so many `parts`, may have been sent: its own, and those numbered otherwise."""
    now = load_email(connection, page.email_hash)
    others = [each for each in versions_of(connection, series, page.page_id) if each != page.email_hash]
    alike = [
        each for each in others if same_but_for_number(load_email(connection, each), now, page.position + 1, parts)
    ]
    return (page.email_hash, *alike)
