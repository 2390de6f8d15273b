"""A campaign with one mail that went out, and bounces of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.audience.addresses import fold
from newsletter.bounces.policy import SoftLimit
from newsletter.bounces.processing import Processor
from newsletter.message.keys import KeyRing, address_hash, load_keys
from newsletter.message.links import Links, Purpose, Target, bounce_address
from newsletter.store.database import Database
from newsletter.store.suppressions import Suppression, suppressions_of
from newsletter.store.tables import campaign, delivery, subscriber

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SENT = int(datetime(2026, 11, 22, 9, 0, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Mailed:
    """Ann, who got page one of the campaign; further deliveries on demand."""

    database: Database
    ring: KeyRing
    links: Links
    processor: Processor
    subscriber_id: int
    campaign_id: int
    address: str

    def deliver(self, page: str) -> int:
        with self.database.transaction() as connection:
            row = connection.execute(
                delivery.insert().values(
                    campaign_id=self.campaign_id, subscriber_id=self.subscriber_id, page_id=page, state="sent",
                    due_at=SENT, finished_at=SENT,
                ).returning(delivery.c.id)
            )  # fmt: skip
            return int(row.scalar_one())

    def envelope(self, delivery_id: int) -> str:
        target = Target(self.subscriber_id, self.campaign_id, delivery_id)
        return bounce_address(self.links.token(Purpose.BOUNCE, target), "news.example.com")

    def suppressions(self) -> tuple[Suppression, ...]:
        with self.database.transaction() as connection:
            return suppressions_of(connection, address_hash(self.ring, fold(self.address)))

    def kept(self) -> list[Path]:
        return sorted(self.processor.folder.glob("*.eml"))

    def rows(self, table: object) -> list[object]:
        with self.database.transaction() as connection:
            return list(connection.execute(select(table)))  # type: ignore[call-overload]


@pytest.fixture
def mailed(database: Database, tmp_path: Path) -> Mailed:
    """On SQLite and on PostgreSQL."""
    ring = load_keys(tmp_path / "newsletter.key")
    links = Links(ring, "https://letters.example.com")
    at = SENT - 86_400
    with database.transaction() as connection:
        person = connection.execute(
            subscriber.insert().values(
                address="Ann@example.org", address_hash=address_hash(ring, fold("Ann@example.org")), attributes={},
                state="active", created_at=at, updated_at=at,
            ).returning(subscriber.c.id)
        ).scalar_one()  # fmt: skip
        number = connection.execute(
            campaign.insert().values(
                name="unions", series="unions", state="running", definition={}, created_at=at, updated_at=at
            ).returning(campaign.c.id)
        ).scalar_one()  # fmt: skip
    processor = Processor(database, links, SoftLimit(), tmp_path / "kept")
    return Mailed(database, ring, links, processor, person, number, "Ann@example.org")


@pytest.fixture
def dsn() -> Callable[..., bytes]:
    """A delivery report as Postfix writes it."""

    def make(
        to: str,
        recipient: str = "Ann@example.org",
        status: str = "5.1.1",
        said: str = "550 5.1.1 User unknown",
        action: str = "failed",
    ) -> bytes:
        return f"""\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@relay.example.com (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

This is the mail system at host relay.example.com.

<{recipient}>: host mx.example.org[192.0.2.7] said: {said}
    (in reply to RCPT TO command)

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.com
X-Postfix-Queue-ID: 4ABC

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {said}

--B
Content-Type: text/rfc822-headers

From: Letters <letters@news.example.com>
To: {recipient}
Subject: Page one

--B--
""".replace("\n", "\r\n").encode()

    return make
