"""What a run has done so far; the terminal and the metrics read it while it changes."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

WINDOW = 10.0
"""Seconds over which the rate is measured."""


@dataclass
class Tally:
    """Counts since the start. `due` is how many were waiting when last counted."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    uncertain: int = 0
    unsent: int = 0  # claimed, then suppressed, cancelled, paused or erased before going out
    due: int = 0
    octets: int = 0
    started_at: float = field(default_factory=time.monotonic)
    resting: tuple[str, ...] = ()
    _marks: deque[tuple[float, int]] = field(default_factory=deque, repr=False)

    @property
    def handled(self) -> int:
        """Messages of which something became."""
        return self.sent + self.deferred + self.failed + self.uncertain

    def rate(self) -> float:
        """Messages sent per second, over the last seconds."""
        now = time.monotonic()
        self._marks.append((now, self.sent))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW:
            self._marks.popleft()
        then, sent = self._marks[0]
        if now - then < 0.2:
            return self.sent / max(now - self.started_at, 0.001)
        return (self.sent - sent) / (now - then)

    def seconds_left(self) -> float | None:
        """Until what is due now has gone out at the present rate; None: unknown."""
        rate = self.rate()
        return self.due / rate if rate > 0 else None
