"""What follows from a report: hard suppresses, soft counts over time, our own fault alerts, a complaint is final."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from sqlalchemy import Connection

from newsletter.bounces.verdict import Kind, Severity, Verdict
from newsletter.store.alerts import raise_alert
from newsletter.store.bounces import Addressee, BounceRow, record_bounce, soft_bounces
from newsletter.store.suppressions import suppress
from newsletter.suppression import Reason

LEAST_SENDS = 3
"""Different mails that must have bounced softly: one mail that bounces five times is one full mailbox."""


class Consequence(Enum):
    """What a report led to; the words are those of the summary of `newsletter bounces process`."""

    SUPPRESSED = "suppressed"
    COUNTED = "counted"
    ALERTED = "operator alerted"
    UNSUBSCRIBED = "unsubscribed"
    KEPT = "kept for a person"
    KNOWN = "known already"
    IGNORED = "nothing to do"


@dataclass(frozen=True)
class Report:
    """A bounce or complaint whose origin is proven: by the token of the envelope, a webhook's signature, our relay.

    `event_id` is the same each time the same report arrives.
    """

    event_id: str
    kind: Kind
    verdict: Verdict
    at: datetime


@dataclass(frozen=True)
class SoftLimit:
    """After how many days with a soft bounce an address is suppressed, and after how many quiet days not."""

    days: int = 5
    reset_days: int = 75


def apply_report(connection: Connection, report: Report, addressee: Addressee, limit: SoftLimit) -> Consequence:
    """Record a report about a subscriber and draw the consequence, in the caller's transaction.

    Nothing happens a second time for the same event. Only call it for reports whose origin is proven.
    """
    severity = report.verdict.severity
    row = BounceRow(
        event_id=report.event_id,
        kind=report.kind.value,
        severity=severity.value,
        at=report.at,
        status=report.verdict.status,
        reason=report.verdict.reason.value,
        delivery_id=addressee.delivery_id,
        subscriber_id=addressee.subscriber_id,
    )
    if not record_bounce(connection, row):
        return Consequence.KNOWN
    if report.kind is Kind.COMPLAINT:
        return _suppress(connection, report, addressee, Reason.COMPLAINED)
    if severity is Severity.HARD:
        return _suppress(connection, report, addressee, Reason.BOUNCED)
    if severity is Severity.SENDER:
        domain = addressee.address.rpartition("@")[2].lower()
        text = f"{domain} refuses our mail: {report.verdict.reason.value} {report.verdict.status}".rstrip()
        raise_alert(connection, f"domain:{domain}", text, int(report.at.timestamp()))
        return Consequence.ALERTED
    if severity is Severity.SOFT and is_over(soft_bounces(connection, addressee.subscriber_id), limit):
        return _suppress(connection, report, addressee, Reason.BOUNCED)
    return Consequence.COUNTED if severity is Severity.SOFT else Consequence.IGNORED


def is_over(history: list[tuple[datetime, int | None]], limit: SoftLimit) -> bool:
    """Whether soft bounces, the newest first, have become too many.

    A day counts once, however many bounces it brought; a gap of `reset_days` ends the count. Bounces of unknown
    deliveries (a webhook that names only the address) count as a mail per day.
    """
    days: set[object] = set()
    mails: set[object] = set()
    later: datetime | None = None
    for at, delivery_id in history:
        if later is not None and later - at > timedelta(days=limit.reset_days):
            break
        day = at.astimezone(UTC).date()
        days.add(day)
        mails.add(delivery_id if delivery_id is not None else day)
        later = at
    return len(days) >= limit.days and len(mails) >= LEAST_SENDS


def _suppress(connection: Connection, report: Report, addressee: Addressee, reason: Reason) -> Consequence:
    suppress(
        connection,
        addressee.address_hash,
        reason,
        at=report.at,
        source=f"{report.kind.value}: {report.verdict.reason.value} {report.verdict.status}".rstrip(),
        address=addressee.address,
    )
    return Consequence.SUPPRESSED
