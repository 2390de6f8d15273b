"""Bytes of a content file → text with LF line ends, never garbled."""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import dataclass
from html import unescape

from charset_normalizer import from_bytes

from newsletter.errors import ContentError

LIMIT = 2_000_000
"""Bytes of a page at most. Gmail clips a mail at 102 kB, so a larger file is a mistake or an attack."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""UTF-32 stands before UTF-16, whose little-endian mark begins like UTF-32's."""

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
"""Characters that XML 1.0 forbids or discourages (§2.2); C1 ones also make Gmail clip a mail early."""

REFERENCE = re.compile(r"&#([xX][0-9a-fA-F]+|[0-9]+);?")

NOT_TEXT = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b"\x7fELF", b"RIFF")

SAVE_AS_UTF8 = "Save the file as UTF-8."


@dataclass(frozen=True)
class Decoded:
    """The text of a file, and the name of its encoding when that was not UTF-8."""

    text: str
    converted_from: str = ""


def decode(data: bytes, path: str) -> Decoded:
    """The text of a content file, without byte-order mark and control characters, with LF line ends.

    UTF-8 and anything with a byte-order mark are read as they are; other encodings are converted when they can be
    told with confidence. Raises ContentError naming the encoding, or saying that there is none.
    """
    if len(data) > LIMIT:
        raise ContentError(
            f"The file has {len(data):,} bytes; a page may have {LIMIT:,}.",
            where=path,
            remedy="Split the page, or move what is not text out of it.",
        )
    decoded = _decode(data, path)
    text = CONTROL.sub("", decoded.text)
    if "&#" in text:
        text = REFERENCE.sub(_resolve, text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n")
    return Decoded(text, decoded.converted_from)


def _resolve(reference: re.Match[str]) -> str:
    """Character references to control characters as a browser takes them: `&#146;` is an apostrophe, `&#1;` nothing."""
    digits = reference[1]
    number = int(digits[1:], 16) if digits[0] in "xX" else int(digits[:9])
    if number < sys.maxunicode and not CONTROL.match(chr(number)):
        return reference[0]
    return CONTROL.sub("", unescape(f"&#{digits};"))


def _decode(data: bytes, path: str) -> Decoded:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            text = _strict(data[len(mark) :], encoding, path)
            return Decoded(text, "" if encoding == "utf-8" else encoding.upper()[:6])
    if data.startswith(NOT_TEXT):
        raise ContentError("The file is not text.", where=path, remedy="Pages are text; pictures belong in static/.")
    guess = _without_mark(data)
    if guess:
        return Decoded(_strict(data, guess, path), "UTF-16")
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _convert(data, path, data.count(b"\n", 0, error.start) + 1)


def _without_mark(data: bytes) -> str:
    """UTF-16 without a mark gives itself away: front matter is ASCII, so every other byte at the top is zero."""
    head = data[:64]
    if len(head) >= 4 and head[1::2].count(0) == len(head[1::2]) and 0 not in head[0::2]:
        return "utf-16-le"
    if len(head) >= 4 and head[0::2].count(0) == len(head[0::2]) and 0 not in head[1::2]:
        return "utf-16-be"
    return ""


def _strict(data: bytes, encoding: str, path: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        raise ContentError(
            f"The file says it is {encoding.upper()} but holds bytes that are not.",
            where=path,
            line=line,
            remedy=SAVE_AS_UTF8,
        ) from error


def _convert(data: bytes, path: str, line: int) -> Decoded:
    """Another encoding, if it can be told.

    A file that is nearly all valid UTF-8 is damaged rather than of another encoding: converting it would garble
    what is right. Windows-1252 text in Latin script is what editors left behind for decades, so it is tried first
    for short or mostly ASCII texts, on which a statistical guess is a coin toss.
    """
    if _multibyte_runs(data) > 0:
        raise ContentError(
            "The file mixes UTF-8 with bytes of another encoding.", where=path, line=line, remedy=SAVE_AS_UTF8
        )
    high = sum(byte >= 0x80 for byte in data)
    stand_alone = not re.search(rb"[\x80-\xff]{3}", data)  # `Déjà vu`: in other scripts they come word by word
    if (high * 8 < len(data) or stand_alone) and _reads_as_latin(data):
        return Decoded(data.decode("cp1252"), "Windows-1252")
    best = from_bytes(data).best()
    if best is None or best.encoding in ("ascii", "utf_8") or b"\x00" in data:
        raise ContentError(
            "The encoding of the file is not UTF-8 and can't be told.", where=path, line=line, remedy=SAVE_AS_UTF8
        )
    return Decoded(str(best), best.encoding)


def _multibyte_runs(data: bytes) -> int:
    """How many complete UTF-8 sequences of two bytes or more `data` holds, less the stray bytes beside them."""
    good = len(re.findall(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", data))
    stray = len(re.findall(rb"[\x80-\xff]", data)) - 2 * good
    return good - max(stray, 0)


LATIN_LETTERS = frozenset("äöüÄÖÜßéèêëáàâíìîïóòôúùûçñÉÈÀÇÑåÅæøÆØãõ€‚„…‘’“”•–—™©®«»°·¡¿´§£¥½¼¾×÷ \u00a0")


def _reads_as_latin(data: bytes) -> bool:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return all(letter in LATIN_LETTERS for letter in text if letter >= "\x80")
