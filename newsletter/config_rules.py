"""What the value of a setting must look like, beyond its type. Each rule says in words what it wants."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

LONGEST_TEXT = 1000
"""Characters; a longer name, address or path is a file pasted into the wrong place."""

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""A line break in a name or an address is how foreign headers get into a mail (CWE-93)."""

LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?", re.UNICODE)
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
MAILBOX = re.compile(r"(?:imaps?|pop3s?)://[^/\s]+@[^/\s@]+(?:/\S*)?|(?:maildir|mbox):.+")
LOCAL_PART = re.compile(r"""[^\s@<>"(),:;\[\]\\]{1,64}""")
WORD = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Rule:
    """`holds` tells whether a value is right, `wanted` says what would be; `is_optional` lets an empty text pass."""

    wanted: str
    holds: Callable[[Any], bool]
    is_optional: bool = False

    def refuses(self, value: Any) -> bool:
        """Whether `value`, already of its type, is not what the setting can use."""
        if value == "" and self.is_optional:
            return False
        return not self.holds(value)


def is_line(value: str) -> bool:
    """One line of text, not absurdly long."""
    return len(value) <= LONGEST_TEXT and not CONTROL.search(value)


def is_domain(value: str) -> bool:
    """A domain name as people write it, maybe with letters beyond ASCII (RFC 1035 §2.3.1, RFC 5890)."""
    labels = value.removesuffix(".").split(".")
    return len(value) <= 253 and all(LABEL.fullmatch(label) for label in labels)


def is_host(value: str) -> bool:
    """A host name or an IP address."""
    return _is_ip(value) or is_domain(value.replace("_", "-"))


def is_address(value: str) -> bool:
    """`local@domain`, nothing around it."""
    local, at, domain = value.rpartition("@")
    return bool(at) and is_line(value) and bool(LOCAL_PART.fullmatch(local)) and is_domain(domain)


def is_web_address(value: str) -> bool:
    """An http or https address with a host, without user, query and fragment."""
    if not is_line(value) or re.search(r"[\s<>\"{}|\\^`]", value):
        return False
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    return (
        parts.scheme in ("http", "https")
        and is_host(host)
        and (port is None or port > 0)
        and not (parts.username or parts.password or parts.query or parts.fragment)
    )


def is_database(value: str) -> bool:
    """A SQLAlchemy URL of one of the two databases."""
    return is_line(value) and value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://"))


def is_zone(value: str) -> bool:
    """A zone that this machine's tz database knows."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a folder of zones is an OSError
        return False
    return bool(value)


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        return False
    return True


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def _is_path(value: Path) -> bool:
    return is_line(str(value)) and value != Path()


def _is_rate(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def between(least: int, most: int) -> Rule:
    """A whole number within bounds."""
    return Rule(f"a whole number from {least} to {most:,}", lambda value: least <= value <= most)


def each(rule: Rule, what: str) -> Rule:
    """A list of which every item holds."""
    return Rule(what, lambda values: all(not rule.refuses(value) for value in values))


LINE = Rule("one line of text", is_line, is_optional=True)
NAME = Rule("a name, on one line", lambda value: is_line(value) and bool(value.strip()))
LINES = Rule(
    "text of a few lines",
    lambda value: len(value) <= LONGEST_TEXT and not CONTROL.search(value.replace("\r\n", " ").replace("\n", " ")),
    is_optional=True,
)
SECRET = Rule("one line of text", lambda value: not CONTROL.search(value) and len(value) <= 10_000, is_optional=True)
PATH = Rule("the path of a file or folder", _is_path)
OPTIONAL_PATH = Rule("the path of a file", lambda value: value is None or _is_path(value))
SITE_ADDRESS = Rule('an address such as "https://www.example.com"', is_web_address)
WEB_ADDRESS = Rule('an address such as "https://letters.example.com"', is_web_address, is_optional=True)
MAIL_ADDRESS = Rule('an address such as "letters@example.com"', is_address)
REPLY_ADDRESS = Rule('an address such as "me@example.com"', is_address, is_optional=True)
DOMAIN = Rule('a domain such as "example.com"', is_domain, is_optional=True)
SELECTOR = Rule('a selector such as "news"', is_host, is_optional=True)
HOST = Rule('a host name such as "mail.example.com"', is_host)
LANG = Rule('a language such as "en", "he" or "pt-BR"', lambda value: bool(LANGUAGE.fullmatch(value)))
ZONE = Rule('an IANA time zone such as "Europe/Paris"', is_zone)
PORT = between(1, 65_535)
PORT_OR_NONE = between(0, 65_535)
COUNT = between(1, 1_000_000)
LIMIT = between(0, 1_000_000_000)
RATE = Rule("a number of 0 or more", lambda value: _is_rate(value) and value <= 1_000_000)
DATABASE = Rule('"sqlite:///newsletter.db" or "postgresql://user@host/name"', is_database)
INCOMING = Rule(
    '"imaps://user@host/INBOX", "pop3s://user@host", "maildir:PATH" or "mbox:PATH"',
    lambda value: is_line(value) and bool(MAILBOX.fullmatch(value)),
    is_optional=True,
)
DAYS = each(COUNT, "a list of whole numbers above 0, for example [200, 500, 1000]")
NETWORKS = each(Rule("", _is_network), 'a list of addresses such as ["127.0.0.1", "10.0.0.0/8"]')
CODES = each(Rule("", lambda value: bool(WORD.fullmatch(value))), 'a list of codes such as ["dkim-missing"]')
NAMES = each(NAME, "a list of names")
CLIENTS = Rule(
    'names and versions such as outlook.windows = "2016"',
    lambda value: all(WORD.fullmatch(key) and is_line(item) for key, item in value.items()),
)
