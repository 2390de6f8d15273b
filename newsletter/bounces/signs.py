"""Signs by which a mail without a machine-readable report is known: who sent it, its subject, its words."""

from __future__ import annotations

import re

from newsletter.bounces.parsing import Mail
from newsletter.bounces.phrasebook import any_of, read_phrases

_PHRASES = read_phrases("mails.txt")
_DAEMON, _SUBJECT, _WORDS, _DELAY, _FINAL, _SUCCESS, _FAILED, _STYLE = (
    any_of(_PHRASES[name])
    for name in ("mail-system", "bounce-subject", "failure", "delay", "final", "success", "no-success", "machine-style")
)
_REPLY = re.compile(
    r"^\s*(?:re|fwd?|aw|wg|tr|rv|sv|vs|antw|odp|res|enc|r|i|doorst|ynt|回复|转发|答复|轉寄)\s*(?:\[\d+\])?\s*:", re.I
)


def comes_from_a_mail_system(mail: Mail) -> bool:
    """Whether From names a mail system, or names nobody while the envelope sender is empty."""
    sender = mail.first("from").lower() or mail.first("sender").lower()
    return bool(_DAEMON.search(sender)) or (has_null_sender(mail) and "@" not in sender)


def has_null_sender(mail: Mail) -> bool:
    """Whether the envelope sender, as the last server wrote it down, was empty (RFC 5321 §4.5.5).

    Bounces have it, and so do the vacation replies of many servers (RFC 3834 §3.3).
    """
    path = mail.first("return-path").strip()
    return path == "<>" or (not mail.first("from").strip() and path in ("", "<MAILER-DAEMON>"))


def has_bounce_subject(mail: Mail) -> bool:
    """Whether the subject announces a bounce and is not somebody's answer to one."""
    subject = mail.first("subject").lower()
    return bool(_SUBJECT.search(subject)) and not is_reply_subject(mail)


def is_reply_subject(mail: Mail) -> bool:
    """Whether a person answered or passed something on: `Re:`, `AW:`, `Fwd:` …"""
    return bool(_REPLY.match(mail.first("subject")))


def speaks_of_failure(text: str) -> bool:
    """Whether the text says that a mail was not delivered, in one of some twenty languages."""
    return bool(_WORDS.search(text[:8000].lower()))


def speaks_like_a_system(text: str) -> bool:
    """Whether the text has what people don't write: reply codes, "automatically generated", lists of recipients."""
    return bool(_STYLE.search(text[:8000].lower()))


def speaks_of_success(mail: Mail, text: str) -> bool:
    """Whether the report only confirms that the mail arrived or was passed on."""
    folded = re.sub(r"\s+", " ", f"{mail.first('subject')} {text[:6000]}".lower())
    return bool(_SUCCESS.search(folded)) and not _FAILED.search(folded)


def speaks_of_delay(mail: Mail, text: str) -> bool:
    """Whether the report is only a warning: the server goes on trying."""
    folded = re.sub(r"\s+", " ", f"{mail.first('subject')} {text[:6000]}".lower())
    return bool(_DELAY.search(folded)) and not _FINAL.search(folded)
