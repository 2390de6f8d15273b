"""A claimed delivery with its finished message, ready for a relay."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.delivery.reply import Reply, Stage
from newsletter.store.deliveries import Claim

_SAFE = re.compile(r"[^\x00-\x20<>\x7f-\x9f\u2028\u2029]+@[^\x00-\x20<>@\x7f-\x9f\u2028\u2029]+").fullmatch


class Message(Protocol):
    """What `newsletter.message.builder` makes: the envelope's two addresses and the bytes between DATA and the dot.

    Domains are A-labels (RFC 5891). No line of `data` starts with a dot: that is seen to when a page is compiled,
    once, and not for every message (RFC 5321 §4.5.2 asks for dots to be stuffed; looking for them takes 30 µs, a
    quarter of what a message costs). Only an address beyond ASCII puts bytes beyond ASCII into it.
    """

    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def needs_smtputf8(self) -> bool: ...


@dataclass(slots=True)
class Parcel:
    """One message on its way.

    `data` ends in CRLF and has no line that starts with a dot. `checked_at` (monotonic seconds) is when it was last
    asked whether this person may be mailed. `needs_utf8`: the relay must offer SMTPUTF8 (RFC 6531) and 8BITMIME.
    """

    claim: Claim
    sender: bytes
    recipient: bytes
    data: bytes
    domain: str
    needs_utf8: bool = False
    checked_at: float = 0.0
    started_at: float = 0.0
    mail_reply: Reply | None = field(default=None, repr=False)
    refusal: tuple[Stage, Reply] | None = field(default=None, repr=False)


def parcel_of(claim: Claim, message: Message) -> Parcel:
    """Pack `message`: its addresses as they stand in MAIL and RCPT.

    An address that could end the command it stands in (CR, LF, `>`) raises ValueError: smtplib cuts such an address
    short and mails whoever is left.
    """
    sender, recipient, data, needs_utf8 = message.sender, message.recipient, message.data, message.needs_smtputf8
    for address in (sender, recipient):
        if not _SAFE(address):
            raise ValueError(f"{address!a} can't stand in an SMTP command")
    domain = recipient[recipient.rindex("@") + 1 :].lower()
    return Parcel(claim, sender.encode(), recipient.encode(), data, domain, needs_utf8)
