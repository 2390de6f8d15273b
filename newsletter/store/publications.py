"""What the public may see: the mail behind a link, and the pages of a series that have been mailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, exists, func, select

from newsletter.store.tables import campaign, campaign_page, delivery, email


@dataclass(frozen=True)
class SentMail:
    """One delivery as its reader got it."""

    subscriber_id: int
    campaign_id: int
    series: str
    email_hash: str
    copy: int
    at: datetime


@dataclass(frozen=True)
class PublishedPage:
    """A page of a series that has been mailed to somebody; `at` is when it was first composed.

    `subject` is a template, as in `newsletter.compose.email.Email`.
    """

    page_id: str
    subject: str
    email_hash: str
    at: datetime


def series_of_campaign(connection: Connection, campaign_id: int) -> str:
    """The series of a campaign, "" if there is no such campaign (any more)."""
    found = connection.execute(select(campaign.c.series).where(campaign.c.id == campaign_id)).scalar_one_or_none()
    return found or ""


def sent_mail(connection: Connection, delivery_id: int, subscriber_id: int) -> SentMail | None:
    """The mail with this delivery id, if it is this subscriber's and is kept."""
    query = (
        select(delivery, campaign.c.series)
        .join(campaign, campaign.c.id == delivery.c.campaign_id)
        .where(
            delivery.c.id == delivery_id, delivery.c.subscriber_id == subscriber_id, delivery.c.email_hash.is_not(None)
        )
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    at = datetime.fromtimestamp(row.finished_at or row.due_at, UTC)
    return SentMail(row.subscriber_id, row.campaign_id, row.series, row.email_hash, row.copy, at)


def published_pages(connection: Connection, series: str) -> tuple[PublishedPage, ...]:
    """The pages of a series that at least one reader has been sent, in the order of its newest campaign."""
    newest = select(func.max(campaign.c.id)).where(campaign.c.series == series, campaign.c.state != "unapproved")
    was_sent = exists().where(
        delivery.c.campaign_id == campaign_page.c.campaign_id,
        delivery.c.page_id == campaign_page.c.page_id,
        delivery.c.state == "sent",
    )
    query = (
        select(campaign_page.c.page_id, email.c.subject, email.c.hash, email.c.created_at)
        .join(email, email.c.hash == campaign_page.c.email_hash)
        .where(campaign_page.c.campaign_id == newest.scalar_subquery(), was_sent)
        .order_by(campaign_page.c.position)
    )
    return tuple(
        PublishedPage(row.page_id, row.subject, row.hash, datetime.fromtimestamp(row.created_at, UTC))
        for row in connection.execute(query)
    )
