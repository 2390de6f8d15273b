"""The readable part of a bounce, cut from the mail it returns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.bounces.parsing import Fields, Mail, parse_fields
from newsletter.bounces.phrasebook import any_of, read_phrases

_CUT = re.compile(rf"[\s>|*#=_.-]*(?:{any_of(read_phrases('mails.txt')['original-follows']).pattern})", re.IGNORECASE)
_HEADER_LINE = re.compile(
    r"^(?:[>|] ?){0,2}(?:Received|Return-Path|Message-I[dD]|From|To|Subject|Date|MIME-Version|X-[\w-]+|DKIM-Signature|Content-[\w-]+|Delivered-To|Reply-To|Sender|Cc|List-[\w-]+|ARC-[\w-]+|Errors-To|Precedence):",
    re.IGNORECASE,
)
_REASON = re.compile(r"\b[45]\d\d\b|\b[45]\.\d\.\d|because|was not|reject|fail|could|unable|error", re.IGNORECASE)
MAX_LINES = 4000
MAX_REPORT = 20_000


@dataclass(frozen=True)
class Report:
    """What the mail system says; `original` is the headers of the returned mail, as far as they are there."""

    text: str
    original: Fields


def cut_report(mail: Mail) -> Report:
    """Part the report from the returned mail, by the words that introduce it or by its headers."""
    lines = mail.text.split("\n")[:MAX_LINES]
    end = next((number for number in range(len(lines)) if _ends(lines, number)), len(lines))
    text = "\n".join(lines[:end])
    if not text.strip():
        return Report(mail.text[:MAX_REPORT], mail.original)
    return Report(text[:MAX_REPORT], mail.original or _headers_after(lines[end:]))


def _ends(lines: list[str], number: int) -> bool:
    line = lines[number]
    if number and len(line) < 160 and _CUT.match(line):
        return not _REASON.search(" ".join(lines[number : number + 2]))
    return _starts_headers(lines, number)


def _starts_headers(lines: list[str], number: int) -> bool:
    """Whether the headers of a mail begin here: three fields at least, with nothing but folded lines between."""
    fields = 0
    for line in lines[number : number + 40]:
        if _HEADER_LINE.match(line):
            fields += 1
        elif not fields or not line.strip() or not line.startswith((" ", "\t", "> ", "| ")):
            break
    return fields >= 3


def _headers_after(lines: list[str]) -> Fields:
    for number, line in enumerate(lines[:40]):
        if _HEADER_LINE.match(line):
            return parse_fields("\n".join(re.sub(r"^[>|] ?", "", each) for each in lines[number : number + 120]))
    return ()
