"""The very mail a reader got: rebuilt, byte for byte but for the signature's key, from the email kept by its hash."""

from __future__ import annotations

from datetime import UTC, datetime

from newsletter.campaigns.definition import with_sender
from newsletter.config import Settings
from newsletter.errors import CampaignError
from newsletter.message.builder import MessageBuilder
from newsletter.message.identity import identity_of
from newsletter.message.keys import KeyRing
from newsletter.message.links import Links, Target
from newsletter.scheduler.operate import known_campaign, known_page, known_reader
from newsletter.store.database import Database
from newsletter.store.emails import load_email
from newsletter.store.readers import deliveries_of
from newsletter.store.subscribers import subscriber_by_id


def show(database: Database, settings: Settings, ring: KeyRing, name: str, page: str, address: str) -> bytes:
    """The message as it was sent to `address`, with its date, its Message-ID and its links, unsigned.

    Raises CampaignError when that reader was not sent that page; StoreError when what was sent is not kept.
    """
    with database.reading() as connection:
        campaign = known_campaign(connection, name)
        target = known_page(connection, campaign, page)
        reader = known_reader(connection, campaign, address)
        sent = [
            each
            for each in deliveries_of(connection, campaign.id, reader.subscriber_id)
            if each.page_id == target.page_id and each.state == "sent"
        ]
        if not sent:
            raise CampaignError(
                f"{address} was not sent page {target.page_id}", remedy=f"newsletter campaign why {name} {address}"
            )
        latest = sent[-1]
        assert latest.email_hash is not None
        assert latest.finished_at is not None
        email = load_email(connection, latest.email_hash)
        person = subscriber_by_id(connection, reader.subscriber_id)
    assert person is not None
    builder = MessageBuilder(
        email,
        identity_of(with_sender(settings, campaign.definition.sender), campaign.series),
        Links(ring, settings.web_url),
        (),
    )
    message = builder.build(
        person.subscriber,
        Target(reader.subscriber_id, campaign.id, latest.id),
        now=datetime.fromtimestamp(latest.finished_at, UTC),
        copy=latest.copy,
    )
    return message.data
