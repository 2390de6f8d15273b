"""The header of a message: fixed when the builder is made, but for a few values; and the signatures over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from newsletter.message.dkim import Signer, signed_names, wrapped_names
from newsletter.message.headers import unfolded

if TYPE_CHECKING:
    from hashlib import _Hash

UNSIGNED = ("Message-ID", "Date")
"""Fields that relays replace (Amazon SES replaces both), which would break a signature over them."""

FOLDED = (b"to", b"subject")
"""The values that may need more than one line, or hold runs of blanks."""

Field = tuple[str, bytes]
"""A name and a folded value, in which `%(key)b` stands for what differs from message to message; `fixed` escapes."""


class Head:
    """The fields of a message, and its DKIM signatures."""

    def __init__(self, fields: Sequence[Field], signers: Sequence[Signer]) -> None:
        self._signers = tuple(signers)
        self._wire = b"".join([b"%b: %b\r\n" % (name.encode(), value) for name, value in fields]) + b"\r\n"
        signed = [(name.lower(), value) for name, value in fields if name not in UNSIGNED]
        self._canonical = b"".join([b"%b:%b\r\n" % (name.encode(), unfolded(value)) for name, value in signed])
        self._signed = wrapped_names(signed_names([name for name, _ in signed]))

    def joined(self, values: Mapping[bytes, Any], body: Sequence[bytes], start: _Hash, seconds: int) -> bytes:
        """The whole message. `start` is the hash of `body[0]`, which no message changes; `seconds` the time of signing.

        The body is its own canonical form (see `newsletter.message.quoted_printable`), so it is hashed as it is.
        """
        wire = self._wire % values
        if not self._signers:
            return b"".join([wire, *body])
        body_hash = start.copy()
        body_hash.update(b"".join(body[1:]))
        digest = body_hash.digest()
        canonical = self._canonical % {**values, **{key: unfolded(values[key]) for key in FOLDED if key in values}}
        signatures = [signer.header(canonical, self._signed, digest, seconds) for signer in self._signers]
        return b"".join([*signatures, wire, *body])


def fixed(value: str | bytes) -> bytes:
    """A value that is the same in every message, for a Field."""
    data = value.encode() if isinstance(value, str) else value
    return data.replace(b"%", b"%%")


def seconds_of(now: datetime) -> int:
    """`now` in whole seconds since 1970. Raises ValueError for a time without a zone."""
    if now.tzinfo is None:
        raise ValueError("the time of a message needs a zone")
    return int(now.timestamp())


@lru_cache(16)
def date_value(seconds: int) -> bytes:
    """A time in seconds since 1970 as a Date field has it (RFC 5322 §3.3)."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC)).encode()
