"""Addresses: what is one, and which two are the same. An address is never "corrected"."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from newsletter.errors import DataError

_REMEDY = "Write it like ann@example.com."
LONGEST = 254
"""Octets of an address: RFC 3696 erratum 1690, from the 256 of a path in RFC 5321 §4.5.3.1.3."""

_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
"""The dot-atom of RFC 5322 §3.2.3: what nearly every address is, told without the full validation (35 µs each)."""


def validate(address: str) -> str:
    """`address` without the blanks around it, otherwise as written.

    RFC 5321 and 6531 as email-validator reads them; quoted local parts and IP addresses as domains are refused,
    a domain needs a dot. Names reserved for examples and tests (RFC 2606) are as good as others. No DNS.
    Raises DataError that says why.
    """
    address = address.strip(" \t")
    local, at, domain = address.rpartition("@")
    if not at:
        why = "is not an e-mail address: it has no @" if address else "has no e-mail address"
        raise DataError(why, remedy=_REMEDY)
    if len(local) <= 64 and _PLAIN_LOCAL.fullmatch(local):
        ascii_domain, reason = _read_domain(domain)
        if not reason and len(local) + 1 + len(ascii_domain) <= LONGEST:
            return address
    # strict: a local part of more than 64 octets is refused (RFC 5321 §4.5.3.1.1)
    ascii_domain, reason = _examine(address, strict=True)
    if not reason:
        _, reason = _read_domain(ascii_domain)
    if reason:
        raise DataError(f"is not an e-mail address: {reason}", remedy=_REMEDY)
    return address


def fold(address: str) -> str:
    """What two spellings of one address have in common; only for comparing, never for mailing.

    The domain in lower case and as A-labels (IDNA), the local part in lower case and Unicode NFC. Case in the
    local part may matter by RFC 5321 §2.4, but no mailbox in use tells `Ann@` from `ann@`, and somebody who
    left as one must not be mailed as the other. Plus-tags and dots are kept: they do tell people apart.
    """
    local, _, domain = address.strip(" \t").rpartition("@")
    ascii_domain, _ = _read_domain(domain)
    return f"{unicodedata.normalize('NFC', local.lower())}@{ascii_domain}"


def shorten(address: str) -> str:
    """`address` as logs and public pages show it: `a…@example.com`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}"


def domain_takes_mail(domain: str, *, seconds: int = 5) -> bool:
    """Whether DNS says that `domain` takes mail: MX, else A or AAAA, and no null MX (RFC 5321 §5.1, RFC 7505).

    True as well when DNS does not answer in time: a slow resolver is no reason to turn a reader away.
    """
    from email_validator import EmailUndeliverableError
    from email_validator.deliverability import validate_email_deliverability

    try:
        validate_email_deliverability(domain, domain, timeout=seconds)
    except EmailUndeliverableError:
        return False
    return True


@lru_cache(maxsize=65536)
def _read_domain(domain: str) -> tuple[str, str]:
    """The domain as A-labels in lower case, and what is wrong with it ("" when nothing)."""
    ascii_domain, reason = _examine(f"a@{domain}")
    if reason:
        return domain.lower(), reason
    labels = ascii_domain.split(".")
    if len(labels) < 2:
        return ascii_domain, "The part after the @-sign has no dot."
    if labels[-1].isdigit():
        return ascii_domain, "The part after the @-sign is an IP address."
    return ascii_domain, ""


def _examine(address: str, *, strict: bool = False) -> tuple[str, str]:
    """The domain of `address` as A-labels, or what is wrong with it."""
    # Loaded when it is needed: it takes 45 ms, and sending, which has nobody to examine, starts sooner without.
    from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

    for reserved in ("invalid", "local", "test"):  # examples and intranets use them; its own way to say so
        if reserved in SPECIAL_USE_DOMAIN_NAMES:
            SPECIAL_USE_DOMAIN_NAMES.remove(reserved)
    try:
        return validate_email(address, strict=strict, check_deliverability=False).ascii_domain, ""
    except EmailNotValidError as error:
        return "", str(error).replace("The email address", "It")
