"""A person's whole history: what they agreed to, what they got, what bounced, what they chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from newsletter.store.consents import Consent, consents_of
from newsletter.store.preferences import Preference, preference_of
from newsletter.store.subscribers import StoredSubscriber, tags_of
from newsletter.store.suppressions import Suppression, suppressions_of
from newsletter.store.tables import bounce, campaign, delivery, enrollment


@dataclass(frozen=True)
class DeliveryRecord:
    """One page to this person, with the relay's reply."""

    id: int
    campaign: str
    series: str
    page_id: str
    copy: int
    state: str
    due_at: datetime
    finished_at: datetime | None
    attempts: int
    reply: str


@dataclass(frozen=True)
class BounceRecord:
    """One bounce or complaint."""

    kind: str
    severity: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class EnrollmentRecord:
    """The person's way through one campaign."""

    campaign_id: int
    campaign: str
    series: str
    state: str
    campaign_state: str
    next_page_id: str | None
    due_at: datetime | None
    enrolled_at: datetime


@dataclass(frozen=True)
class History:
    """All that is known of a person."""

    person: StoredSubscriber
    tags: tuple[str, ...]
    preference: Preference
    suppressions: tuple[Suppression, ...]
    enrollments: tuple[EnrollmentRecord, ...]
    consents: tuple[Consent, ...]
    deliveries: tuple[DeliveryRecord, ...]
    bounces: tuple[BounceRecord, ...]

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why they get no mail, or only of some series; empty when nothing stands in the way."""
        found = []
        if self.person.state == "pending":
            found.append("has not confirmed the subscription")
        for item in self.suppressions:
            what = f"from the series {item.scope}" if item.scope else "from everything"
            source = f" by {item.source}" if item.source else ""
            found.append(f"{item.reason} {what} on {item.at:%Y-%m-%d}{source}")
        if self.preference.paused_until is not None:
            found.append(f"has paused until {self.preference.paused_until:%Y-%m-%d}")
        return tuple(found)


def history_of(connection: Connection, person: StoredSubscriber) -> History:
    """Everything the database holds about a person."""
    return History(
        person,
        tags_of(connection, [person.id]).get(person.id, ()),
        preference_of(connection, person.id),
        suppressions_of(connection, person.address_hash),
        enrollments_of(connection, person.id),
        consents_of(connection, person.id),
        _deliveries(connection, person.id),
        _bounces(connection, person.id),
    )


def enrollments_of(connection: Connection, subscriber_id: int) -> tuple[EnrollmentRecord, ...]:
    """The campaigns a person is or was in."""
    query = (
        select(enrollment, campaign.c.name, campaign.c.series, campaign.c.state.label("campaign_state"))
        .join(campaign, campaign.c.id == enrollment.c.campaign_id)
        .where(enrollment.c.subscriber_id == subscriber_id)
        .order_by(enrollment.c.enrolled_at, enrollment.c.campaign_id)
    )
    return tuple(
        EnrollmentRecord(
            row.campaign_id,
            row.name,
            row.series,
            row.state,
            row.campaign_state,
            row.next_page_id,
            _moment(row.due_at),
            datetime.fromtimestamp(row.enrolled_at, UTC),
        )
        for row in connection.execute(query)
    )


def _deliveries(connection: Connection, subscriber_id: int) -> tuple[DeliveryRecord, ...]:
    query = (
        select(delivery, campaign.c.name, campaign.c.series)
        .join(campaign, campaign.c.id == delivery.c.campaign_id)
        .where(delivery.c.subscriber_id == subscriber_id)
        .order_by(delivery.c.due_at, delivery.c.id)
    )
    return tuple(
        DeliveryRecord(
            row.id,
            row.name,
            row.series,
            row.page_id,
            row.copy,
            row.state,
            datetime.fromtimestamp(row.due_at, UTC),
            _moment(row.finished_at),
            row.attempts,
            " ".join(str(part) for part in (row.reply_code, row.reply) if part),
        )
        for row in connection.execute(query)
    )


def _bounces(connection: Connection, subscriber_id: int) -> tuple[BounceRecord, ...]:
    query = select(bounce).where(bounce.c.subscriber_id == subscriber_id).order_by(bounce.c.at)
    return tuple(
        BounceRecord(row.kind, row.severity, row.status, row.reason, datetime.fromtimestamp(row.at, UTC))
        for row in connection.execute(query)
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
