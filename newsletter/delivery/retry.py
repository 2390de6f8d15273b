"""When a delivery that met a temporary refusal is tried again. Pure."""

from __future__ import annotations

from hashlib import blake2b

DELAYS = (5 * 60, 15 * 60, 30 * 60, 3600, 2 * 3600, 4 * 3600)
"""Seconds after the 1st, 2nd … attempt; the last one repeats. Short ones first for greylisting (RFC 6647)."""

JITTER = 0.2
GIVE_UP_AFTER = 72 * 3600
"""Seconds of trying (RFC 5321 §4.5.4.1 says 4–5 days; a page of a drip is stale before)."""


def retry_at(delivery_id: int, attempts: int, now: int, give_up_at: int) -> int | None:
    """When to try again after attempt number `attempts` (1: the first); None: `give_up_at` would be past, give up.

    ±20 % jitter, the same for the same delivery and attempt, keeps a burst that was refused from coming back as one.
    """
    delay = DELAYS[min(max(attempts, 1), len(DELAYS)) - 1]
    digest = blake2b(b"%d:%d" % (delivery_id, attempts), digest_size=8).digest()
    spread = 1 + JITTER * (2 * int.from_bytes(digest, "big") / 2**64 - 1)
    moment = now + round(delay * spread)
    return moment if moment <= give_up_at else None
