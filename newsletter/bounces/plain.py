"""Bounces written for people: qmail, Exim, old Sendmail and Exchange, GroupWise, Domino, Yahoo and many more.

One reader for all instead of one per program: the report is cut from the returned mail, lines that name a
recipient are found by their form, strongest form first, and the text from one such line to the next is what the
server said about that recipient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.bounces.addresses import ADDRESS, clean, find_addresses
from newsletter.bounces.parsing import Fields, Mail, first, parse_fields

_CUT = re.compile(
    r"^[\s>|*#=_.-]*(?:"
    r"below this line is (?:a|the) copy|this is a copy of (?:the|your) message|(?:the )?(?:original|returned|unsent|undelivered|failed|rejected|bounced) (?:message|mail|text|e-?mail)(?: text| headers?| header information| body| attached| contents?)?(?: is| was)?(?: as)?(?: follows| attached| below| included| starts?| returned| begins?)?\s*(?:[:\-–=_*.>]|$)"
    r"|(?:message|mail) (?:text|headers?|contents?|body)(?: and body)? follows?|message header follows|(?:the )?(?:text|headers?|copy|contents?|body|first \d+ lines|beginning|start|first part) (?:of|from) (?:the |your )?(?:original |returned |unsent |first )?(?:message|mail|e-?mail)|unsent message (?:below|follows)|original message|here is your (?:returned|original)|your (?:original )?(?:message|mail) (?:reads|follows|(?:is )?(?:included|attached|enclosed|returned) below|was)|included is a copy|a copy of (?:the|your) (?:original )?(?:message|mail)|(?:message|mail) (?:being )?returned"
    r"|(?:die |ihre )?(?:urspr[üu]ngliche|original\w*) (?:nachricht|mail|e-?mail)|message d'origine|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|исходное сообщение|原始邮件|元のメッセージ|원본 ?메시지"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINE = re.compile(
    r"^(?:[>|] ?){0,2}(?:Received|Return-Path|Message-I[dD]|From|To|Subject|Date|MIME-Version|X-[\w-]+|DKIM-Signature|Content-[\w-]+|Delivered-To|Reply-To|Sender|Cc|List-[\w-]+|ARC-[\w-]+|Errors-To|Precedence):",
    re.IGNORECASE,
)
_WORD = r"(?:recipients?|rcpt|user(?: ?name)?|to|address(?:es)?|mailbox|account|e-?mail(?: address)?|addressee|failed (?:recipient|address)(?:es|s)?|undeliver\w*(?: to)?|deliver(?:y|ed)(?: to| failed| for)?|intended recipient|not delivered to|empf[äa]e?nger(?:adresse)?|an|destinataires?|à|destinatari[oa]s?|para|ontvangers?|aan|odbiorca|do|получатель|кому|收件人|宛先|받는 ?사람)"
_FORMS: tuple[re.Pattern[str], ...] = (
    # an address alone on its line, or followed by a colon or what is wrong with it
    re.compile(rf"^[\s>*•\"'-]{{0,12}}(?:<\s*)?(?:(?:smtp|rfc822|mailto)[:;]\s*)?(?P<a>{ADDRESS})(?:[\s>\"']*)(?:[:;,(\[<–-]|\.{{2,}}|$|\s+(?:on (?:mon|tue|wed|thu|fri|sat|sun)\b|\(|failed|rejected|user|unknown|[245]\d\d))", re.I),
    re.compile(rf"rcpt to:\s*<?\s*(?P<a>{ADDRESS})", re.I),
    re.compile(rf"^[\s>*-]{{0,12}}(?:\d\d\d[ -](?:#?\d\.\d\.\d+ )?)?<(?P<a>{ADDRESS})>\s*(?:\.{{2,3}}|:|;|,|\s-)", re.I),
    re.compile(rf"\b[45]\d\d[ -](?:#?\d\.\d+\.\d+[ :]*)?(?:[\w ,.-]{{0,40}}?[ :])??[<(\"']?(?P<a>{ADDRESS})[>)\"']?", re.I),
    re.compile(rf"^[\s>*-]{{0,12}}{_WORD}\s*[:=]\s*(?:[^@\n]{{0,60}}?[\s<\[(\"':;,])??[<\[(\"']?\s*(?:(?:smtp|rfc822|mailto)[:;]\s*)?(?P<a>{ADDRESS})", re.I),
    re.compile(rf"(?:deliver\w*|sent|send|reach\w*|recipients?|address(?:es)?|address was|addressed|user|account|mailbox|message|mail|e-?mail|to|for|an|à|para|a|aan|do)\b[ :\n]{{1,4}}[<\"'(\[]?(?P<a>{ADDRESS})", re.I),
)  # fmt: skip
_NOT_RECIPIENTS = re.compile(
    r"(?i)^(?:mailer-?daemon|postmaster|abuse|hostmaster|mail-daemon|noc|support|help(?:desk)?|webmaster|root|daemon|admin(?:istrator)?|contact|security|antispam|remove|unblock|whitelist|postmaster-\w+|mail)@"
)


@dataclass(frozen=True)
class Paragraph:
    """A recipient and what the report says from there to the next one."""

    address: str
    text: str


@dataclass(frozen=True)
class PlainReport:
    """The readable report, cut from the mail it returns; `original` is that mail's headers, as far as quoted."""

    text: str
    original: Fields


