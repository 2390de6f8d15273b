"""Signed links and addresses: who clicked, bounced or confirmed, without a login and without a table of tokens.

A token is `KEY-SUBSCRIBER-CAMPAIGN-DELIVERY-MAC` (confirm: `…-DELIVERY-EXPIRY-MAC`): numbers in hexadecimal, then
130 bits of a keyed hash in lower-case base32. The hash covers every character before it and is bound to the purpose,
so a token can't be altered, shortened, or used for anything else. It needs no escaping in a URL and, being lower-case,
survives mail systems that change the case of a local part.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from newsletter.errors import LinkError, SettingsError
from newsletter.message.keys import KeyRing

CONFIRM_DAYS = 7

_MAC_LENGTH = 26
_BASE32 = b"abcdefghijklmnopqrstuvwxyz234567" * 8
"""One base32 digit for each of the 256 bytes: eight bytes share a digit, so each byte of a hash gives 5 fair bits."""
_TOKEN = re.compile(
    rf"([0-9a-f]{{1,2}})-([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-(?:([0-9a-f]+)-)?([a-z2-7]{{{_MAC_LENGTH}}})"
)
_WEB_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9._~/-]*)?")
_ADDRESS = re.compile(r"(bounces|unsub)\+([^@]+)@[^@]+", re.IGNORECASE)
_LOCAL_PART_OCTETS = 64  # RFC 5321 §4.5.3.1.1


class Purpose(Enum):
    """What a token is good for; the value is its letter in the path."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    VIEW = "v"
    BOUNCE = "b"


class Target(NamedTuple):
    """Whom and what a link is about; 0 where there is none."""

    subscriber_id: int
    campaign_id: int
    delivery_id: int


class MailLinks(NamedTuple):
    """The links and tokens of one mail."""

    unsubscribe_token: str
    unsubscribe_url: str
    preferences_url: str
    web_url: str
    bounce_token: str


NOBODY = Target(subscriber_id=0, campaign_id=0, delivery_id=0)
"""Whom the links of a mail outside any campaign stand for: no one."""


class Links:
    """Makes and reads the tokens of one key ring.

    `web_url` is `Settings.web_url`; a slash at its end is ignored. Raises SettingsError if it is not an address, or holds
    anything that would have to be escaped in a mail.
    """

    def __init__(self, ring: KeyRing, web_url: str) -> None:
        self.ring = ring
        self.web_url = web_url.rstrip("/")
        if not _WEB_URL.fullmatch(self.web_url):
            raise SettingsError(
                f"[web] url {web_url!r} is not an https address",
                remedy="Write it like https://letters.example.com, without anything behind a `?` or `#`.",
            )
        self._hashes = {
            (key.id, purpose): key.derive(purpose.name.lower().encode(), _MAC_LENGTH)
            for key in ring.keys
            for purpose in Purpose
        }
        self._mailed = tuple(
            self._hashes[ring.newest.id, purpose]
            for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.VIEW, Purpose.BOUNCE)
        )
        self._start = b"%x-" % ring.newest.id

    def url(self, purpose: Purpose, target: Target, *, now: datetime | None = None) -> str:
        """The address of a public page, for example `https://…/u/TOKEN`. CONFIRM needs `now`."""
        return f"{self.web_url}/{purpose.value}/{self.token(purpose, target, now=now)}"

    def token(self, purpose: Purpose, target: Target, *, now: datetime | None = None) -> str:
        """A token for one purpose. A CONFIRM token is good for seven days from `now`; the others never expire."""
        start = self._start + b"%x-%x-%x-" % target
        if purpose is Purpose.CONFIRM:
            start += b"%x-" % int((_needed(now) + timedelta(days=CONFIRM_DAYS)).timestamp())
        return (start + _mac(self._hashes[self.ring.newest.id, purpose], start)).decode()

    def for_mail(self, target: Target) -> MailLinks:
        """What each mail carries; all at once and without detours, since this runs for every mail."""
        start = self._start + b"%x-%x-%x-" % target
        tokens = []
        for keyed in self._mailed:
            digest = keyed.copy()
            digest.update(start)
            tokens.append((start + digest.digest().translate(_BASE32)).decode())
        unsubscribe, preferences, view, bounce = tokens
        web = self.web_url
        return MailLinks(unsubscribe, f"{web}/u/{unsubscribe}", f"{web}/p/{preferences}", f"{web}/v/{view}", bounce)

    def read(self, token: str, purpose: Purpose, *, now: datetime | None = None) -> Target:
        """Whom a token is about. Raises LinkError unless we made it, for this purpose, and it is still good."""
        token = token.lower()
        match = _TOKEN.fullmatch(token)
        keyed = self._hashes.get((int(match[1], 16), purpose)) if match else None
        if match is None or keyed is None:
            raise LinkError("this link is not one of ours, or was cut short", remedy="Copy the whole address.")
        start = token[:-_MAC_LENGTH].encode()
        if not compare_digest(_mac(keyed, start), token[-_MAC_LENGTH:].encode()):
            raise LinkError("this link is not one of ours, or was cut short", remedy="Copy the whole address.")
        if purpose is Purpose.CONFIRM and int(match[5], 16) <= _needed(now).timestamp():
            raise LinkError(f"this link was good for {CONFIRM_DAYS} days", remedy="Subscribe again to get a new one.")
        return Target(int(match[2], 16), int(match[3], 16), int(match[4], 16))

    def read_address(self, address: str) -> tuple[Purpose, Target]:
        """What a mail to `bounces+TOKEN@…` or `unsub+TOKEN@…` is about. Raises LinkError as `read` does."""
        match = _ADDRESS.fullmatch(address.strip())
        if match is None:
            raise LinkError("this is not an address of ours", where=address)
        purpose = Purpose.BOUNCE if match[1].lower() == "bounces" else Purpose.UNSUBSCRIBE
        return purpose, self.read(match[2], purpose)


def bounce_address(token: str, domain: str) -> str:
    """The envelope sender: a bounce comes back to it and its token says which delivery bounced.

    Raises LinkError if ids have grown so large that the local part passes 64 octets.
    """
    local = f"bounces+{token}"
    if len(local) > _LOCAL_PART_OCTETS:
        raise LinkError(f"the envelope sender {local} is longer than {_LOCAL_PART_OCTETS} octets")
    return f"{local}@{domain}"


def _mac(keyed: blake2b, start: bytes) -> bytes:
    digest = keyed.copy()
    digest.update(start)
    return digest.digest().translate(_BASE32)


def _needed(now: datetime | None) -> datetime:
    if now is None:
        raise ValueError("a CONFIRM token expires, so it needs `now`")
    return now
