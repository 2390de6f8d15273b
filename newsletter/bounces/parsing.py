"""Bytes of a mail → a flat picture of it, whatever state it is in.

Bounces come broken: without From, with raw 8-bit headers, with MIME that ends in the middle, nested without end.
Nothing here raises on bytes; what can't be read is left out.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from itertools import islice

MAX_BYTES = 2_000_000
"""Bytes of a mail that are read: the report stands at its start, the returned original may be any size."""
MAX_PARTS = 60
MAX_PART_TEXT = 60_000
MAX_FIELD = 10_000
"""Characters of one header: decoding words takes time that grows with the square of their number."""
MAX_FIELDS = 2000
MAX_HEAD = 200_000

_ORIGINALS = frozenset({"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"})

Field = tuple[str, str]
Fields = tuple[Field, ...]


@dataclass(frozen=True)
class Part:
    """One leaf of the MIME tree: `kind` is its type in lower case, `text` its content as text."""

    kind: str
    text: str


@dataclass(frozen=True)
class Mail:
    """A mail laid flat.

    `report` are the parts that speak about the delivery; `original` is the headers of the mail that came back, when
    it is attached as a part of its own. `kind` and `report_type` come from the Content-Type of the whole.
    """

    headers: Fields
    kind: str
    report_type: str
    report: tuple[Part, ...]
    original: Fields
    has_original: bool
    enclosed: Mail | None = None

    def first(self, name: str) -> str:
        """The first header of that name, decoded, or ""."""
        return first(self.headers, name)

    def part(self, kind: str) -> str | None:
        """The text of the first part of that type."""
        return next((part.text for part in self.report if part.kind == kind), None)

    @property
    def text(self) -> str:
        """What a person would read: the plain parts, or else the HTML without its tags."""
        plain = [part.text for part in self.report if part.kind == "text/plain" and part.text.strip()]
        return "\n".join(plain or [strip_tags(part.text) for part in self.report if part.kind == "text/html"])


def first(fields: Fields, name: str) -> str:
    """The first value of `name` (lower case) in `fields`, or ""."""
    return next((value for key, value in fields if key == name), "")


def parse_mail(data: bytes) -> Mail:
    """Read a mail. Never raises on bytes; an mbox "From " line before the headers is skipped."""
    data = data[:MAX_BYTES]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # saved by a Windows program
        data = data.decode("utf-16", "replace").encode()
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # old Macs end lines with CR alone
    data = data.lstrip(b"\n\t ").removeprefix(b"\xef\xbb\xbf")
    if data.startswith((b"From ", b">From ")):
        data = data.partition(b"\n")[2]
    head, blank, body = data.partition(b"\n\n")
    if len(head) > MAX_HEAD:  # the parser needs four seconds for two megabytes of headers
        data = head[:MAX_HEAD].rpartition(b"\n")[0] + blank + body
    try:
        message = message_from_bytes(data)
        leaves = list(_walk(message))
    except (RecursionError, HeaderParseError, ValueError, LookupError, AssertionError, AttributeError, TypeError):
        # the standard parser gives up on a few hostile shapes (CPython issues about nested and 8-bit headers)
        return Mail(
            parse_fields(_decode(head, "")), "text/plain", "", (Part("text/plain", _decode(body, "")),), (), False
        )
    return _lay_flat(message, leaves)


def _lay_flat(message: Message, leaves: list[Part]) -> Mail:
    originals = [part for part in leaves if part.kind in _ORIGINALS]
    return Mail(
        headers=tuple(
            (name.lower(), decode_words(str(value))) for name, value in islice(message.raw_items(), MAX_FIELDS)
        ),
        kind=message.get_content_type(),
        report_type=_parameter(message, "report-type").lower(),
        report=tuple(part for part in leaves if part.kind not in _ORIGINALS),
        original=next((fields for part in originals if (fields := parse_fields(part.text))), ()),
        has_original=bool(originals),
        enclosed=_enclosed(message),
    )


def _enclosed(message: Message) -> Mail | None:
    """The report that a gateway attached instead of passing it on (InterScan, some antivirus relays)."""
    parts = message.get_payload()
    for part in parts[:5] if message.is_multipart() and isinstance(parts, list) else ():
        inner = part.get_payload() if isinstance(part, Message) and part.get_content_type() == "message/rfc822" else ()
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            if inner[0].get_content_type() == "multipart/report":
                return _lay_flat(inner[0], list(_walk(inner[0])))
            return None
    return None


def parse_fields(text: str) -> Fields:
    """`Name: value` lines, unfolded, up to the first blank line; lines that are none are skipped."""
    fields: list[Field] = []
    for line in text.lstrip("\r\n \t").splitlines():
        if not line.strip():
            break
        if line[0] in " \t" and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[!-9;-~]{1,76}\s?", name):
            fields.append((name.strip().lower(), value.strip()))
    return tuple((name, decode_words(value)) for name, value in fields)


def decode_words(value: str) -> str:
    """RFC 2047 encoded words as text; what can't be decoded stays as it is, what is endless is cut."""
    value = value[:MAX_FIELD]
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not value.isascii() else value
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, binascii.Error, ValueError, LookupError):
        return value
    return "".join(piece if isinstance(piece, str) else _decode(piece, charset or "") for piece, charset in pieces)


