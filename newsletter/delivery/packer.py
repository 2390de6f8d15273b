"""Claims → parcels: merge, sign, make their going out durable, and ask last whether they may. Runs in threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from newsletter.campaigns.definition import Sender, with_sender
from newsletter.config import Settings
from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.ledger import Ledger
from newsletter.delivery.parcel import Parcel, parcel_of
from newsletter.delivery.steady import steady
from newsletter.errors import MaterialError
from newsletter.message.builder import MessageBuilder, identity_of
from newsletter.message.dkim import Signer
from newsletter.message.keys import KeyRing
from newsletter.message.links import Links, Target
from newsletter.store.campaigns import senders
from newsletter.store.deliveries import Claim
from newsletter.store.emails import load_email

MOST_BUILDERS = 64
"""Emails kept compiled at once; a builder of a mail with pictures inside holds megabytes."""


class Built(NamedTuple):
    """`broken` can't be made into a message, and why."""

    parcels: list[Parcel]
    broken: list[tuple[Claim, str]]


class Packer:
    """Makes the messages of one process.

    `is_quick`: building takes so little that a thread would cost more than it brings. An RSA signature takes a
    quarter of a millisecond and lets go of the GIL, so then several threads may `build` at once.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, journal: Journal | None, ring: KeyRing, signers: Sequence[Signer]
    ) -> None:
        self.is_quick = not any(signer.algorithm.startswith("rsa") for signer in signers)
        self._settings = settings
        self._ledger = ledger
        self._journal = journal
        self._links = Links(ring, settings.web_url)
        self._signers = signers
        self._builders: OrderedDict[tuple[str, str, Sender], MessageBuilder] = OrderedDict()

    def build(self, claims: Sequence[Claim]) -> Built:
        """Build the messages of `claims`. Raises StoreError."""
        parcels, broken = [], []
        now = self._ledger.clock.now()
        with self._ledger.database.reading() as connection:
            from_whom = senders(connection)
        for claim in claims:
            try:
                message = self._builder(claim, from_whom.get(claim.campaign_id, Sender())).build(
                    claim.subscriber, Target(claim.subscriber_id, claim.campaign_id, claim.id), now=now, copy=claim.copy
                )
                parcels.append(parcel_of(claim, message))
            except (MaterialError, ValueError) as error:
                broken.append((claim, error.message if isinstance(error, MaterialError) else str(error)))
        return Built(parcels, broken)

    def clear(self, parcels: Sequence[Parcel]) -> dict[int, str]:
        """Make it durable that `parcels` may go out next, and ask whether they may; which may not, and why.

        Raises StoreError, and OSError when the journal can't be written.
        """
        if self._journal is not None:
            self._journal.release([Key(parcel.claim.id, parcel.claim.attempts) for parcel in parcels])
        checked_at = steady()
        refused = self._ledger.refuse([parcel.claim for parcel in parcels])
        for parcel in parcels:
            parcel.checked_at = checked_at
        return refused

    def _builder(self, claim: Claim, sender: Sender) -> MessageBuilder:
        key = (claim.email_hash, claim.series, sender)
        builder = self._builders.get(key)
        if builder is None:
            with self._ledger.database.reading() as connection:
                email = load_email(connection, claim.email_hash)
            identity = identity_of(with_sender(self._settings, sender), claim.series)
            builder = MessageBuilder(email, identity, self._links, self._signers)
            self._builders[key] = builder
            if len(self._builders) > MOST_BUILDERS:
                self._builders.popitem(last=False)
        return builder
