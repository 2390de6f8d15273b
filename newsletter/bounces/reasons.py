"""SMTP reply, enhanced status and free text → verdict. Pure; the texts themselves are in `phrasebook`.

The text overrules the code where it clearly says one thing: servers send `550 5.1.1 … mailbox full` and
`554 5.7.1 … user unknown` every day. Where the text says nothing, the enhanced status (RFC 3463) decides, and
where there is none, the refusal is unclear and never hard.
"""

from __future__ import annotations

import re

from newsletter.bounces.phrasebook import OURS, PAUSED, PHRASES, WEAK
from newsletter.bounces.verdict import Reason, Severity, Verdict
from newsletter.bounces.wording import MAX_TEXT, fold

NEAR = 60
"""Characters around "unknown" and the like in which a word for the sender turns the blame round."""

BY_STATUS: dict[str, Reason] = {
    "1.0": Reason.UNKNOWN_USER,
    "1.1": Reason.UNKNOWN_USER,
    "1.2": Reason.UNKNOWN_DOMAIN,
    "1.3": Reason.BAD_ADDRESS,
    "1.6": Reason.MOVED,
    "1.7": Reason.SENDER_REFUSED,
    "1.8": Reason.SENDER_REFUSED,
    "1.10": Reason.UNKNOWN_DOMAIN,
    "2.1": Reason.MAILBOX_DISABLED,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.TOO_LARGE,
    "3.0": Reason.SYSTEM,
    "3.1": Reason.SYSTEM,
    "3.2": Reason.SYSTEM,
    "3.4": Reason.TOO_LARGE,
    "3.5": Reason.SYSTEM,
    "4.0": Reason.UNREACHABLE,
    "4.1": Reason.UNREACHABLE,
    "4.2": Reason.UNREACHABLE,
    "4.3": Reason.DNS,
    "4.4": Reason.UNKNOWN_DOMAIN,
    "4.5": Reason.RATE,
    "4.6": Reason.LOOP,
    "4.7": Reason.EXPIRED,
    "4.14": Reason.LOOP,
    "4.310": Reason.UNKNOWN_DOMAIN,
    "5.3": Reason.RATE,
}
"""Subject and detail of an enhanced status (RFC 3463, IANA's registry) → reason, where the text says nothing."""

_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s\-#<:;,\])]|$)(?!-?\d)")
_STATUS = re.compile(r"(?<![\d.])#?([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_TRANSCRIPT_BEFORE = re.compile(r">>> ?(?:ehlo|helo|mail from).*(?=>>> ?rcpt to)", re.IGNORECASE | re.DOTALL)
"""The steps of a transcript that went well before the one that was refused."""
_MAIL_STAGE = re.compile(r"(?:in (?:reply|response) to |after |>>> ?)(?:the )?mail from", re.IGNORECASE)
_DATA_STAGE = re.compile(
    r"in (?:reply|response) to (?:the )?(?:end of )?data|after (?:the )?(?:end of )?data|after \.|>>> ?(?:data|\.)|after sending the message",
    re.IGNORECASE,
)


def classify_reply(code: int, status: str, text: str) -> Verdict:
    """What a refusal means.

    `code` is the SMTP reply (0 when there is none), `status` the enhanced one ("" when there is none), `text` what
    the server wrote; what is missing is read from the text. A 4xx is never hard. Never raises.
    """
    text = _TRANSCRIPT_BEFORE.sub("", text[:MAX_TEXT])
    code = code or _first_int(_CODE, text)
    status = _chosen_status(code, status, text)
    reason = reason_of(code, status, text)
    severity = reason.severity
    if severity is Severity.HARD and is_temporary(code, status):
        severity = Severity.SOFT
    return Verdict(severity, reason, status)


def reason_of(code: int, status: str, text: str) -> Reason:
    """Why the message was refused: the text where it is clear, else the status, else the code."""
    folded = fold(text)
    stage_is_mail = bool(_MAIL_STAGE.search(text))
    for reason, pattern in PHRASES:
        match = pattern.search(folded)
        if match is None:
            continue
        if reason.severity is not Severity.HARD:
            return reason
        near = folded[max(0, match.start() - NEAR) : match.end() + NEAR]
        return Reason.SENDER_REFUSED if stage_is_mail or OURS.search(near) else reason
    if stage_is_mail:
        return Reason.SENDER_REFUSED
    if PAUSED.search(folded):
        return Reason.MAILBOX_DISABLED if status in ("5.2.1", "5.1.1", "5.1.6") else Reason.TEMPORARY
    by_status = _reason_of_status(status)
    if WEAK.search(folded) and not _DATA_STAGE.search(text):
        if by_status is not None and by_status.severity is not Severity.HARD:
            return by_status
        if by_status is not None or (code in (550, 551, 553) and _says_nothing(status)):
            return by_status or Reason.UNKNOWN_USER
    if by_status is not None:
        return by_status
    if code and OURS.search(folded):
        return Reason.SENDER_REFUSED
    return Reason.TEMPORARY if is_temporary(code, status) else Reason.UNCLEAR


def is_temporary(code: int, status: str) -> bool:
    """Whether the first digit says "later" rather than "never"."""
    return str(code)[0] == "4" if code else status.startswith("4")


def find_status(text: str) -> str:
    """The first enhanced status in `text`, or ""."""
    match = _STATUS.search(text[:MAX_TEXT])
    return match.group(1) if match else ""


def _chosen_status(code: int, status: str, text: str) -> str:
    """The status that says most: `5.0.0` is what MTAs put where the server gave none, the text may have one."""
    if not _says_nothing(status):
        return status
    digit = str(code)[0] if code else ""
    for match in _STATUS.finditer(text):
        if not _says_nothing(match.group(1)) and match.group(1).startswith(digit):
            return match.group(1)
    return status


def _says_nothing(status: str) -> bool:
    return status in ("", "5.0.0", "4.0.0", "5.5.0", "5.4.0")


def _reason_of_status(status: str) -> Reason | None:
    digit, _, rest = status.partition(".")
    if rest.startswith("7."):
        return Reason.POLICY
    if rest.startswith("6."):
        return Reason.CONTENT
    return BY_STATUS.get(rest) if digit in ("4", "5") else None


def _first_int(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text)
    return int(match.group(1)) if match else 0
