"""What a relay's reply means for the delivery, the relay and the recipient's domain. Pure.

The rules are those of RFC 5321 §4.2.1 (the first digit decides), RFC 3463 (the enhanced status explains), RFC 7505
(null MX) and what the large providers publish about their x.7.* codes.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from newsletter.delivery.smtp.reply import Reply, Stage

MINUTE, HOUR = 60, 3600


class Fate(Enum):
    """What becomes of the delivery."""

    SENT = "sent"
    RETRY = "retry"  # counts as an attempt, due again later
    FAILED = "failed"  # for good
    RELAY = "relay"  # the relay is at fault: the delivery goes back as it was, the relay rests
    DOMAIN = "domain"  # our standing with the recipient's domain is at fault: the whole domain rests


class Verdict(NamedTuple):
    """`pause` is how long (seconds) the relay or domain rests at least; `alert` whether an operator must know."""

    fate: Fate
    pause: int = 0
    alert: bool = False


SENT = Verdict(Fate.SENT)
RETRY = Verdict(Fate.RETRY)
FAILED = Verdict(Fate.FAILED)

RATE_STATUSES = frozenset({"4.7.28", "4.7.650", "4.7.651", "4.7.652"})
"""Sending too fast for our standing: Gmail 4.7.28, Outlook.com 4.7.65x."""

AUTHENTICATION_STATUSES = frozenset(
    f"{digit}.7.{detail}" for digit in "45" for detail in (23, 24, 25, 26, 27, 29, 30, 31, 32, 40, 509, 515)
) | {"5.7.15"}
"""SPF, DKIM, DMARC, PTR or TLS of the sender (Gmail, Outlook.com): mended by the operator, then the mail is welcome."""

_RELAYING_DENIED = re.compile(r"relay(ing)? (access )?(is )?(denied|not permitted)|not permitted to relay", re.I)


def judge(stage: Stage, reply: Reply, attempts: int = 0) -> Verdict:
    """What `reply` to `stage` means; `attempts` is how often this delivery was tried before.

    The reply to DATA that counts is a refusal: 354 is no verdict and is not judged.
    """
    if stage is Stage.DOT and reply.is_positive:
        return SENT
    if reply.code == 421:
        return _judge_421(stage, reply)
    if stage in (Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.TLS, Stage.AUTH):
        return _judge_session(stage, reply)
    if stage is Stage.MAIL:
        return _judge_mail(reply)
    if reply.code < 500:
        return _judge_temporary(reply)
    return _judge_permanent(stage, reply, attempts)


def _judge_421(stage: Stage, reply: Reply) -> Verdict:
    """421: the server closes the connection; what was not accepted yet was not accepted (RFC 5321 §3.8)."""
    if stage in (Stage.RCPT, Stage.DOT) and (reply.status in RATE_STATUSES or reply.status in AUTHENTICATION_STATUSES):
        return _judge_temporary(reply)
    return Verdict(Fate.RELAY, pause=5)


def _judge_session(stage: Stage, reply: Reply) -> Verdict:
    if reply.code >= 500 or stage is Stage.AUTH:
        return Verdict(Fate.RELAY, 10 * MINUTE if reply.code >= 500 else MINUTE, alert=True)
    return Verdict(Fate.RELAY, pause=30)


def _judge_mail(reply: Reply) -> Verdict:
    """MAIL speaks about the sender and the relay, never about a recipient; size and charset are the message's own."""
    if reply.code == 552 or reply.status in ("5.3.4", "5.2.3"):
        return FAILED
    if reply.status.startswith("5.6."):  # what this message needs (SMTPUTF8, 8BITMIME), the relay does not offer
        return FAILED
    if reply.code >= 500:
        return Verdict(Fate.RELAY, 10 * MINUTE, alert=True)
    return Verdict(Fate.RELAY, pause=MINUTE)


def _judge_temporary(reply: Reply) -> Verdict:
    if reply.status in RATE_STATUSES:
        return Verdict(Fate.DOMAIN, 15 * MINUTE)
    if reply.status in AUTHENTICATION_STATUSES:
        return Verdict(Fate.DOMAIN, HOUR, alert=True)
    return RETRY


def _judge_permanent(stage: Stage, reply: Reply, attempts: int) -> Verdict:
    status = reply.status
    if reply.code in (503, 530, 534, 535, 538) or _RELAYING_DENIED.search(reply.text):
        return Verdict(Fate.RELAY, 10 * MINUTE, alert=True)
    if stage is Stage.RCPT and reply.code == 552 and not status.startswith(("5.2.", "5.3.")):
        return RETRY  # RFC 5321 §4.5.3.1.10: old servers say 552 where they mean 452, too many recipients
    if status in AUTHENTICATION_STATUSES:
        return Verdict(Fate.DOMAIN, HOUR, alert=True)
    if status.startswith("5.7."):
        # Sender's fault by RFC 3463, yet also what one recipient's own filter says: the third time is final.
        fate = Fate.DOMAIN if attempts < 2 else Fate.FAILED
        return Verdict(fate, HOUR if fate is Fate.DOMAIN else 0, alert=True)
    if status.startswith("5.6."):
        return Verdict(Fate.FAILED, alert=True)
    return FAILED
