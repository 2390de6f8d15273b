"""Header values that every receiver reads alike: encoded words, mailboxes, folding.

We write headers ourselves because Python's `email` package encodes the long tokens of List-Unsubscribe as words
(RFC 2047 forbids it, and the link is dead then), and in some versions puts two encoded words side by side without a
blank, which receivers show raw or refuse.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache

import idna

from newsletter.errors import DataError

_LINE = 76
_WORD = 75  # RFC 2047 §2: longest encoded word
_OVERHEAD = len("=?utf-8?q??=")

FORBIDDEN = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""Never part of a header value: control characters would let a value start a header of its own."""

_PLAIN = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*").fullmatch
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch
_Q_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/"  # RFC 2047 §5 (3)
_Q_SHORT = _Q_PLAIN + b" "
_Q = [chr(code) if code in _Q_PLAIN else "_" if code == 0x20 else f"={code:02X}" for code in range(256)]

_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\U0010ffff-]+)*"
)
_ASCII_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
).fullmatch


def text_value(text: str, name_length: int) -> bytes:
    """The value of an unstructured header such as Subject, folded. `name_length` counts the name and its ": ".

    Raises DataError for control characters.
    """
    plain = text.isascii() and _PLAIN(text)
    if plain and len(text) + name_length <= _LINE:
        return text.encode()
    if match := FORBIDDEN.search(text):
        raise DataError(f"has a control character (U+{ord(match[0]):04X}) that no header may hold")
    if not text:
        return b""
    if plain and max(map(len, text.split(" "))) <= _LINE - name_length:
        return _folded(text.split(" "), name_length)
    return _encoded_words(text, name_length).encode()


def mailbox(name: str, address: str, name_length: int) -> bytes:
    """`Name <address>`, folded. `address` is what `wire_address` gave. Raises DataError for control characters."""
    if name_length + len(name) + len(address) < _LINE and _PHRASE(name) and "=?" not in name:
        return f"{name} <{address}>".encode()
    if FORBIDDEN.search(name):
        raise DataError("has a control character in the name")
    name = " ".join(name.split())  # some readers lose blanks at the ends of a name, some show runs of them
    if not name:
        return address.encode()
    if _PHRASE(name) and "=?" not in name:
        phrase = name
    elif name.isascii() and "=?" not in name:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        phrase = ""
    if not phrase or name_length + len(phrase) > _LINE:
        phrase = _encoded_words(name, name_length)
    last_line = len(phrase) - phrase.rfind("\n") - 1 + (0 if "\n" in phrase else name_length)
    break_or_blank = " " if last_line + len(address) + 3 <= _LINE + 2 else "\r\n "
    return f"{phrase}{break_or_blank}<{address}>".encode()


def wire_address(address: str) -> tuple[str, bool]:
    """An address as it goes over the wire, its domain in A-labels (IDNA), and whether it needs SMTPUTF8 (RFC 6531).

    Raises DataError for what is not `local@domain`: anything else could smuggle SMTP commands or headers.
    """
    if len(address) <= 254 and _ASCII_ADDRESS(address) and address.index("@") <= 64:
        return address, False
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local.encode("utf-8", "replace")) > 64 or FORBIDDEN.search(local):
        raise DataError("is not an e-mail address", where=ascii(address)[1:-1][:80])
    wire = f"{local}@{wire_domain(domain)}"
    if len(wire.encode()) > 254:
        raise DataError("is longer than an e-mail address may be (254 octets)", where=ascii(address)[1:-1][:80])
    return wire, not local.isascii()


@lru_cache(4096)
def wire_domain(domain: str) -> str:
    """A domain in A-labels: `münchen.example` → `xn--mnchen-3ya.example`. Raises DataError if it is none."""
    try:
        encoded = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise DataError(f"is not a domain: {error}", where=ascii(domain)[1:-1][:80]) from error
    if not _ASCII_ADDRESS(f"x@{encoded}") or len(encoded) > 253:
        raise DataError("is not a domain", where=ascii(domain)[1:-1][:80])
    return encoded


def unfolded(value: bytes) -> bytes:
    """A field's value in DKIM's relaxed form (RFC 6376 §3.4.2): unfolded, runs of blanks made one."""
    if b"\r\n" not in value and b"  " not in value:
        return value
    return b" ".join(value.split())


def _folded(words: list[str], name_length: int) -> bytes:
    lines, line = [], words[0]
    room = _LINE - name_length
    for word in words[1:]:
        if len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, _LINE - 1
        else:
            line += f" {word}"
    return "\r\n ".join([*lines, line]).encode()


def _encoded_words(text: str, name_length: int) -> str:
    """All of `text` as encoded words, one per line, in the shorter of both encodings.

    Nothing is left unencoded between two of them, and each holds whole characters (RFC 2047 §5).
    """
    data = text.encode()
    quoted = _q_length(data) <= _b_length(data)
    length = _q_length if quoted else _b_length
    room = min(_WORD, _LINE - name_length) - _OVERHEAD
    if length(data) <= room:
        return _word(data, quoted)
    words: list[str] = []
    chunk = b""
    for character in text:
        longer = chunk + character.encode()
        if chunk and length(longer) > room:
            words.append(_word(chunk, quoted))
            longer, room = character.encode(), _WORD - _OVERHEAD
        chunk = longer
    return "\r\n ".join([*words, _word(chunk, quoted)])


def _word(chunk: bytes, quoted: bool) -> str:
    if quoted:
        return f"=?utf-8?q?{''.join([_Q[byte] for byte in chunk])}?="
    return f"=?utf-8?b?{b64encode(chunk).decode()}?="


def _q_length(data: bytes) -> int:
    return len(data) + 2 * len(data.translate(None, _Q_SHORT))


def _b_length(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4
