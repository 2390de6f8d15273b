"""DKIM signatures (RFC 6376; ed25519: RFC 8463), relaxed/relaxed."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from newsletter.errors import SettingsError

OVERSIGNED = ("from", "subject", "list-unsubscribe", "list-unsubscribe-post")
"""Signed once more than they occur, so that a second one added on the way breaks the signature (RFC 6376 §8.15)."""

_LINE = 72

Key = RSAPrivateKey | Ed25519PrivateKey


class Signer:
    """Signs for one domain and selector. The key is parsed once: parsing costs a hundred signatures.

    `is_slow`: a signature takes longer than all else that a message costs (RSA: 250 µs, ed25519: 26 µs).
    """

    def __init__(self, key: Key, *, domain: str, selector: str) -> None:
        self.domain = domain
        self.selector = selector
        self._key = key
        self.is_slow = isinstance(key, RSAPrivateKey)
        self.algorithm = "rsa-sha256" if self.is_slow else "ed25519-sha256"
        fixed = f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={domain}; s={selector};".replace("%", "%%")
        self._start = fixed.encode() + b" t=%d;\r\n h=%b;\r\n bh=%b;\r\n b="

    @classmethod
    def from_pem(cls, pem: bytes, *, domain: str, selector: str, where: str) -> Signer:
        """A signer from a private key in PEM: RSA of 1024 bits and more, or ed25519. Raises SettingsError otherwise."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SettingsError(
                "is not a private key in PEM without a password",
                where=where,
                remedy="openssl genrsa -out dkim.pem 2048, or: openssl genpkey -algorithm ed25519 -out dkim.pem",
            ) from error
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise SettingsError("is a key of a kind that DKIM doesn't use", where=where, remedy="Use rsa or ed25519.")
        if isinstance(key, RSAPrivateKey) and key.key_size < 1024:
            raise SettingsError(
                "is too short: receivers ignore it (RFC 8301 §3.2)", where=where, remedy="Use 2048 bits."
            )
        return cls(key, domain=domain, selector=selector)

    def prepare(self, canonical: bytes, signed: bytes, body_hash: bytes, seconds: int) -> Signable:
        """What is to be signed for one message.

        `canonical` holds the signed fields in relaxed form, each with its CRLF, in the order of `signed` (the value
        of `h=`, wrapped); `body_hash` is the SHA-256 of the relaxed body; `seconds` the time of signing since 1970.
        """
        start = self._start % (seconds, signed, b64encode(body_hash))
        # The field itself is signed last, with an empty b= and no CRLF (RFC 6376 §3.7); unfolding it is all that
        # relaxed canonicalisation asks here, since nothing above has a run of blanks.
        return Signable(start, canonical + b"dkim-signature:" + start.replace(b"\r\n", b""))

    def sign(self, data: bytes) -> bytes:
        """The signature of `Signable.data`."""
        return signature(self._key, data)

    def der(self) -> bytes:
        """The private key in PKCS #8, for a process that signs in our stead."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class Signable(NamedTuple):
    """The start of a DKIM-Signature field, up to `b=`, and the octets whose signature follows there."""

    start: bytes
    data: bytes

    def field(self, signature: bytes) -> bytes:
        """The whole field, CRLF included."""
        encoded = b64encode(signature)
        lines = b"\r\n ".join([encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)])
        return b"DKIM-Signature: %b%b\r\n" % (self.start, lines)


def signature(key: Key, data: bytes) -> bytes:
    """The signature of `data`."""
    if isinstance(key, RSAPrivateKey):
        return key.sign(data, PKCS1v15(), SHA256())
    return key.sign(sha256(data).digest())  # RFC 8463 §3: ed25519 signs the hash


def signed_names(present: list[str]) -> list[str]:
    """The `h=` list for a message with these fields (lower-case, in order): all of them, some once more."""
    names = []
    for name in present:
        names.append(name)
        if name in OVERSIGNED:
            names.append(name)
    return names + [name for name in OVERSIGNED if name not in present]


def wrapped_names(names: list[str]) -> bytes:
    """`names` as the value of `h=`, in lines of at most 78 characters."""
    lines, line = [], " h="
    for index, name in enumerate(names):
        piece = name + (":" if index < len(names) - 1 else "")
        if len(line) + len(piece) > 76:
            lines.append(line)
            line = " "
        line += piece
    return "\r\n".join([*lines, line])[3:].encode()
