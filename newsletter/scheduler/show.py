"""The very mail a reader got, rebuilt from the email that is kept by its hash and from what is known of the reader.

Values are not kept for each mail (a million readers would double the database), so that a mail is the one that left as
long as neither the reader's data nor the campaign changed; if they did, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from newsletter.campaigns.definition import with_sender
from newsletter.config import Settings
from newsletter.errors import CampaignError
from newsletter.message.builder import MessageBuilder
from newsletter.message.identity import identity_of
from newsletter.message.keys import KeyRing
from newsletter.message.links import Links, Target
from newsletter.scheduler.operate import known_campaign, known_page, known_reader
from newsletter.store.campaigns import Campaign
from newsletter.store.database import Database
from newsletter.store.emails import load_email, revision_of_email
from newsletter.store.readers import Sent, deliveries_of
from newsletter.store.subscribers import StoredSubscriber, subscriber_by_id


@dataclass(frozen=True)
class Shown:
    """A mail that was sent. `facts` say what of it is proved and what is not; `doubts` why it may not be, word for word,
    the one that left."""

    message: bytes
    facts: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def show(database: Database, settings: Settings, ring: KeyRing, name: str, page: str, address: str) -> Shown:
    """The message as it was sent to `address`, with its Message-ID and its links, unsigned; its date is when it was taken.

    Raises CampaignError when that reader was not sent that page; StoreError when what was sent is not kept.
    """
    with database.reading() as connection:
        campaign = known_campaign(connection, name)
        reader = known_reader(connection, campaign, address)
        had = [each for each in deliveries_of(connection, campaign.id, reader.subscriber_id) if each.state == "sent"]
        # A page that was deleted since is not in the campaign any more, but the mail was sent.
        is_known = any(each.page_id == page for each in had)
        page_id = page if is_known else known_page(connection, campaign, page).page_id
        sent = [each for each in had if each.page_id == page_id]
        if not sent:
            raise CampaignError(
                f"{address} was not sent page {page_id}", remedy=f"newsletter campaign why {name} {address}"
            )
        latest = sent[-1]
        assert latest.email_hash is not None
        assert latest.finished_at is not None
        email = load_email(connection, latest.email_hash)
        revision = revision_of_email(connection, latest.email_hash)
        person = subscriber_by_id(connection, reader.subscriber_id)
    assert person is not None
    builder = MessageBuilder(
        email,
        identity_of(with_sender(settings, campaign.definition.sender), campaign.series),
        Links(ring, settings.web_url),
        (),
    )
    left = datetime.fromtimestamp(latest.finished_at, UTC)
    target_of = Target(reader.subscriber_id, campaign.id, latest.id)
    message = builder.build(person.subscriber, target_of, now=left, copy=latest.copy)
    return Shown(message.data, tuple(_facts(latest, left, revision)), tuple(_doubts(campaign, person, left)))


def _facts(sent: Sent, left: datetime, revision: str) -> Iterator[str]:
    composed = f"content {str(sent.email_hash)[:12]}{f', git {revision[:12]}' if revision else ''}"
    yield f"page {sent.page_id}, which left on {left:%a %d %b %Y at %H:%M} UTC: {composed}, kept since and checked by its hash"
    yield "merged again now, with the reader's data and newsletter.toml of today; without the DKIM signature, which is not kept"


def _doubts(campaign: Campaign, person: StoredSubscriber, left: datetime) -> Iterator[str]:
    after = f"after this mail left ({left:%Y-%m-%d %H:%M} UTC)"
    if person.updated_at > left:
        yield (
            f"what is known of {person.subscriber.address} was changed on {person.updated_at:%Y-%m-%d %H:%M} UTC, {after}: "
            "the mail shows their data of today"
        )
    if campaign.updated_at > left.timestamp():
        yield f"the campaign was changed {after}: the mail shows its sender of today"
