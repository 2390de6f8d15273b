"""Delivery status notifications (RFC 3464), as they are sent rather than as they should be.

Seen in the wild and read here: fields without their type (`Final-Recipient: <a@b.c>`), several recipients in one
block, no blank line between blocks, `Action: failure`, a status with words after it, Exchange's
`X-Display-Name`, Sendmail's `X-Actual-Recipient`, `Original-Recipient: rfc822; …` in xtext, no Status at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.bounces.addresses import clean, decode_xtext
from newsletter.bounces.parsing import Field, Fields, decode_words, first


@dataclass(frozen=True)
class Outcome:
    """What became of one recipient: `action` is failed, delayed, delivered, relayed, expanded or "" (unknown)."""

    address: str
    action: str
    status: str = ""
    diagnostic: str = ""


_ACTIONS = (
    ("fail", "failed"),
    ("undeliver", "failed"),
    ("dropped", "failed"),
    ("expired", "failed"),
    ("error", "failed"),
    ("bounce", "failed"),
    ("reject", "failed"),
    ("delay", "delayed"),
    ("defer", "delayed"),
    ("warn", "delayed"),
    ("deliver", "delivered"),
    ("success", "delivered"),
    ("relay", "relayed"),
    ("expand", "expanded"),
)
_STATUS = re.compile(r"(?<!\d)([245])\.(\d{1,3})\.(\d{1,3})(?![.\d])")
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient", "x-failed-recipients")


def read_dsn(text: str) -> tuple[Outcome, ...]:
    """The outcomes that the text of a message/delivery-status part names, in order."""
    outcomes = [
        _outcome(block)
        for block in _blocks(text)
        if any(name in _RECIPIENT_FIELDS or name == "action" for name, _ in block)
    ]
    named = [outcome for outcome in outcomes if outcome.address]
    return tuple(named or outcomes)


def _blocks(text: str) -> list[Fields]:
    """Groups of fields; a second Final-Recipient begins a group even where the blank line is missing."""
    blocks: list[list[Field]] = [[]]
    for line in text.splitlines():
        if not line.strip():
            if blocks[-1]:
                blocks.append([])
            continue
        current = blocks[-1]
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if line[0] in " \t" and current:
            current[-1] = (current[-1][0], f"{current[-1][1]} {line.strip()}")
        elif colon and re.fullmatch(r"[a-z][a-z0-9-]{1,60}", name):
            if name in ("final-recipient", "original-recipient") and any(key == name for key, _ in current):
                current = []
                blocks.append(current)
            current.append((name, decode_words(value.strip())))
        elif current:
            current[-1] = (current[-1][0], f"{current[-1][1]} {line.strip()}")  # folded without its space
    return [tuple(block) for block in _joined(blocks) if block]


def _joined(blocks: list[list[Field]]) -> list[list[Field]]:
    """A blank line inside a group (Domino, some gateways) splits the address from what became of it."""
    joined: list[list[Field]] = []
    for block in blocks:
        names = {name for name, _ in block}
        before = {name for name, _ in joined[-1]} if joined else set()
        orphan = names and not names & set(_RECIPIENT_FIELDS) and names & {"action", "status", "diagnostic-code"}
        if orphan and before & set(_RECIPIENT_FIELDS) and not before & {"action", "status"}:
            joined[-1].extend(block)
        else:
            joined.append(list(block))
    return joined


def _outcome(block: Fields) -> Outcome:
    action_text = first(block, "action").lower()
    action = next((action for word, action in _ACTIONS if word in action_text), "")
    found = _STATUS.search(first(block, "status"))
    status = f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else ""
    diagnostic = " ".join(value for name, value in block if name in ("diagnostic-code", "x-supplementary-info"))
    comment = _STATUS.sub("", first(block, "status"), count=1).strip(" ()")  # `5.0.0 (recipient reached disk quota)`
    if not action:
        action = {"5": "failed", "4": "delayed", "2": "delivered"}.get(status[:1], "")
    return Outcome(_recipient(block), action, status, strip_type(diagnostic) or comment)


def _recipient(block: Fields) -> str:
    """The address as it was mailed, if the report kept it: the original recipient before the final one."""
    for name in _RECIPIENT_FIELDS:
        for key, value in block:
            if key == name:
                address = clean(decode_xtext(value) if name == "original-recipient" else value)
                if address:
                    return address
    return ""


def strip_type(diagnostic: str) -> str:
    """`smtp; 550 …` → `550 …`."""
    return re.sub(r"(?i)^\s*(?:x-)?[a-z][\w .-]{0,30};\s*", "", diagnostic, count=1).strip()
