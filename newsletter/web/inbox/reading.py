"""A mail taken apart for showing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape

from newsletter.web.inbox.mailbox import header

PREHEADER_LENGTH = 110
HIDDEN = re.compile(r"<(style|script|title|head)\b.*?</\1>|<!--.*?-->", re.S | re.I)
TAG = re.compile(r"<[^>]*>")
FILLER = re.compile(r"[\u034f\u00ad\u200b-\u200f\u2060\ufeff\u00a0\u2007\s]+")


@dataclass(frozen=True)
class Part:
    """One node of the MIME tree. `depth` is 0 for the whole message, `size` its bytes in transit."""

    depth: int
    media_type: str
    encoding: str
    size: int
    content_id: str


@dataclass(frozen=True)
class Reading:
    """What a person sees of a mail, and what stands behind it."""

    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    parts: tuple[Part, ...]
    unsubscribe: str


def read_mail(data: bytes) -> Reading:
    """Take a mail apart. A mail that breaks the rules is shown as far as it can be read."""
    message = parse(data)
    return Reading(
        headers=tuple((name, header_at(message, index)) for index, (name, _) in enumerate(message.raw_items())),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        parts=tuple(_tree(message, 0)),
        unsubscribe=_one_click(message),
    )


def preheader(html: str) -> str:
    """The first words of the HTML, as an inbox shows them beside the subject."""
    start = html.find("<body")
    text = TAG.sub(" ", HIDDEN.sub(" ", html[max(start, 0) :]))
    return FILLER.sub(" ", unescape(text)).strip()[:PREHEADER_LENGTH]


def embedded(data: bytes, content_id: str) -> tuple[str, bytes] | None:
    """Media type and content of the part with this Content-ID (RFC 2392), or None."""
    for part in parse(data).walk():
        if part.get("Content-ID", "").strip().strip("<>") == content_id:
            payload = part.get_payload(decode=True)
            return (part.get_content_type(), payload) if isinstance(payload, bytes) else None
    return None


def parse(data: bytes) -> EmailMessage:
    """The message as the standard library reads it."""
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(data)


def header_at(message: EmailMessage, index: int) -> str:
    """The value of the header at `index`, unfolded."""
    _, raw = list(message.raw_items())[index]
    return " ".join(str(raw).split())


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset("utf-8")
    try:
        return data.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:
        return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _tree(part: EmailMessage, depth: int) -> Iterator[Part]:
    children = list(part.iter_parts()) if part.is_multipart() else []
    payload = part.get_payload()
    yield Part(
        depth=depth,
        media_type=part.get_content_type(),
        encoding=str(part.get("Content-Transfer-Encoding", "")),
        size=0 if children else len(payload) if isinstance(payload, str) else 0,
        content_id=str(part.get("Content-ID", "")).strip("<> "),
    )
    for child in children:
        if isinstance(child, EmailMessage):
            yield from _tree(child, depth + 1)


def _one_click(message: EmailMessage) -> str:
    """The https address of one-click unsubscribe (RFC 8058), or ""."""
    if not header(message, "List-Unsubscribe-Post"):
        return ""
    found = re.search(r"<(https?://[^>]+)>", header(message, "List-Unsubscribe"))
    return found.group(1) if found else ""
