"""What a reply or a bounce says about the recipient, in the terms of the policy: hard, soft, sender's fault."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a mail in the bounce mailbox is; the values are printed by `newsletter bounces classify`.

    NONE is mail of people, and notices of delay: the server is still trying.
    """

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    DELIVERED = "delivered"
    NONE = "none"


class Severity(Enum):
    """What follows from a bounce; the values are those of the column `bounce.severity`.

    HARD suppresses the address at once, SOFT counts over time, SENDER alerts the operator and blames nobody,
    NONE means nothing.
    """

    HARD = "hard"
    SOFT = "soft"
    SENDER = "sender"
    NONE = "none"


class Reason(Enum):
    """Why mail was refused: the words printed by `newsletter bounces classify` and stored with a bounce."""

    UNKNOWN_USER = "unknown-user"
    UNKNOWN_DOMAIN = "unknown-domain"
    MAILBOX_DISABLED = "mailbox-disabled"
    MOVED = "moved"
    BAD_ADDRESS = "bad-address"

    MAILBOX_FULL = "mailbox-full"
    TOO_LARGE = "too-large"
    GREYLISTED = "greylisted"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    DNS = "dns"
    LOOP = "loop"
    SYSTEM = "system"
    TEMPORARY = "temporary"
    UNCLEAR = "unclear"

    RATE = "rate"
    SPAM = "spam"
    REPUTATION = "reputation"
    AUTHENTICATION = "authentication"
    POLICY = "policy"
    CONTENT = "content"
    SENDER_REFUSED = "sender-refused"
    RELAY_DENIED = "relay-denied"

    COMPLAINT = "complaint"
    OPT_OUT = "opt-out"
    NONE = ""

    @property
    def severity(self) -> Severity:
        """What the reason means when the refusal is permanent."""
        if self in _HARD:
            return Severity.HARD
        if self in _SENDER:
            return Severity.SENDER
        return Severity.NONE if self in (Reason.NONE, Reason.COMPLAINT) else Severity.SOFT


_HARD = frozenset(
    {Reason.UNKNOWN_USER, Reason.UNKNOWN_DOMAIN, Reason.MAILBOX_DISABLED, Reason.MOVED, Reason.BAD_ADDRESS}
)
_SENDER = frozenset(
    {
        Reason.RATE,
        Reason.SPAM,
        Reason.REPUTATION,
        Reason.AUTHENTICATION,
        Reason.POLICY,
        Reason.CONTENT,
        Reason.SENDER_REFUSED,
        Reason.RELAY_DENIED,
    }
)


@dataclass(frozen=True)
class Verdict:
    """Severity and reason of one refusal; `status` is the enhanced code (RFC 3463) or "" when there is none."""

    severity: Severity
    reason: Reason
    status: str = ""

    @property
    def hard(self) -> bool:
        """Whether the address must be suppressed at once."""
        return self.severity is Severity.HARD
