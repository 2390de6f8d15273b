"""Complaints: feedback reports (RFC 5965) and those of providers that send the mail back without a report."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.bounces.addresses import clean, find_addresses
from newsletter.bounces.parsing import Mail, first, parse_fields

NOT_COMPLAINTS = frozenset({"not-spam", "auth-failure", "dmarc", "tls-rpt"})
"""Feedback types that ask for nothing: a mail taken out of the spam folder, a report on our own signatures."""


@dataclass(frozen=True)
class Feedback:
    """A complaint: `type` is the Feedback-Type in lower case, `recipients` whom the provider names, if it does."""

    type: str
    recipients: tuple[str, ...]


def read_feedback(mail: Mail) -> Feedback | None:
    """The complaint in `mail`, or None when it is not one. Providers often redact who complained."""
    text = mail.part("message/feedback-report")
    if text is None and mail.report_type == "feedback-report":
        text = mail.text
    if text is not None:
        fields = parse_fields(re.sub(r"\n\s*\n", "\n", text))
        type_ = first(fields, "feedback-type").strip().lower() or "abuse"
        named = [clean(v) for k, v in fields if k in ("original-rcpt-to", "removal-recipient", "redacted-address")]
        return Feedback(type_, _unique(named) or _from_original(mail))
    if _is_jmrp(mail):
        return Feedback("abuse", _from_original(mail))
    return None


def _is_jmrp(mail: Mail) -> bool:
    """Outlook.com's Junk Mail Reporting Program, and feedback loops that copy it: the mail, and a telling subject."""
    subject = mail.first("subject").lower()
    sender = mail.first("from").lower()
    told = re.search(
        r"complaint about message from|email feedback report|\bfbl\b|spam (?:report|complaint)|abuse report|junk mail report",
        subject,
    )
    known = re.search(r"staff@hotmail|fbl|feedback|abuse|complaints?@|scomp@|jmrp", sender)
    return mail.has_original and bool(told) and (bool(known) or subject.startswith("complaint about message from"))


def _from_original(mail: Mail) -> tuple[str, ...]:
    for name in ("x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "x-apparently-to", "to"):
        addresses = find_addresses(first(mail.original, name))
        if len(addresses) == 1 and not addresses[0].startswith("redacted"):
            return tuple(addresses)
    return ()


def _unique(addresses: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for address in addresses if address and not address.startswith("redacted")))
