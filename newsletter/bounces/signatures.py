"""Proving that a webhook comes from the provider. All comparisons take the same time for right and wrong."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

FetchCertificate = Callable[[str], bytes]
"""Gets the PEM at an address that `is_certificate_address` has found good. Raises OSError when it can't."""

MAILGUN_AGE = timedelta(hours=9)
"""Mailgun repeats a webhook for eight hours (documentation.mailgun.com, "Webhooks"); what is older is a replay."""

_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{2,30}\.amazonaws\.com(?:\.cn)?")
_SNS_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


def is_amazon_address(url: str) -> bool:
    """Whether `url` is https at an SNS host: nothing else may be fetched or shown, whatever a message asks for."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    named = parts.hostname is not None and _SNS_HOST.fullmatch(parts.hostname) is not None
    return parts.scheme == "https" and named and port in (None, 443) and parts.username is None


def is_from_sns(message: Mapping[str, object], fetch: FetchCertificate, now: datetime) -> bool:
    """Whether Amazon SNS signed `message` (docs.aws.amazon.com/sns: "Verifying the signatures of messages").

    Raises OSError when the certificate can't be fetched: ask the sender to try again.
    """
    fields = _SNS_FIELDS.get(str(message.get("Type")))
    url = str(message.get("SigningCertURL", ""))
    if fields is None or not is_amazon_address(url) or not urlsplit(url).path.endswith(".pem"):
        return False
    signed = "".join(f"{name}\n{message[name]}\n" for name in fields if name in message).encode()
    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}.get(str(message.get("SignatureVersion")))  # noqa: S303
    if algorithm is None:
        return False
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        certificate = x509.load_pem_x509_certificate(fetch(url))
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return False
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def is_from_sendgrid(body: bytes, signature: str, timestamp: str, public_key: str) -> bool:
    """Whether SendGrid signed `body`: ECDSA over timestamp and raw body, the key as its settings page shows it."""
    try:
        key = serialization.load_der_public_key(base64.b64decode(public_key, validate=True))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        signed = base64.b64decode(signature, validate=True)
        key.verify(signed, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def is_from_mailgun(timestamp: str, token: str, signature: str, signing_key: str, now: datetime) -> bool:
    """Whether Mailgun signed timestamp and token, lately. The body is not covered: use each token once."""
    if not re.fullmatch(r"\d{1,12}", timestamp) or abs(now.timestamp() - int(timestamp)) > MAILGUN_AGE.total_seconds():
        return False
    expected = hmac.new(signing_key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


def is_basic(authorization: str, credentials: str) -> bool:
    """Whether an Authorization header carries `user:password` (RFC 7617)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (ValueError, binascii.Error):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, credentials.encode())
