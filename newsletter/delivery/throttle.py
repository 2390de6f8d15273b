"""How fast mail may go: per second, per hour, per day of a warm-up, per domain. The time is passed in."""

from __future__ import annotations

import math
from collections import deque

HOUR = 3600.0


class TokenBucket:
    """At most `rate` a second on average, `burst` at once. Times are monotonic seconds."""

    def __init__(self, rate: float, burst: float = 1.0) -> None:
        self.rate = rate
        self.burst = max(1.0, burst)
        self._tokens = self.burst
        self._at = -math.inf

    def wait(self, now: float) -> float:
        """Seconds until one may go; 0: now."""
        if self._at == -math.inf:
            self._at = now
        if now > self._at:  # never back: a clock that jumps must not take tokens away
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
        return 0.0 if self._tokens >= 1 - 1e-9 else (1 - self._tokens) / self.rate

    @property
    def tokens(self) -> float:
        """How many may go at once, when `wait` was last asked."""
        return self._tokens

    def take(self) -> None:
        """One goes."""
        self._tokens -= 1


class SlidingWindow:
    """At most `limit` in any `period` seconds, wherever they begin. Times are wall seconds.

    Counts are kept by the sixtieth of the period; the oldest one counts until it has left the window wholly, so what
    goes is never more than the limit, and less by a sixtieth at most. A clock that is set back frees nothing, and does
    not make anybody wait for longer than a period either: time stands still for the window, then goes on.
    """

    PARTS = 60

    def __init__(self, limit: int, period: float = HOUR) -> None:
        self.limit = limit
        self.period = period
        self.count = 0
        self._part = period / self.PARTS
        self._counts: deque[list[int]] = deque()  # [number of the part, how many]
        self._now = -math.inf
        self._ahead = 0.0  # by how much the window's time is ahead of a clock that was set back

    def set_counts(self, now: float, count: int, before: int) -> None:
        """What the database says was sent in this hour of the clock, by all workers, and in the one before.

        What this window has not counted itself is taken to have gone evenly.
        """
        moment = self._roll(now)
        hour = int(moment // HOUR)
        for number, total in ((hour - 1, before), (hour, count)):
            first, last = self._number(number * HOUR), self._number(min(moment, (number + 1) * HOUR - 1e-6))
            missing = total - sum(found for part, found in self._counts if first <= part <= last)
            known = any(first <= part for part, _ in self._counts)
            parts = [last] if known and number == hour else range(first, last + 1)
            for index, part in enumerate(parts):
                share = missing * (index + 1) // len(parts) - missing * index // len(parts)
                if share > 0:
                    self._add(part, share)
        self._roll(now)

    def wait(self, now: float) -> float:
        """Seconds until one more may go; 0: now."""
        moment = self._roll(now)
        excess = self.count + 1 - self.limit
        if excess <= 0:
            return 0.0
        for part, count in self._counts:
            excess -= count
            if excess <= 0:
                return max((part + self.PARTS + 1) * self._part - moment, 0.001)
        return self.period

    def room(self, now: float) -> int:
        """How many may go now."""
        self._roll(now)
        return max(0, self.limit - self.count)

    def take(self, now: float) -> None:
        """One goes."""
        self._add(self._number(self._roll(now)), 1)

    def _add(self, part: int, count: int) -> None:
        """Parts may come in any order."""
        at = len(self._counts)
        while at and self._counts[at - 1][0] > part:
            at -= 1
        if at and self._counts[at - 1][0] == part:
            self._counts[at - 1][1] += count
        else:
            self._counts.insert(at, [part, count])
        self.count += count

    def _roll(self, now: float) -> float:
        """Forget what is out of the window; the window's own time."""
        if now + self._ahead < self._now:
            self._ahead = self._now - now
        self._now = max(self._now, now + self._ahead)
        oldest = self._number(self._now) - self.PARTS
        while self._counts and self._counts[0][0] < oldest:
            self.count -= self._counts.popleft()[1]
        return self._now

    def _number(self, moment: float) -> int:
        return int(moment // self._part)


def changed_window(window: SlidingWindow | None, per_hour: int) -> SlidingWindow | None:
    """`window` with another limit, which keeps its counts; None for no limit (0)."""
    if per_hour <= 0:
        return None
    if window is None:
        return SlidingWindow(per_hour)
    window.limit = per_hour
    return window


class RelayLimits:
    """All limits of one relay together."""

    def __init__(self, per_second: float, per_hour: int, warm_up: tuple[int, ...]) -> None:
        self._hour: SlidingWindow | None = None
        self._today = 0
        self._days_before = 0
        self._day = -1
        self.change(per_second, per_hour, warm_up)

    def change(self, per_second: float, per_hour: int, warm_up: tuple[int, ...]) -> None:
        """Other limits from here on; what went today and in this hour stays counted."""
        self.warm_up = warm_up
        self._second = TokenBucket(per_second, per_second) if per_second > 0 else None
        # A minute's worth may go at once; an hour's worth in the first seconds of each hour would look like an attack.
        self._smooth = TokenBucket(per_hour / HOUR, per_hour / 60) if per_hour > 0 else None
        self._hour = changed_window(self._hour, per_hour)
        self.are_any = bool(self._second or self._hour or warm_up)

    def learn(self, now: float, this_hour: int, last_hour: int, today: int, days_before: int) -> None:
        """What went through this relay before this process started, and through other workers."""
        self._roll(now)
        if self._hour:
            self._hour.set_counts(now, this_hour, last_hour)
        self._today = max(self._today, today)
        self._days_before = max(self._days_before, days_before)

    @property
    def today_limit(self) -> int | None:
        """How many may go today; None: as many as there are."""
        return self.warm_up[self._days_before] if self._days_before < len(self.warm_up) else None

    @property
    def rate(self) -> float:
        """Messages a second that the limits allow in the long run; infinite when there are none."""
        rates = [bucket.rate for bucket in (self._second, self._smooth) if bucket]
        return min(rates, default=math.inf)

    def wait(self, monotonic: float, now: float) -> float:
        """Seconds until one more may go; 0: now."""
        self._roll(now)
        waits = [bucket.wait(monotonic) for bucket in (self._second, self._smooth) if bucket]
        if self._hour:
            waits.append(self._hour.wait(now))
        limit = self.today_limit
        if limit is not None and self._today >= limit:
            waits.append((self._day + 1) * 24 * HOUR - now)
        return max(waits, default=0.0)

    def take(self, now: float) -> None:
        """One goes."""
        self._roll(now)
        self._today += 1
        for bucket in (self._second, self._smooth):
            if bucket:
                bucket.take()
        if self._hour:
            self._hour.take(now)

    def _roll(self, now: float) -> None:
        day = int(now // (24 * HOUR))
        if day > self._day:
            if self._day >= 0 and self._today:
                self._days_before += 1
            self._today = 0
        self._day = day  # also back: a clock that was wrong by years must not keep mail waiting for years


class Breaker:
    """Opens after `threshold` failures in a row; each time it opens again it stays open twice as long."""

    def __init__(self, threshold: int = 5, first: float = 60.0, longest: float = 4 * HOUR) -> None:
        self.threshold = threshold
        self.first = first
        self.longest = longest
        self.open_until = -math.inf
        self._seen = -math.inf
        self._failures = 0
        self._openings = 0

    def is_open(self, now: float) -> bool:
        """Whether nothing may go."""
        if now < self._seen:  # the clock was set back: the rest goes on for as long as it had left
            self.open_until -= self._seen - now
        self._seen = now
        return now < self.open_until

    def succeed(self) -> None:
        """Something went through."""
        self._failures = self._openings = 0

    def fail(self, now: float) -> bool:
        """Something did not; whether that opened the breaker."""
        self._failures += 1
        if self._failures < self.threshold or self.is_open(now):
            return False
        self.open(now, min(self.first * 2**self._openings, self.longest))
        return True

    def open(self, now: float, seconds: float) -> None:
        """Nothing may go for `seconds`, nor less long than it is open already."""
        self._seen = now
        self.open_until = max(self.open_until, now + seconds)
        self._openings += 1
        self._failures = 0
