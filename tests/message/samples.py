"""An email, a subscriber and keys for the tests of this room."""

from __future__ import annotations

import base64
import email
import email.policy
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from newsletter.compose.email import Email, EmbeddedPicture
from newsletter.message.builder import Identity, Message, MessageBuilder, message_values
from newsletter.message.dkim import Signer
from newsletter.message.keys import Key, KeyRing
from newsletter.message.links import Links, Target
from newsletter.message.values import MessageValues
from newsletter.subscriber import Subscriber

NOW = datetime(2026, 3, 29, 7, 5, 9, tzinfo=UTC)
TARGET = Target(17, 3, 4021)
RING = KeyRing((Key(1, b"k" * 32),))
LINKS = Links(RING, "https://letters.example.org")
IDENTITY = Identity(
    sender_name="Work Dojos",
    sender_address="letters@news.example.org",
    reply_to="",
    bounce_domain="bounce.example.org",
    list_domain="news.example.org",
    series="unions",
    series_title="A course on unions",
    site_name="Work Dojos",
    postal_address="1 Mill Lane, Leeds",
)
ADA = Subscriber("ada@example.com", "Ada Lovelace", "Europe/London", "en", {"company": "Engines & Co"}, 17)

RSA_KEY = generate_private_key(65537, 2048)
ED25519_KEY = Ed25519PrivateKey.generate()
RSA = Signer(RSA_KEY, domain="news.example.org", selector="rsa1")
ED25519 = Signer(ED25519_KEY, domain="news.example.org", selector="ed1")
ZONE = {
    b"rsa1._domainkey.news.example.org.": b"v=DKIM1; k=rsa; p="
    + base64.b64encode(
        RSA_KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ),
    b"ed1._domainkey.news.example.org.": b"v=DKIM1; k=ed25519; p="
    + base64.b64encode(
        ED25519_KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    ),
}


def sample(
    html: str = "<p>Hello</p>\n",
    text: str = "Hello\n",
    subject: str = "A page",
    embedded: tuple[EmbeddedPicture, ...] = (),
) -> Email:
    """An email with these parts."""
    return Email("unions", "p-1", "day-in-the-life", subject, "", html, text, "en", "ltr", embedded)


def build(
    email: Email,
    subscriber: Subscriber = ADA,
    *,
    identity: Identity = IDENTITY,
    links: Links = LINKS,
    signers: Sequence[Signer] = (),
    target: Target = TARGET,
    now: datetime = NOW,
    copy: int = 0,
) -> Message:
    """The message of `email` for one subscriber."""
    return MessageBuilder(email, identity, links, signers).build(subscriber, target, now=now, copy=copy)


def parsed(message: Message) -> EmailMessage:
    """The message as the standard library reads it."""
    read = email.message_from_bytes(message.data, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def part(message: Message, media_type: str) -> str:
    """The decoded content of one part, with LF line ends."""
    for candidate in parsed(message).walk():
        if candidate.get_content_type() == media_type:
            content: str = candidate.get_content()
            return content.replace("\r\n", "\n")
    raise AssertionError(f"there is no {media_type} part")


def values(target: Target = TARGET, links: Links = LINKS, identity: Identity = IDENTITY) -> MessageValues:
    """The values that a message adds for its merge."""
    return message_values(identity, links.for_mail(target))