def cut_report(mail: Mail) -> PlainReport:
    """Part the report from the returned mail, by the words that introduce it or by its headers."""
    lines = mail.text.split("\n")[:4000]
    end = len(lines)
    for number, line in enumerate(lines):
        if number and len(line) < 160 and _CUT.match(line) and not _mentions_reason(lines[number : number + 2]):
            end = number
            break
        if (
            _HEADER_LINE.match(line)
            and sum(bool(_HEADER_LINE.match(other)) for other in lines[number : number + 7]) >= 4
        ):
            end = number
            break
    report = "\n".join(lines[:end])
    if not report.strip():
        return PlainReport(mail.text[:8000], mail.original)
    return PlainReport(report[:20_000], mail.original or _headers_after(lines[end:]))


def read_plain(mail: Mail, report: PlainReport) -> tuple[Paragraph, ...]:
    """The recipients that the report names, each with its text; empty when it names none for certain."""
    header = mail.first("x-failed-recipients")
    if header:
        return tuple(Paragraph(address, _around(report.text, address)) for address in find_addresses(header)[:100])
    excluded = _not_recipients(mail, report)
    lines = report.text.split("\n")
    for form in _FORMS:
        hits = _hits(form, lines, excluded)
        if hits:
            return _paragraphs(lines, hits)
    loose = [address for address in find_addresses(report.text) if not _is_excluded(address, excluded)]
    meant = original_recipient(report.original)
    if meant and (not loose or meant.lower() in (address.lower() for address in loose)):
        return (Paragraph(meant, report.text),)
    return tuple(Paragraph(address, report.text) for address in loose[:1]) if len(loose) == 1 else ()


def original_recipient(original: Fields) -> str:
    """Whom the returned mail was to, when it names exactly one."""
    for name in ("x-original-to", "x-failed-recipients", "envelope-to", "x-rcpt-to", "to"):
        addresses = find_addresses(first(original, name))
        if len(addresses) == 1:
            return addresses[0]
    return ""


def _hits(form: re.Pattern[str], lines: list[str], excluded: set[str]) -> list[tuple[int, str]]:
    hits: list[tuple[int, str]] = []
    seen: set[str] = set()
    for number, line in enumerate(lines[:600]):
        for match in form.finditer(line[:1000]):
            address = clean(match.group("a"))
            if address and address.lower() not in seen and not _is_excluded(address, excluded):
                seen.add(address.lower())
                hits.append((number, address))
    return hits[:100]


def _paragraphs(lines: list[str], hits: list[tuple[int, str]]) -> tuple[Paragraph, ...]:
    ends = [number for number, _ in hits[1:]] + [len(lines)]
    paragraphs = []
    for (number, address), end in zip(hits, ends, strict=True):
        text = "\n".join(lines[number : max(end, number + 1)][:40])
        paragraphs.append(Paragraph(address, text))
    return tuple(paragraphs)


def _around(text: str, address: str) -> str:
    at = text.lower().rfind(address.lower())
    return text[at : at + 2500] if at >= 0 else text


def _not_recipients(mail: Mail, report: PlainReport) -> set[str]:
    """Addresses that are in every bounce without being at fault: ours, the mail system's."""
    names = ("to", "from", "delivered-to", "envelope-to")
    excluded = {address.lower() for name in names for address in find_addresses(mail.first(name))}
    for name in ("from", "return-path", "reply-to", "sender", "errors-to", "message-id"):
        excluded |= {address.lower() for address in find_addresses(first(report.original, name))}
    return excluded - {original_recipient(report.original).lower()}


def _is_excluded(address: str, excluded: set[str]) -> bool:
    return address.lower() in excluded or bool(_NOT_RECIPIENTS.match(address))


def _headers_after(lines: list[str]) -> Fields:
    for number, line in enumerate(lines[:40]):
        if _HEADER_LINE.match(line):
            return parse_fields("\n".join(re.sub(r"^[>|] ?", "", each) for each in lines[number : number + 120]))
    return ()


def _mentions_reason(lines: list[str]) -> bool:
    return bool(
        re.search(r"\b[45]\d\d\b|\b[45]\.\d\.\d|because|was not|reject|fail|could|unable|error", " ".join(lines), re.I)
    )