def strip_tags(markup: str) -> str:
    """HTML as lines of text, roughly: enough to find addresses and phrases in it."""
    text = re.sub(r"(?is)<(style|script|head)\b.*?</\1\s*>", " ", markup)
    text = re.sub(r"(?i)<(?:br|/?p|/?div|/?tr|/?li|/?h\d|/?table|hr)\b[^>]{0,500}>", "\n", text)
    text = re.sub(r"<(?:[a-zA-Z!/][^<>@]{0,500}|a\s[^>]{0,500})>", " ", text)
    return (
        text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
        .replace("&#64;", "@")
        .replace("&quot;", '"')
        .replace("&#39;", "'")
    )


def _walk(message: Message) -> Iterator[Part]:
    """The leaves, outermost first; a returned original is one leaf, and what is inside it is not looked at."""
    stack: list[Message] = [message]
    seen = 0
    while stack and seen < MAX_PARTS:
        part = stack.pop()
        seen += 1
        kind = (part.get_content_type().split() or ["text/plain"])[0]  # `text/plain charset=…`: the semicolon was lost
        children = part.get_payload()
        if part is not message and part["received"] and not isinstance(children, list):
            yield Part("message/rfc822", _headers_text(part))  # the returned mail, without a header that says so
        elif kind in ("message/delivery-status", "message/global-delivery-status", "message/feedback-report") or (
            kind == "message/disposition-notification"
        ):
            yield Part(kind.replace("global-", ""), _status_text(part))
        elif kind in ("message/rfc822", "message/global") and isinstance(children, list):
            inner = children[0] if children else None
            yield Part("message/rfc822", _headers_text(inner) if isinstance(inner, Message) else "")
        elif isinstance(children, list):
            stack.extend(child for child in reversed(children) if isinstance(child, Message))
        else:  # a multipart whose boundary was lost is read as one text
            yield Part("text/plain" if kind.startswith("multipart/") else kind, _text(part))


def _status_text(part: Message) -> str:
    """Fields of a report: the parser makes a list of messages of them; a broken one is left as text."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return _text(part)
    blocks: list[str] = []
    for block in payload[:200]:
        if isinstance(block, Message):
            blocks.append(_headers_text(block))
            rest = block.get_payload()
            if isinstance(rest, str) and rest.strip():
                blocks.append(_clean(rest[:MAX_PART_TEXT]))
    return "\n\n".join(block for block in blocks if block.strip())


def _headers_text(message: Message) -> str:
    return "\n".join(f"{name}: {_clean(str(value))}" for name, value in message.raw_items())


def _text(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError):
        payload = None
    if not isinstance(payload, bytes):
        raw = part.get_payload()
        payload = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""
    return _decode(payload[:MAX_PART_TEXT], _parameter(part, "charset")).replace("\r\n", "\n").replace("\r", "\n")


def _parameter(part: Message, name: str) -> str:
    try:
        value = part.get_param(name)
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return (value[2] if isinstance(value, tuple) else str(value)) if value else ""


def _decode(data: bytes, charset: str) -> str:
    """Text in the charset it names, else UTF-8, else Latin-1, in which every byte means something."""
    for name in (charset.strip().strip("\"'"), "utf-8"):
        try:
            return data.decode(name) if name else data.decode("utf-8")
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def _clean(text: str) -> str:
    """Bytes that the parser smuggled through as surrogates become text again."""
    return text if text.isascii() else _decode(text.encode("utf-8", "surrogateescape"), "")
