"""The MIME body of an email, encoded once: constant bytes, and the slots between them.

multipart/alternative
├── text/plain
└── text/html, or multipart/related (RFC 2387) with the HTML and its pictures
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from newsletter.compose.email import EmbeddedPicture
from newsletter.message.merge import Template
from newsletter.message.quoted_printable import encode
from newsletter.message.roads import Slot

_BASE64_LINE = 76

Piece = bytes | Slot
"""Bytes that never change, or a slot whose text is to be encoded as quoted-printable."""


def boundary(seed: str, part: str) -> bytes:
    """A boundary that depends on `seed` only. `=_` never occurs in quoted-printable or base64 (RFC 2045 §6.7)."""
    return b"=_" + sha256(f"{part} {seed}".encode()).hexdigest()[:32].encode()


def content_type(seed: str) -> bytes:
    """The value of the message's own Content-Type, folded."""
    return b'multipart/alternative;\r\n boundary="%b"' % boundary(seed, "alternative")


def body(text: Template, html: Template, pictures: tuple[EmbeddedPicture, ...], seed: str) -> list[Piece]:
    """The body that belongs to `content_type(seed)`, as constants and slots."""
    outer = boundary(seed, "alternative")
    pieces: list[Piece] = [b"--%b\r\n" % outer, *_text_part(b"plain", text), b"\r\n--%b\r\n" % outer]
    if pictures:
        inner = boundary(seed, "related")
        pieces.append(b'Content-Type: multipart/related; type="text/html";\r\n boundary="%b"\r\n\r\n' % inner)
        pieces += [b"--%b\r\n" % inner, *_text_part(b"html", html)]
        for picture in pictures:
            pieces.append(b"\r\n--%b\r\n%b" % (inner, _picture_part(picture)))
        pieces.append(b"\r\n--%b--\r\n" % inner)
    else:
        pieces += _text_part(b"html", html)
    pieces.append(b"\r\n--%b--\r\n" % outer)
    return list(_joined(pieces))


def _text_part(subtype: bytes, template: Template) -> Iterator[Piece]:
    yield b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" % subtype
    for part in template:
        yield encode(part) if isinstance(part, str) else part


def _picture_part(picture: EmbeddedPicture) -> bytes:
    encoded = b64encode(picture.data)
    lines = b"\r\n".join([encoded[at : at + _BASE64_LINE] for at in range(0, len(encoded), _BASE64_LINE)])
    return (
        b"Content-Type: %b\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <%b>\r\n"
        b"Content-Disposition: inline\r\n\r\n%b"
    ) % (picture.media_type.encode(), picture.content_id.encode(), lines)


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    constant = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            constant += piece
            continue
        yield constant
        constant = b""
        yield piece
    yield constant
