"""What the recipients' domains bear: limits per hour, and rest after they have had enough of us."""

from __future__ import annotations

from collections import OrderedDict

from newsletter.delivery.throttle import HOUR, Breaker, SlidingWindow, changed_window

MOST_DOMAINS = 20_000
"""Domains remembered; the one not mailed for longest is forgotten first."""


class _Domain:
    __slots__ = ("breaker", "next_slot", "window")

    def __init__(self, per_hour: int) -> None:
        self.breaker = Breaker(threshold=10)
        self.window: SlidingWindow | None = changed_window(None, per_hour)
        self.next_slot = 0.0


class Domains:
    """Recipient domains as seen through one relay. Times are wall seconds: a rest outlives a sleeping laptop."""

    def __init__(self, per_hour: int) -> None:
        self.per_hour = per_hour
        self._domains: OrderedDict[str, _Domain] = OrderedDict()

    def change(self, per_hour: int) -> None:
        """Another limit from here on; what went stays counted, and who rests goes on resting."""
        self.per_hour = per_hour
        for state in self._domains.values():
            state.window = changed_window(state.window, per_hour)
            state.next_slot = 0.0

    def wait(self, domain: str, now: float) -> float:
        """Seconds until a message to `domain` may go; 0: now, and it is counted.

        Those that must wait get slots one after the other: a million of them then come back in their turn and are
        not all claimed again at the end of the hour.
        """
        state = self._of(domain)
        if state.breaker.is_open(now):
            return state.breaker.open_until - now
        if state.window is None:
            return 0.0
        wait = state.window.wait(now)
        if wait <= 0:
            state.window.take(now)
            return 0.0
        state.next_slot = max(state.next_slot, now + wait) + HOUR / self.per_hour
        return state.next_slot - now

    def succeed(self, domain: str) -> None:
        """The domain took a message."""
        if self._domains:
            state = self._domains.get(domain)
            if state is not None:
                state.breaker.succeed()

    def fail(self, domain: str, now: float) -> bool:
        """The domain deferred a message; whether it gets a rest now."""
        return self._of(domain).breaker.fail(now)

    def rest(self, domain: str, now: float, seconds: float) -> None:
        """Nothing goes to `domain` for `seconds`."""
        self._of(domain).breaker.open(now, seconds)

    def _of(self, domain: str) -> _Domain:
        state = self._domains.get(domain)
        if state is None:
            state = self._domains[domain] = _Domain(self.per_hour)
            if len(self._domains) > MOST_DOMAINS:
                self._domains.popitem(last=False)
        else:
            self._domains.move_to_end(domain)
        return state
