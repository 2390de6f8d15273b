"""Read SMTP replies from a stream of bytes (RFC 5321 §4.2), however it is cut, mangled or flooded."""

from __future__ import annotations

from functools import lru_cache

from newsletter.delivery.smtp.reply import Reply

LONGEST_LINE = 4096
"""Octets; RFC 5321 §4.5.3.1.5 allows 512, some servers write whole paragraphs."""

MOST_LINES = 128
"""Lines of one reply; an EHLO reply has about twenty."""


class ProtocolError(Exception):
    """The server said something that is not SMTP, or said it out of turn. The connection can't be trusted any more."""


class ReplyReader:
    """Bytes in, replies out. Lines may end in LF alone; anything else that is not a reply is a ProtocolError."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = b""

    @property
    def has_rest(self) -> bool:
        """Whether bytes beyond the last whole reply were received."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes. Raises ProtocolError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ProtocolError("a reply line never ends")
        replies = []
        for line in lines:
            if not self._lines and (known := _whole(line)) is not None:
                replies.append(known)
                continue
            code, mark = line[:3], line[3:4]
            if len(line) > LONGEST_LINE or not code.isdigit() or not 200 <= int(code) < 600:
                raise ProtocolError(f"not a reply: {_shown(line)}")
            if self._code and code != self._code:
                raise ProtocolError(f"one reply with two codes: {_shown(self._code)} and {_shown(line)}")
            if mark == b"-":
                self._code = code
                self._lines.append(line[4:].strip())
                if len(self._lines) > MOST_LINES:
                    raise ProtocolError("a reply has too many lines")
                continue
            if mark not in (b" ", b"", b"\r"):
                raise ProtocolError(f"not a reply: {_shown(line)}")
            last = line[4:].strip()
            if self._lines:
                last = b"\n".join((*self._lines, last))
                self._lines, self._code = [], b""
            replies.append(Reply(int(code), _readable(last)))
        return replies


@lru_cache(64)
def _whole(line: bytes) -> Reply | None:
    """The reply of a short line, if it is one by itself: servers say the same few for every message."""
    if len(line) < 512 and line[3:4] == b" " and line[:3].isdigit() and 200 <= int(line[:3]) < 600:
        return Reply(int(line[:3]), _readable(line[4:].strip()))
    return None


def _readable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def _shown(line: bytes) -> str:
    return repr(line[:60])[2:-1]
