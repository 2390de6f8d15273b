"""DNS of the sender's domain: SPF, DKIM, DMARC, and where bounces go."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import dns.exception
import dns.resolver
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from newsletter.config import DkimSettings, Settings
from newsletter.doctor.diagnosis import Diagnosis, bad, good, not_asked, warning
from newsletter.doctor.project import RESERVED_DOMAINS


def examine_domain(settings: Settings, resolver: dns.resolver.Resolver) -> Iterator[Diagnosis]:
    """Ask DNS what mail providers will ask.

    Gmail, Yahoo and Outlook want SPF and DKIM to pass and a DMARC record of at least p=none.
    """
    domain = settings.sender.address.rpartition("@")[2].lower()
    if domain.endswith(RESERVED_DOMAINS):
        yield not_asked("DNS", f"{domain} is reserved for examples")
        return
    bounce_domain = settings.sender.bounce_domain or domain
    try:
        yield _spf(resolver, bounce_domain)
        yield _dmarc(resolver, domain)
        for name, dkim in settings.dkims.items():
            yield _dkim(resolver, settings, name, dkim, domain)
        yield _mail_exchanger(resolver, bounce_domain)
    except dns.exception.DNSException as error:
        yield not_asked("DNS", f"no answer: {error}")
    if not settings.dkims:
        yield warning("DKIM", "mails are not signed here", "Set [dkim], unless the relay signs both list headers.")


def _texts(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    try:
        answer = resolver.resolve(name, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _spf(resolver: dns.resolver.Resolver, domain: str) -> Diagnosis:
    records = [text for text in _texts(resolver, domain) if text.lower().startswith("v=spf1")]
    if len(records) == 1:
        return good("SPF", f"{domain}: {records[0]}")
    if records:
        return bad("SPF", f"{domain} has {len(records)} SPF records; receivers then ignore all", "Keep one.")
    return bad("SPF", f"{domain} has no SPF record", f'Add TXT at {domain}: "v=spf1 include:YOUR-RELAY -all"')


def _dmarc(resolver: dns.resolver.Resolver, domain: str) -> Diagnosis:
    labels = domain.split(".")
    # RFC 7489 §6.6.3: without a record of its own, a subdomain falls under its organisational domain's.
    for start in range(max(len(labels) - 1, 1)):
        parent = ".".join(labels[start:])
        records = [text for text in _texts(resolver, f"_dmarc.{parent}") if text.lower().startswith("v=dmarc1")]
        if records:
            return good("DMARC", f"{parent}: {records[0]}")
    return bad("DMARC", f"{domain} has no DMARC record", f'Add TXT at _dmarc.{domain}: "v=DMARC1; p=none"')


def _dkim(
    resolver: dns.resolver.Resolver, settings: Settings, name: str, dkim: DkimSettings, sender_domain: str
) -> Diagnosis:
    subject = f"DKIM {name}"
    if dkim.key_file is None or not settings.path(dkim.key_file).exists():
        return bad(subject, "has no key file", "Set key_file in [dkim].")
    host = f"{dkim.selector}._domainkey.{dkim.domain or sender_domain}"
    try:
        expected = public_key(settings.path(dkim.key_file).read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return not_asked(subject, f"{host}: the key file can't be used")
    for text in _texts(resolver, host):
        tags = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
        if "".join(tags.get("p", "").split()) == expected:
            return good(subject, f"{host} matches the key file")
        return bad(subject, f"{host} publishes another key", f'Publish: "v=DKIM1; p={expected}"')
    return bad(subject, f"{host} is not published", f'Add TXT at {host}: "v=DKIM1; p={expected}"')


def public_key(pem: bytes) -> str:
    """The `p=` tag of a private key: RFC 8463 wants the bare key for ed25519, RFC 6376 the SPKI for rsa."""
    key = load_pem_private_key(pem, password=None)
    if isinstance(key, Ed25519PrivateKey):
        return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


def _mail_exchanger(resolver: dns.resolver.Resolver, domain: str) -> Diagnosis:
    try:
        answer = resolver.resolve(domain, "MX", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return bad("bounces", f"{domain} has no MX record: bounces get lost", "Add an MX record, or set bounce_domain.")
    return good("bounces", f"{domain} is received by {answer[0].exchange}")
