"""SMTP AUTH (RFC 4954): which mechanism, and what is said. Under TLS, or to loopback in plain. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac

from newsletter.config import RelaySettings
from newsletter.errors import RelayError

PREFERENCE = ("CRAM-MD5", "PLAIN", "LOGIN")
"""The best that both know; XOAUTH2 is used only when it is asked for, since a token is no password."""


def choose_mechanism(relay: RelaySettings, offered: frozenset[str]) -> str:
    """The mechanism to use. Raises RelayError when the relay offers none that is wanted."""
    wanted = (relay.auth,) if relay.auth else PREFERENCE
    for mechanism in wanted:
        if mechanism in offered:
            return mechanism
    raise RelayError(
        f"the relay offers AUTH {', '.join(sorted(offered)) or 'nothing'}, not {' or '.join(wanted)}",
        where=relay.host,
        remedy="Check [relay] auth, or take username away if the relay asks for no login.",
    )


def first_response(mechanism: str, relay: RelaySettings) -> str:
    """The AUTH command."""
    if mechanism == "PLAIN":
        return "AUTH PLAIN " + _encode(f"\0{relay.username}\0{relay.password}")
    if mechanism == "XOAUTH2":
        return "AUTH XOAUTH2 " + _encode(f"user={relay.username}\1auth=Bearer {relay.password}\1\1")
    return f"AUTH {mechanism}"


def next_response(mechanism: str, relay: RelaySettings, challenge: str, step: int) -> str:
    """The answer to the challenge of a 334 reply; `step` counts from 0."""
    if mechanism == "LOGIN":
        return _encode(relay.username if step == 0 else relay.password)
    if mechanism == "CRAM-MD5":
        try:
            nonce = base64.b64decode(challenge, validate=True)
        except (binascii.Error, ValueError):
            return "*"  # RFC 4954 §4: cancel
        digest = hmac.new(relay.password.encode(), nonce, "md5").hexdigest()
        return _encode(f"{relay.username} {digest}")
    return ""  # XOAUTH2: an empty line asks for the error; PLAIN never gets here


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
