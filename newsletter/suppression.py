"""Why an address must not be mailed."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why an address is suppressed; the values are what the table holds."""

    BOUNCED = "bounced"
    BLOCKED = "blocked"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    ERASED = "erased"


THEIR_OWN_WISH = (Reason.UNSUBSCRIBED, Reason.ERASED)
"""What a person may take back themselves. A bounce, a block or a complaint is not theirs to lift."""
