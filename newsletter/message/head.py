"""The header of a message: fixed when the builder is made, but for a few values; and the signatures over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from newsletter.message.dkim import Signable, Signer, signed_names, wrapped_names
from newsletter.message.headers import unfolded

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

    def unsigned(self, values: Mapping[bytes, Any], body: Sequence[bytes], seconds: int) -> Unsigned:
        """The message but for its signatures; `seconds` is the time of signing.

        The body is its own canonical form (see `newsletter.message.quoted_printable`), so it is hashed as it is.
        """
        pieces = (self._wire % values, *body)
        if not self._signers:
            return Unsigned(pieces, ())
        body_hash = sha256()
        for piece in body:
            body_hash.update(piece)
        digest = body_hash.digest()
        canonical = self._canonical % {**values, **{key: unfolded(values[key]) for key in FOLDED if key in values}}
        return Unsigned(
            pieces, tuple([signer.prepare(canonical, self._signed, digest, seconds) for signer in self._signers])
        )

    def signed(self, unsigned: Unsigned) -> tuple[bytes, ...]:
        """The whole message in pieces, signed here and now."""
        pairs = zip(self._signers, unsigned.signables, strict=True)
        return (*[signable.field(signer.sign(signable.data)) for signer, signable in pairs], *unsigned.pieces)


class Unsigned(NamedTuple):
    """A message that lacks its signatures, and what is to be signed, in the order of the signers."""

    pieces: tuple[bytes, ...]
    signables: tuple[Signable, ...]


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
