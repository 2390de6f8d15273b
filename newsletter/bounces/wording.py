"""Folding what servers write, so that a phrase is found however it was cased, wrapped, quoted or addressed.

Addresses, host names, IP numbers and URLs are reduced to one word each: `antispam.example.com said: user unknown`
is not about spam, and `full.house@example.org` is not a full mailbox.
"""

from __future__ import annotations

import html
import re
import unicodedata

MAX_TEXT = 4000
"""Characters that are looked at: replies are a few lines, and the patterns must not chew on a megabyte."""

BLOCKLISTS = (
    "spamhaus|spamcop|sorbs|barracuda|senderbase|spamrats|uceprotect|mailspike|invaluement|abuseat|cloudmark|surbl"
    "|uribl|dnsbl|njabl|senderscore|openspf|mail-abuse|backscatterer|abusix|proofpoint|postmaster.live|trendmicro"
)
_BLOCKLIST = re.compile(BLOCKLISTS)
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"')\]]{1,400}|\bwww\.[^\s<>\"')\]]{1,200}")
_ADDRESS = re.compile(
    r"[^\s<>\"'():,;\[\]|\u3000-\u9fff\uac00-\ud7af]{1,80}(?:@|=40)"
    r"(?:(?:[^\W\u3000-\u9fff\uac00-\ud7af]|-|\.(?!\.)){1,200}|\[[\w.:]{1,60}\])|<@>"
)
"""Chinese, Japanese and Korean put no blank between an address and what is wrong with it; others put only dots."""
_IP = re.compile(
    r"\[?\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b\]?(?::\d+)?|\[?\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}\b\]?"
)
_HOST = re.compile(
    r"\b(?:[a-z0-9_\-]{1,63}\.){1,8}(?:[a-z]{2}|com|net|org|edu|gov|mil|int|info|biz|name|local|lan|localdomain|mobi"
    r"|online|cloud|email|mail|internal|example|invalid|test|museum|coop|arpa|site|shop|club|app|tech|asia|travel)\b(?!\.[a-z0-9])"
)
_CONTINUATION = re.compile(r"(?m)^[ \t]*(?:<<<\s*)?[245]\d\d[- ](?:#?[245]\.\d{1,3}\.\d{1,3}[ \t]*)?")
_PLURAL = re.compile(r"\((e?s)\)")
_BRACKETS = re.compile(r"[<>()\"'`*“”„«»‘’|{}]+")
_MAYBE = re.compile(
    r"\b(?:may|might) (?:also )?(?:have been |no longer |not |be )(?:[a-z]+ ){0,2}[a-z]+|\b(?:if|whether|unless) (?:the|this|your|that|you) [^.:;]{0,80}"
    r"|(?:make sure|ensure|verify|check|confirm)(?: that)? (?:the|your|this|you) [^.:;]{0,80}"
)
"""Advice and guesses ("the address may not exist", "check that the mailbox is not full") state no cause."""
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_BEFORE_COLON = re.compile(r" +([:;,.!])")


def fold(text: str) -> str:
    """`text` in lower case with single spaces; addresses become `@`, hosts `host`, numbers `ip`, URLs `url`."""
    folded = unicodedata.normalize("NFKC", html.unescape(text[:MAX_TEXT])).casefold().replace("’", "'")
    folded = _CONTINUATION.sub(" ", folded)
    folded = _URL.sub(_keep_blocklist, folded)
    folded = _ADDRESS.sub("@", folded)
    folded = _IP.sub("ip", folded)
    folded = _HOST.sub(_keep_blocklist, folded)
    folded = re.sub(r"(?<=[a-z])'(?=[a-z])", "\x00", folded)
    folded = folded.replace("_", " ")
    folded = _BRACKETS.sub(" ", _PLURAL.sub(r"\1", folded)).replace("\x00", "'")
    return _MAYBE.sub("maybe", _BEFORE_COLON.sub(r"\1", _SPACE.sub(" ", folded))).strip()


def _keep_blocklist(match: re.Match[str]) -> str:
    """A host or URL goes, but the name of a blocklist in it is the reason itself."""
    found = _BLOCKLIST.search(match.group())
    return found.group() if found else ("url" if "/" in match.group() else "host")
