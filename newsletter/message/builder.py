"""One email and one subscriber → the bytes that go over the wire.

What is the same for every subscriber is computed when the builder is made; per message there are only the tokens, the
slots, a handful of header values, one join and the signatures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from typing import NamedTuple

from newsletter.compose.email import Email
from newsletter.errors import DataError, SettingsError, TemplateError
from newsletter.message import mime
from newsletter.message.dkim import Signable, Signer
from newsletter.message.head import Field, Head, Unsigned, date_value, fixed, seconds_of
from newsletter.message.headers import mailbox, text_value, wire_address
from newsletter.message.identity import Identity, identity_of
from newsletter.message.links import Links, MailLinks, Purpose, Target, bounce_address
from newsletter.message.merge import compile_template, place, render
from newsletter.message.quoted_printable import encode_plain, encode_value
from newsletter.message.roads import Fill, Slot
from newsletter.message.values import MessageValues, reader_of
from newsletter.subscriber import Subscriber

__all__ = ["Identity", "Message", "MessageBuilder", "identity_of", "message_values", "transactional"]

_LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class Message(NamedTuple):
    """A message ready for SMTP. A tuple, since one is made for every mail.

    `sender` and `recipient` are the envelope's. `pieces` follow each other on the wire: most are the same object in
    every message, so a queue of messages is small, and the socket is fed from memory that is warm (joining them first
    takes as long as merging). They have CRLF line ends, no line that starts with a dot, and lines of at most 998
    octets. `needs_smtputf8`: the relay must offer SMTPUTF8 (RFC 6531), else the mail can't be sent.
    """

    sender: str
    recipient: str
    pieces: tuple[bytes, ...]
    needs_smtputf8: bool = False

    @property
    def data(self) -> bytes:
        """The whole message."""
        return b"".join(self.pieces)


class Draft(NamedTuple):
    """A message that lacks its signatures, otherwise as `Message`; and what is to be signed, in the order of the
    signers. The fields with the signatures come before `pieces`."""

    sender: str
    recipient: str
    pieces: tuple[bytes, ...]
    needs_smtputf8: bool
    signables: tuple[Signable, ...]


class MessageBuilder:
    """Builds the messages of one email. Make it once per email and keep it; `build` is the hot path.

    Raises TemplateError if the email holds something that is not part of the merge language.
    """

    def __init__(self, email: Email, identity: Identity, links: Links, signers: Sequence[Signer]) -> None:
        self._identity = identity
        self._links = links
        self._where = place(email)
        self._subject = compile_template(email.subject, html=False, where=self._where)
        texts = [part for part in self._subject if isinstance(part, str)]
        self._fixed_subject = self._encoded_subject("".join(texts)) if len(texts) == len(self._subject) else None
        html = compile_template(email.html, html=True, where=self._where)
        text = compile_template(email.text, html=False, where=self._where)
        try:
            pieces = mime.body(text, html, email.embedded, email.content_hash)
        except UnicodeEncodeError as error:
            raise TemplateError("holds half of a character (a lone surrogate)", where=self._where) from error
        self._plan = _plan(pieces)
        self._head = Head(_fields(email, identity, links), signers)
        self._message_id = links.ring.oldest.derive(b"message-id", 16)
        self._message_id.update(email.page_id.encode() + b"\0")

    def build(self, subscriber: Subscriber, target: Target, *, now: datetime, copy: int = 0) -> Message:
        """The message for one subscriber, signed here and now; otherwise as `draft`."""
        draft = self.draft(subscriber, target, now=now, copy=copy)
        pieces = self._head.signed(Unsigned(draft.pieces, draft.signables))
        return Message(draft.sender, draft.recipient, pieces, draft.needs_smtputf8)

    def draft(self, subscriber: Subscriber, target: Target, *, now: datetime, copy: int = 0) -> Draft:
        """The message for one subscriber. `now` (aware) is its Date; `copy` numbers what is sent again on purpose.

        The Message-ID depends on campaign, subscriber, page and copy only, so a retry repeats it.
        Raises TemplateError for a value that is missing or unfit, DataError for an address or name no header may hold.
        """
        recipient, needs_smtputf8 = wire_address(subscriber.address)
        to = self._to(subscriber, recipient)
        links = self._links.for_mail(target)
        values = message_values(self._identity, links)
        try:
            pool = self._plan.constants + [encoded(fill(subscriber, values)) for fill, encoded in self._plan.slots]
        except UnicodeEncodeError as error:
            raise TemplateError(f"a value of {reader_of(subscriber)} is not text", where=self._where) from error
        pieces = self._plan.order(pool)
        seconds = seconds_of(now)
        subject = self._fixed_subject
        if subject is None:
            subject = self._encoded_subject(render(self._subject, subscriber, values), subscriber)
        head = {
            b"to": to,
            b"subject": subject,
            b"date": date_value(seconds),
            b"message_id": self._message_id_of(target, subscriber, copy),
            b"token": links.unsubscribe_token.encode(),
            b"campaign": target.campaign_id,
        }
        unsigned = self._head.unsigned(head, pieces, seconds)
        sender = bounce_address(links.bounce_token, self._identity.bounce_domain)
        return Draft(sender, recipient, unsigned.pieces, needs_smtputf8, unsigned.signables)

    def _to(self, subscriber: Subscriber, recipient: str) -> bytes:
        try:
            return mailbox(subscriber.name, recipient, len("To: "))
        except DataError as error:
            raise DataError(f"the name of this subscriber {error.message}", where=subscriber.address) from error

    def _encoded_subject(self, subject: str, subscriber: Subscriber | None = None) -> bytes:
        try:
            return text_value(subject, len("Subject: "))
        except DataError as error:
            reader = f" for {reader_of(subscriber)}" if subscriber else ""
            raise TemplateError(f"the subject{reader} {error.message}", where=self._where) from error

    def _message_id_of(self, target: Target, subscriber: Subscriber, copy: int) -> bytes:
        digest = self._message_id.copy()
        digest.update(b"%x-%x-%x" % (target.campaign_id, target.subscriber_id, copy))
        if not target.subscriber_id:  # a persona or a test address: nothing else tells them apart
            digest.update(subscriber.address.encode())
        return digest.hexdigest().encode()


def message_values(identity: Identity, links: MailLinks) -> MessageValues:
    """What a message adds to the values of a merge, see `newsletter.message.values.MESSAGE_NAMES`."""
    return {
        "unsubscribe_url": links.unsubscribe_url,
        "preferences_url": links.preferences_url,
        "web_url": links.web_url,
        "site_name": identity.site_name,
        "postal_address": identity.postal_address,
    }


def transactional(
    identity: Identity,
    links: Links,
    signers: Sequence[Signer],
    *,
    recipient: str,
    subject: str,
    text: str,
    html: str,
    target: Target,
    now: datetime,
) -> Message:
    """A single mail that the reader asked for: a confirmation, a receipt. It is on no list, so it has no List fields.

    `text` and `html` are final, not templates. Raises DataError for an address or a subject no header may hold.
    """
    address, needs_smtputf8 = wire_address(recipient)
    seed = sha256("\0".join([address, subject, text, html]).encode()).hexdigest()
    message_id = links.ring.oldest.derive(b"message-id", 16)
    message_id.update(f"{seed} {now.isoformat()}".encode())
    seconds = seconds_of(now)
    fields = [
        *_sender_fields(identity),
        ("To", fixed(address)),
        ("Subject", fixed(text_value(subject, len("Subject: ")))),
        ("Date", date_value(seconds)),
        ("Message-ID", fixed(f"<{message_id.hexdigest()}@{identity.list_domain}>")),
        ("Auto-Submitted", b"auto-generated"),  # RFC 3834 §5
        ("X-Auto-Response-Suppress", b"OOF, AutoReply"),
        *_mime_fields(seed),
    ]
    body = [piece for piece in mime.body((text,), (html,), (), seed) if isinstance(piece, bytes)]
    head = Head(fields, signers)
    pieces = head.signed(head.unsigned({}, body, seconds))
    bounce = bounce_address(links.token(Purpose.BOUNCE, target), identity.bounce_domain)
    return Message(bounce, address, pieces, needs_smtputf8)


@dataclass(frozen=True)
class _Plan:
    """How a body is put together: `order` picks its pieces from `constants` followed by the filled slots."""

    constants: list[bytes]
    slots: Sequence[tuple[Fill, Callable[[str], bytes]]]
    order: Callable[[list[bytes]], tuple[bytes, ...]]


def _plan(pieces: Sequence[mime.Piece]) -> _Plan:
    constants = [piece for piece in pieces if isinstance(piece, bytes)]
    slots = list(dict.fromkeys(piece for piece in pieces if isinstance(piece, Slot)))
    seen = iter(range(len(constants)))
    order = [next(seen) if isinstance(piece, bytes) else len(constants) + slots.index(piece) for piece in pieces]
    fills = [(slot.fill, encode_plain if slot.plain else encode_value) for slot in slots]
    # itemgetter of one index gives no tuple; a body without slots is one constant.
    return _Plan(constants, fills, itemgetter(*order) if len(order) > 1 else lambda pool: (pool[0],))


def _fields(email: Email, identity: Identity, links: Links) -> list[Field]:
    unsubscribe = fixed(f"<{links.web_url}/{Purpose.UNSUBSCRIBE.value}/") + b"%(token)b>"
    mailto = b"<mailto:unsub+%(token)b@" + fixed(f"{identity.bounce_domain}>")
    fields = [
        *_sender_fields(identity),
        ("To", b"%(to)b"),
        ("Subject", b"%(subject)b"),
        ("Date", b"%(date)b"),
        ("Message-ID", b"<%(message_id)b@" + fixed(f"{identity.list_domain}>")),
        ("List-Id", fixed(_list_id(identity))),
        ("List-Unsubscribe", unsubscribe + b",\r\n " + mailto),
    ]
    # RFC 8058 §3.1 asks for https; plain http is for trying things out on this machine.
    if links.web_url.startswith(("https://", *_LOOPBACK)):
        fields.append(("List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"))
    page, series = _identifier(email.slug or email.page_id), _identifier(email.series)
    return [
        *fields,
        ("Feedback-ID", fixed(f"{page}:{series}:") + b"campaign%(campaign)d:" + fixed(_sender_id(identity))),
        ("X-Auto-Response-Suppress", b"OOF, AutoReply"),  # "All" would keep bounces from us as well
        *_mime_fields(email.content_hash),
    ]


def _sender_fields(identity: Identity) -> list[Field]:
    try:
        sender = mailbox(identity.sender_name, identity.sender_address, len("From: "))
    except DataError as error:
        raise SettingsError(f"[sender] name {error.message}") from error
    fields = [("From", fixed(sender))]
    if identity.reply_to:
        fields.append(("Reply-To", fixed(identity.reply_to)))
    return fields


def _mime_fields(seed: str) -> list[Field]:
    return [("MIME-Version", b"1.0"), ("Content-Type", fixed(mime.content_type(seed)))]


def _list_id(identity: Identity) -> str:
    """RFC 2919 §3. The title is left out if it would have to be encoded: many filters read this field as it is."""
    name = f"<{_identifier(identity.series).lower()}.{identity.list_domain}>"
    title = identity.series_title
    if not title.isascii() or not title.isprintable() or "=?" in title or len(title) > 65:
        return name
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"\r\n {name}' if title else name


def _identifier(name: str) -> str:
    """`name` in letters, digits and hyphens; a name in another script becomes a number that stays the same."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")
    return plain if plain and name.isascii() else f"{plain}-{sha256(name.encode()).hexdigest()[:8]}".strip("-")


def _sender_id(identity: Identity) -> str:
    """The last part of Feedback-ID: 5 to 15 characters, the same for all our mail (Gmail sender guidelines)."""
    return re.sub(r"[^a-z0-9]", "", identity.list_domain.lower())[:15].ljust(5, "x")
