"""A claimed delivery with its finished message, ready for a relay."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.delivery.reply import Reply, Stage
from newsletter.store.deliveries import Claim

_SAFE = re.compile(r"[^\x00-\x20<>\x7f-\x9f\u2028\u2029]+@[^\x00-\x20<>@\x7f-\x9f\u2028\u2029]+")


class Message(Protocol):
    """What `newsletter.message.builder` makes: the envelope's two addresses and the bytes between DATA and the dot.

    No line of `data` starts with a dot: that is seen to when a page is compiled, once, and not for every message
    (RFC 5321 §4.5.2 asks for dots to be stuffed; looking for them takes 30 µs, a quarter of what a message costs).
    """

    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def data(self) -> bytes: ...


@dataclass(slots=True)
class Parcel:
    """One message on its way.

    `data` ends in CRLF and has no line that starts with a dot. `checked_at` (monotonic seconds) is when it was last asked whether this
    person may be mailed. `needs_utf8` and `needs_8bit` say what the relay must offer (RFC 6531, RFC 6152).
    """

    claim: Claim
    sender: bytes
    recipient: bytes
    data: bytes
    domain: str
    needs_utf8: bool = False
    needs_8bit: bool = False
    checked_at: float = 0.0
    started_at: float = 0.0
    mail_reply: Reply | None = field(default=None, repr=False)
    refusal: tuple[Stage, Reply] | None = field(default=None, repr=False)


def parcel_of(claim: Claim, message: Message) -> Parcel:
    """Pack `message`: its addresses as they stand in MAIL and RCPT.

    The domain becomes an A-label (RFC 5891); a local part that is not ASCII needs SMTPUTF8. An address that could
    end the command it stands in (CR, LF, `>`) raises ValueError: smtplib cuts such an address short and mails
    whoever is left.
    """
    sender, _ = _path(message.sender)
    recipient, domain = _path(message.recipient)
    data = message.data
    return Parcel(
        claim,
        sender,
        recipient,
        data,
        domain,
        needs_utf8=not (sender.isascii() and recipient.isascii()),
        needs_8bit=not data.isascii(),
    )


def _path(address: str) -> tuple[bytes, str]:
    local, _, domain = address.rpartition("@")
    if not _SAFE.fullmatch(address):
        raise ValueError(f"{address!a} can't stand in an SMTP command")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
        address = f"{local}@{domain}"
    return address.encode(), domain.lower()
