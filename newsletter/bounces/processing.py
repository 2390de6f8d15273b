"""A mail from the bounce mailbox → what follows from it.

Anybody can write a mail that looks like a bounce. Only the token in the envelope address, which nobody else can
make, says that it answers a mail of ours; a report without one is kept for a person, never acted upon.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from newsletter.audience.addresses import fold
from newsletter.audience.keys import keys_of
from newsletter.bounces.classify import Classification, classify_mail
from newsletter.bounces.parsing import Mail, parse_mail
from newsletter.bounces.policy import Consequence, Report, SoftLimit, apply_report
from newsletter.bounces.verdict import Kind
from newsletter.config import Settings
from newsletter.errors import LinkError, ServiceError
from newsletter.message.links import Links, Purpose, Target
from newsletter.store.bounces import Addressee, BounceRow, addressee_of_delivery, record_bounce
from newsletter.store.consents import Consent, ConsentKind, record_consent
from newsletter.store.database import Database
from newsletter.store.suppressions import suppress
from newsletter.suppression import Reason

_ENVELOPE_FIELDS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-rcpt-to", "to")
"""Where servers write the envelope recipient, the surest first (RFC 9228 for Delivered-To)."""


@dataclass(frozen=True)
class Processed:
    """What a mail was and what followed."""

    classification: Classification
    consequence: Consequence


@dataclass(frozen=True)
class Processor:
    """Acts on mails one by one. `folder` is where what needs a person is kept, one file per mail."""

    database: Database
    links: Links
    limit: SoftLimit
    folder: Path

    def process(self, data: bytes, now: datetime) -> Processed:
        """Classify a mail and do what follows; the same mail a second time does nothing.

        Raises ServiceError when database or disk do not take it; the mail is then best left where it is.
        """
        classification = classify_mail(data)
        event_id = f"mail:{hashlib.sha256(data).hexdigest()}"
        token = find_token(parse_mail(data), self.links)
        with self.database.transaction() as connection:
            consequence = self._decide(connection, classification, token, event_id, now)
            if consequence is Consequence.KEPT:
                self._keep(data, event_id)  # before the commit: known to the database but not kept would be lost
        return Processed(classification, consequence)

    def _decide(
        self,
        connection: Connection,
        found: Classification,
        token: tuple[Purpose, Target] | None,
        event_id: str,
        now: datetime,
    ) -> Consequence:
        target = token[1] if token else None
        addressee = addressee_of_delivery(connection, target.delivery_id, target.subscriber_id) if target else None
        if token and token[0] is Purpose.UNSUBSCRIBE:
            return unsubscribe(connection, addressee, now, source="mail") if addressee else Consequence.KEPT
        if found.kind in (Kind.AUTOREPLY, Kind.DELIVERED):
            return Consequence.IGNORED
        if found.kind is Kind.NONE:
            return Consequence.IGNORED if found.verdict.reason.value else Consequence.KEPT
        if addressee is None or _has_moved_on(addressee, found):
            row = BounceRow(event_id, found.kind.value, found.verdict.severity.value, now, found.verdict.status, found.verdict.reason.value)  # fmt: skip
            return Consequence.KEPT if record_bounce(connection, row) else Consequence.KNOWN
        return apply_report(connection, Report(event_id, found.kind, found.verdict, now), addressee, self.limit)

    def _keep(self, data: bytes, event_id: str) -> None:
        name = event_id.removeprefix("mail:")[:32]
        unfinished = self.folder / f".{name}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(data)
            unfinished.rename(self.folder / f"{name}.eml")
        except OSError as error:
            raise ServiceError(
                f"the mail can't be kept: {error.strerror}",
                where=self.folder,
                remedy="Make room there, then run it again.",
            ) from error


def processor_of(settings: Settings, database: Database) -> Processor:
    """The processor of a project. Raises SettingsError when its keys are lost or can't be read."""
    return Processor(
        database,
        Links(keys_of(database, settings.path(settings.web.key_file)), settings.web_url),
        SoftLimit(settings.bounces.soft_limit, settings.bounces.reset_days),
        settings.path(Path(".newsletter/bounces")),
    )


def find_token(mail: Mail, links: Links) -> tuple[Purpose, Target] | None:
    """What the envelope recipient of a mail is about, if it is an address of ours with a true token."""
    for field in _ENVELOPE_FIELDS:
        for name, value in mail.headers:
            if name != field:
                continue
            for word in value.replace(",", " ").split():
                try:
                    return links.read_address(word.strip("<>;\"'"))
                except LinkError:
                    continue
    return None


def _has_moved_on(addressee: Addressee, found: Classification) -> bool:
    """Whether the person has another address by now, so that the bounce is about the old one. A complaint is theirs."""
    if (
        found.kind is Kind.COMPLAINT
        or addressee.sent_at is None
        or addressee.changed_at <= addressee.sent_at
        or not found.recipients
    ):
        return False
    return fold(addressee.address) not in {fold(address) for address in found.recipients}


def unsubscribe(connection: Connection, addressee: Addressee, now: datetime, *, source: str) -> Consequence:
    """The person leaves: the series of the mail they answered (RFC 2369 §3.2), or all where none is known."""
    changed = suppress(
        connection,
        addressee.address_hash,
        Reason.UNSUBSCRIBED,
        at=now,
        scope=addressee.series,
        source=source,
        address=addressee.address,
    )
    if not changed:
        return Consequence.KNOWN
    entry = Consent(addressee.subscriber_id, ConsentKind.WITHDRAWN, now, addressee.series, source=source)
    record_consent(connection, entry)
    return Consequence.UNSUBSCRIBED
