"""A reply of an SMTP server, and the step of the dialogue that it answers."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class Reply(NamedTuple):
    """A reply of an SMTP server: its code, and its text, one line per line of the reply. Code 0: the server said nothing,
    and the text is what we saw instead."""

    code: int
    text: str = ""

    @property
    def status(self) -> str:
        """The enhanced status (RFC 2034), such as `5.1.1`; "" when there is none or it contradicts the code."""
        found = _STATUS.match(self.text)
        return found.group() if found and found.group()[0] == str(self.code)[0] else ""

    @property
    def is_positive(self) -> bool:
        """Whether the server did what it was asked to do."""
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip() if self.code else self.text


class Stage(Enum):
    """The step of the dialogue that a reply answers; the values are the words of logs and alerts."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "EHLO"
    TLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "final dot"
