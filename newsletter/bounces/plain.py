"""Bounces written for people: qmail, Exim, old Sendmail and Exchange, GroupWise, Domino, Yahoo and many more.

One reader for all instead of one per program: the report is cut from the returned mail, lines that name a
recipient are found by their form, surest form first, and the text from one such line to the next is what the
server said about that recipient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.bounces.addresses import ADDRESS, clean, find_addresses
from newsletter.bounces.parsing import Fields, Mail, first
from newsletter.bounces.phrasebook import any_of, read_phrases
from newsletter.bounces.report import Report

_PHRASES = read_phrases("mails.txt")
_LABEL = f"(?:{any_of(_PHRASES['recipient-label']).pattern})"
_ANNOUNCED = re.compile(any_of(_PHRASES["recipients-follow"]).pattern, re.IGNORECASE)
"""What comes before a list of recipients: an address above it is that of a list or of the author."""
MAX_LINES = 20
"""Lines that belong to a recipient: what servers say is short, and what comes later may be our own mail."""
_A = rf"(?P<a>{ADDRESS})"
_TYPE = r"(?:(?:smtp|rfc822|mailto)[:;]\s*)?"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)\b"
_SURE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # alone on its line, or followed by a colon, a bracket or what is wrong with it
        rf"^[\s>*•\"'-]{{0,12}}<?\s*{_TYPE}{_A}[\s>\"']*(?:[:;,(\[<–-]|\.\.|\.?\s*$|\s(?:on {_DAY}|on \d|am \d|failed|rejected|user|unknown|[245]\d\d))",
        rf"rcpt to:\s*<?\s*{_A}",
        # Sendmail: `550 <a@b.c>... User unknown`
        rf"^[\s>*-]{{0,12}}(?:\d\d\d[ -](?:#?\d\.\d\.\d+ )?)?<{_A}>\s*(?:\.\.|:|;|,|\s-)",
        rf"\b[45]\d\d[ -](?:#?\d\.\d+\.\d+[ :]*)?(?:[\w ,.-]{{0,40}}?[ :])??[<(\"']?{_A}",
        # `Recipient: Kim <a@b.c>`, in many languages
        rf"^[\s>*-]{{0,12}}{_LABEL}\s*[:=：]\s*(?:[^@\n]{{0,60}}?[\s<\[(\"':;,])??[<\[(\"']?\s*{_TYPE}{_A}",
        # X.400 of old Exchange
        rf"^\s*c=[^@\n]{{0,100}}smtp=\s*{_A}",
    )
)
_LOOSE = re.compile(
    r"(?:deliver\w*|sent|send|reach\w*|recipients?|address(?:es)?|address was|addressed|user|account|mailbox|message|mail|e-?mail|to|for"
    rf"|an|à|para|a|aan|do)\b[ :,\n]{{1,4}}[<\"'(\[]?{_A}",
    re.IGNORECASE,
)
_FORMS = (*_SURE, _LOOSE)
_LOCAL_NAME = re.compile(r"^[ \t]{1,12}([a-z0-9][a-z0-9._-]{1,40})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_SYSTEMS = re.compile(r"(?:mailer-?daemon|postmaster|mail-daemon|hostmaster)@", re.IGNORECASE)
_CONTACTS = re.compile(
    r"(?:abuse|noc|support|help(?:desk)?|webmaster|root|daemon|admin(?:istrator)?|contact|security|antispam|remove"
    r"|unblock|whitelist|postmaster-\w+|mail)@",
    re.IGNORECASE,
)
"""Addresses that reports tell people to write to; recipients only where the form is sure."""


@dataclass(frozen=True)
class Paragraph:
    """A recipient and what the report says from there to the next one."""

    address: str
    text: str


def read_plain(mail: Mail, report: Report) -> tuple[Paragraph, ...]:
    """The recipients that the report names, each with its text; empty when it names none for certain."""
    header = mail.first("x-failed-recipients")
    if header:
        return tuple(Paragraph(address, _around(report.text, address)) for address in find_addresses(header)[:100])
    excluded = _not_recipients(mail, report)
    announced = _ANNOUNCED.search(report.text)
    if announced:
        below = report.text[announced.end() :]
        paragraphs = _by_form(_SURE, below, excluded) or _local_names(mail, below)
        if paragraphs:
            return paragraphs
    return _by_form(_FORMS, report.text, excluded) or _by_returned_mail(report, excluded)


def original_recipient(original: Fields) -> str:
    """Whom the returned mail was to, when it names exactly one."""
    for name in ("x-original-to", "x-failed-recipients", "envelope-to", "x-rcpt-to", "to"):
        addresses = find_addresses(first(original, name))
        if len(addresses) == 1:
            return addresses[0]
    return ""


def _by_form(forms: tuple[re.Pattern[str], ...], text: str, excluded: set[str]) -> tuple[Paragraph, ...]:
    lines = text.split("\n")
    for form in forms:
        hits = _hits(form, lines, excluded)
        if hits:
            ends = [number for number, _ in hits[1:]] + [len(lines)]
            return tuple(
                Paragraph(address, "\n".join(lines[number : max(end, number + 1)][:MAX_LINES]))
                for (number, address), end in zip(hits, ends, strict=True)
            )
    return ()


def _hits(form: re.Pattern[str], lines: list[str], excluded: set[str]) -> list[tuple[int, str]]:
    hits: list[tuple[int, str]] = []
    seen = set(excluded)
    for number, line in enumerate(lines[:600]):
        for match in form.finditer(line[:1000]):
            address = clean(match.group("a"))
            lower = address.lower()
            if address and lower not in seen and not _SYSTEMS.match(lower):
                if form is _LOOSE and _CONTACTS.match(lower):
                    continue
                seen.add(lower)
                hits.append((number, address))
    return hits[:100]


def _local_names(mail: Mail, text: str) -> tuple[Paragraph, ...]:
    """Names without a domain, one on a line, are users of the reporting system itself (AOL, old Unix hosts)."""
    domain = next((each.rpartition("@")[2] for each in find_addresses(mail.first("from"))), "")
    names = _LOCAL_NAME.findall(text[:2000]) if domain else []
    return tuple(Paragraph(f"{name}@{domain}", text) for name in names[:20])


def _by_returned_mail(report: Report, excluded: set[str]) -> tuple[Paragraph, ...]:
    """No line names a recipient: whom the returned mail was to, if the report does not contradict."""
    found = [each for each in find_addresses(report.text) if each.lower() not in excluded]
    loose = [each for each in found if not _CONTACTS.match(each) and not _SYSTEMS.match(each)]
    meant = original_recipient(report.original)
    if meant and (not loose or meant.lower() in (address.lower() for address in loose)):
        return (Paragraph(meant, report.text),)
    return (Paragraph(loose[0], report.text),) if len(loose) == 1 else ()


def _around(text: str, address: str) -> str:
    at = text.lower().rfind(address.lower())
    return text[at : at + 2500] if at >= 0 else text


def _not_recipients(mail: Mail, report: Report) -> set[str]:
    """Addresses that are in every bounce without being at fault: ours, the mail system's."""
    names = ("to", "from", "delivered-to", "envelope-to")
    excluded = {address.lower() for name in names for address in find_addresses(mail.first(name))}
    for name in ("from", "return-path", "reply-to", "sender", "errors-to", "message-id"):
        excluded |= {address.lower() for address in find_addresses(first(report.original, name))}
    return excluded - {original_recipient(report.original).lower()}
