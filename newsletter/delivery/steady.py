"""A clock for "how long ago": it runs on while the machine sleeps, and nobody can set it."""

from __future__ import annotations

import time

_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> float:
    """Seconds since some moment in the past."""
    return time.clock_gettime(_CLOCK)
