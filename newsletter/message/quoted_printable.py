"""Quoted-printable (RFC 2045 §6.7) in pieces that can be joined whatever stands between them.

Each piece starts and ends at the start of a line: a piece that does not end with a line break ends with a soft one. So
pieces encoded once and values encoded per message never influence each other, and every line stays within 76
characters whatever the value.

The encoding is also its own DKIM canonical form (RFC 6376 §3.4.4): no run of spaces, no tab, no blank at a line's end.
No line starts with a dot (so SMTP needs no dot-stuffing pass, RFC 5321 §4.5.2) or with "From " (which mbox files alter).
"""

from __future__ import annotations

import re

SOFT_BREAK = b"=\r\n"
_WIDTH = 75  # RFC 2045 §6.7 rule 5 allows 76 with the `=` of a soft break

_BY_ITSELF = bytes(code for code in range(0x20, 0x7F) if code != 0x3D)
_BEFORE_SOFT_BREAK = re.compile(rb"[^ !-<>-~]|(?<= ) ")
_BEFORE_HARD_BREAK = re.compile(rb"[^ !-<>-~]|(?<= ) | $")
_HEX = [b"=%02X" % code for code in range(256)]
_BYTES = [bytes([code]) if code in _BY_ITSELF else _HEX[code] for code in range(256)]


def encode_plain(value: str) -> bytes:
    """A value known to be ASCII of one line, without `=` and runs of blanks, that starts with neither `.` nor `F`."""
    return value.encode() + SOFT_BREAK if 0 < len(value) <= _WIDTH else encode(value)


def encode_value(value: str) -> bytes:
    """A value as a piece. Short plain text, the usual case, costs a few hundred nanoseconds.

    Raises UnicodeEncodeError for lone surrogates.
    """
    data = value.encode()
    if 0 < len(data) <= _WIDTH and data[0] not in b".F" and b"  " not in data:
        if not data.translate(None, _BY_ITSELF):
            return data + SOFT_BREAK
        if b"\n" not in data and b"\r" not in data:
            line = b"".join([_BYTES[byte] for byte in data])
            if len(line) <= _WIDTH:
                return line + SOFT_BREAK
    return encode(value)


def encode(text: str) -> bytes:
    """Any text as a piece; CRLF and CR count as LF. Raises UnicodeEncodeError for lone surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    *whole, rest = text.encode().split(b"\n")
    lines: list[bytes] = []
    for line in whole:
        _append_wrapped(lines, _BEFORE_HARD_BREAK.sub(_code, line), b"\r\n")
    if rest:
        _append_wrapped(lines, _BEFORE_SOFT_BREAK.sub(_code, rest), SOFT_BREAK)
    return b"".join(lines)


def _code(match: re.Match[bytes]) -> bytes:
    return _HEX[match[0][0]]


def _append_wrapped(lines: list[bytes], line: bytes, ending: bytes) -> None:
    start = 0
    while True:
        head = b""
        if line.startswith(b".", start) or line.startswith(b"From ", start):
            head, start = _HEX[line[start]], start + 1
        end = start + _WIDTH - len(head)
        if end >= len(line):
            lines += (head, line[start:], ending)
            return
        if line[end - 1] == 0x3D:  # never cut through an `=XX`
            end -= 1
        elif line[end - 2] == 0x3D:
            end -= 2
        lines += (head, line[start:end], SOFT_BREAK)
        start = end
