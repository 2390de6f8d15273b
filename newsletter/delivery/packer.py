"""Claims → parcels: merge, sign, make their going out durable, and ask last whether they may."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from newsletter.campaigns.definition import Sender, with_sender
from newsletter.config import Settings
from newsletter.delivery.journal import Journal, Key
from newsletter.delivery.ledger import Ledger
from newsletter.delivery.smtp.parcel import Parcel, parcel_of
from newsletter.delivery.steady import steady
from newsletter.errors import MaterialError
from newsletter.message.builder import MessageBuilder, identity_of
from newsletter.message.dkim import Signable, Signer
from newsletter.message.keys import KeyRing
from newsletter.message.links import Links, Target
from newsletter.store.deliveries import Claim
from newsletter.store.emails import load_email

MOST_BUILDERS = 64
"""Emails kept compiled at once; a builder of a mail with pictures inside holds megabytes."""


class Built(NamedTuple):
    """`broken` can't be made into a message, and why."""

    parcels: list[Parcel]
    broken: list[tuple[Claim, str]]


class Drafted(NamedTuple):
    """Parcels that lack their signatures, each with what is to be signed; `broken` as in `Built`."""

    drafts: list[tuple[Parcel, tuple[Signable, ...]]]
    broken: list[tuple[Claim, str]]

    @property
    def signables(self) -> list[tuple[int, bytes]]:
        """What is to be signed, each with the number of its signer."""
        return [(number, each.data) for _, signables in self.drafts for number, each in enumerate(signables)]

    def signed(self, signatures: Iterable[bytes]) -> Built:
        """The parcels, with the signatures of `signables`."""
        found = iter(signatures)
        for parcel, signables in self.drafts:
            if signables:
                parcel.prepend([each.field(next(found)) for each in signables])
        return Built([parcel for parcel, _ in self.drafts], self.broken)


class Packer:
    """Makes the messages of one process."""

    def __init__(
        self, settings: Settings, ledger: Ledger, journal: Journal | None, ring: KeyRing, signers: Sequence[Signer]
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._journal = journal
        self._links = Links(ring, settings.web_url)
        self._signers = signers
        self._builders: OrderedDict[tuple[str, str, Sender], MessageBuilder] = OrderedDict()
        self._latest: tuple[str, Sender, MessageBuilder] | None = None

    def build(self, claims: Sequence[Claim]) -> Built:
        """Build the messages of `claims`, signed here and now. Raises StoreError."""
        drafted = self.draft(claims)
        return drafted.signed([self._signers[number].sign(data) for number, data in drafted.signables])

    def draft(self, claims: Sequence[Claim]) -> Drafted:
        """Build the messages of `claims` but for their signatures. Raises StoreError."""
        drafts: list[tuple[Parcel, tuple[Signable, ...]]] = []
        broken: list[tuple[Claim, str]] = []
        now = self._ledger.clock.now()
        for claim in claims:
            try:
                draft = self._builder(claim).draft(claim.subscriber, _target(claim), now=now, copy=claim.copy)
                drafts.append((parcel_of(claim, draft), draft.signables))
            except (MaterialError, ValueError) as error:
                broken.append((claim, error.message if isinstance(error, MaterialError) else str(error)))
        return Drafted(drafts, broken)

    def clear(self, parcels: Sequence[Parcel]) -> dict[int, str]:
        """Make it durable that `parcels` may go out next, and ask whether they may; which may not, and why.

        Raises StoreError, and OSError when the journal can't be written.
        """
        if self._journal is not None:
            self._journal.release([Key(parcel.claim.id, parcel.claim.attempts) for parcel in parcels])
        checked_at = steady()
        refused = self._ledger.refuse([parcel.claim for parcel in parcels])
        if lost := [parcel.claim for parcel in parcels if refused.get(parcel.claim.id) == "lost"]:
            self._ledger.disclaim(lost)
        for parcel in parcels:
            parcel.checked_at = checked_at
        return refused

    def _builder(self, claim: Claim) -> MessageBuilder:
        latest = self._latest
        if latest is not None and latest[0] == claim.email_hash and latest[1] is claim.sender:
            return latest[2]  # the rule, not the exception: what is claimed together is mostly one page of one campaign
        key = (claim.email_hash, claim.series, claim.sender)
        builder = self._builders.get(key)
        if builder is None:
            with self._ledger.database.reading() as connection:
                email = load_email(connection, claim.email_hash)
            identity = identity_of(with_sender(self._settings, claim.sender), claim.series)
            builder = MessageBuilder(email, identity, self._links, self._signers)
            self._builders[key] = builder
            if len(self._builders) > MOST_BUILDERS:
                self._builders.popitem(last=False)
        self._latest = (claim.email_hash, claim.sender, builder)
        return builder


def _target(claim: Claim) -> Target:
    return Target(claim.subscriber_id, claim.campaign_id, claim.id)
