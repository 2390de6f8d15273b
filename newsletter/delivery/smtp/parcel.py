"""A claimed delivery with its finished message, ready for a relay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.store.deliveries import Claim

_SAFE = re.compile(r"[^\x00-\x20<>\x7f-\x9f\u2028\u2029]+@[^\x00-\x20<>@\x7f-\x9f\u2028\u2029]+").fullmatch


class Message(Protocol):
    """What `newsletter.message.builder` makes: the envelope's two addresses and what stands between DATA and the dot.

    Domains are A-labels (RFC 5891). No line of `pieces` starts with a dot: that is seen to when a page is compiled,
    once, and not for every message (RFC 5321 §4.5.2 asks for dots to be stuffed; looking for them takes 30 µs, a
    quarter of what a message costs). Only an address beyond ASCII puts bytes beyond ASCII into it.
    """

    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def pieces(self) -> tuple[bytes, ...]: ...
    @property
    def needs_smtputf8(self) -> bool: ...


@dataclass(slots=True)
class Parcel:
    """One message on its way.

    `pieces`, `octets` long together, end in CRLF and have no line that starts with a dot. `checked_at` (monotonic
    seconds) is when it was last asked whether this person may be mailed. `needs_utf8`: the relay must offer SMTPUTF8
    (RFC 6531) and 8BITMIME.
    """

    claim: Claim
    sender: bytes
    recipient: bytes
    pieces: tuple[bytes, ...]
    octets: int
    domain: str
    needs_utf8: bool = False
    checked_at: float = 0.0
    started_at: float = 0.0
    mail_reply: Reply | None = field(default=None, repr=False)
    refusal: tuple[Stage, Reply] | None = field(default=None, repr=False)

    def prepend(self, fields: Sequence[bytes]) -> None:
        """Put header fields before what is there."""
        self.pieces = (*fields, *self.pieces)
        self.octets += sum(map(len, fields))


def parcel_of(claim: Claim, message: Message) -> Parcel:
    """Pack `message`: its addresses as they stand in MAIL and RCPT.

    An address that could end the command it stands in (CR, LF, `>`) raises ValueError: smtplib cuts such an address
    short and mails whoever is left.
    """
    sender, recipient, pieces = message.sender, message.recipient, message.pieces
    for address in (sender, recipient):
        if not _SAFE(address):
            raise ValueError(f"{address!a} can't stand in an SMTP command")
    domain = recipient[recipient.rindex("@") + 1 :].lower()
    octets = sum(map(len, pieces))
    return Parcel(claim, sender.encode(), recipient.encode(), pieces, octets, domain, message.needs_smtputf8)
