"""Clicks on the links of campaigns that count them: one number for each link, nothing about who clicked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, text

from newsletter.compose.counted_links import CountedLink


class Clicks(NamedTuple):
    """How often one link was followed: by people, as far as can be told, and by scanners."""

    page_id: str
    position: int
    url: str
    people: int
    scanners: int


def save_links(connection: Connection, campaign_id: int, links: Iterable[CountedLink]) -> None:
    """Keep where links lead; those known already keep their counts, also when the page no longer has them."""
    for link in links:
        connection.execute(
            text(
                "INSERT INTO counted_link (token, campaign_id, page_id, position, url) "
                "VALUES (:token, :campaign, :page, :position, :url) ON CONFLICT (token) DO UPDATE SET position = :position"
            ),
            {
                "token": link.token,
                "campaign": campaign_id,
                "page": link.page_id,
                "position": link.position,
                "url": link.url,
            },
        )


def link_of(connection: Connection, token: str) -> tuple[str, str] | None:
    """Where a link leads, and which mail it belongs to; None if it is none of ours."""
    row = connection.execute(
        text("SELECT url, campaign_id, page_id FROM counted_link WHERE token = :token"), {"token": token}
    ).one_or_none()
    return (row.url, f"{row.campaign_id}/{row.page_id}") if row else None


def addresses_behind(connection: Connection, tokens: Iterable[str]) -> dict[str, str]:
    """Where each of these links leads; those that are none of ours are missing."""
    found = ((token, link_of(connection, token)) for token in tokens)
    return {token: link[0] for token, link in found if link is not None}


def count_clicks(connection: Connection, token: str, *, people: int = 0, scanners: int = 0) -> None:
    """Add to the numbers of a link; a negative number takes back."""
    connection.execute(
        text("UPDATE counted_link SET people = people + :people, scanners = scanners + :scanners WHERE token = :token"),
        {"token": token, "people": people, "scanners": scanners},
    )


def clicks_of(connection: Connection, campaign_id: int) -> list[Clicks]:
    """Every link of a campaign, page by page in their order."""
    rows = connection.execute(
        text(
            "SELECT l.page_id, l.position, l.url, l.people, l.scanners FROM counted_link l LEFT JOIN campaign_page p "
            "ON p.campaign_id = l.campaign_id AND p.page_id = l.page_id WHERE l.campaign_id = :id "
            "ORDER BY p.position IS NULL, p.position, l.page_id, l.position, l.url"
        ),
        {"id": campaign_id},
    )
    return [Clicks(*row) for row in rows]
