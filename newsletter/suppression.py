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
