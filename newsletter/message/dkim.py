"""DKIM signatures (RFC 6376; ed25519: RFC 8463), relaxed/relaxed."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from newsletter.errors import SettingsError

OVERSIGNED = ("from", "subject", "list-unsubscribe", "list-unsubscribe-post")
"""Signed once more than they occur, so that a second one added on the way breaks the signature (RFC 6376 §8.15)."""

_LINE = 72


class Signer:
    """Signs for one domain and selector. The key is parsed once: parsing costs a hundred signatures."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey, *, domain: str, selector: str) -> None:
        self.domain = domain
        self.selector = selector
        self._key = key
        self.algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"

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

    def header(self, canonical: bytes, signed: bytes, body_hash: bytes, seconds: int) -> bytes:
        """A DKIM-Signature field, CRLF included.

        `canonical` holds the signed fields in relaxed form, each with its CRLF, in the order of `signed` (the value
        of `h=`, wrapped); `body_hash` is the SHA-256 of the relaxed body; `seconds` the time of signing since 1970.
        """
        start = b"v=1; a=%b; c=relaxed/relaxed; d=%b; s=%b; t=%d;\r\n h=%b;\r\n bh=%b;\r\n b=" % (
            self.algorithm.encode(),
            self.domain.encode(),
            self.selector.encode(),
            seconds,
            signed,
            b64encode(body_hash),
        )
        # The field itself is signed last, with an empty b= and no CRLF (RFC 6376 §3.7); unfolding it is all that
        # relaxed canonicalisation asks here, since nothing above has a run of blanks.
        signature = b64encode(self._sign(canonical + b"dkim-signature:" + start.replace(b"\r\n", b"")))
        lines = b"\r\n ".join([signature[at : at + _LINE] for at in range(0, len(signature), _LINE)])
        return b"DKIM-Signature: " + start + lines + b"\r\n"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        return self._key.sign(sha256(data).digest())  # RFC 8463 §3: ed25519 signs the hash


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
