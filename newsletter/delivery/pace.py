"""How much of each campaign may go out: `[limits] per_hour` of its file, over all workers and restarts."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.delivery.throttle import HOUR, SlidingWindow, TokenBucket

LEARN_EVERY = 30.0
"""Seconds after which the database is asked again what all workers have sent, where there can be several."""


class _Pace:
    def __init__(self, per_hour: int) -> None:
        self.per_hour = per_hour
        self.window = SlidingWindow(per_hour)
        # A minute's worth may go at once; an hour's worth in the first seconds would be what the operator did not want.
        self.bucket = TokenBucket(per_hour / HOUR, per_hour / 60)
        self.learned_at = float("-inf")


class Pacemaker:
    """Says before each claim how many deliveries of a campaign may be claimed. `now` are wall seconds, `moment` steady
    ones."""

    def __init__(self, *, is_alone: bool) -> None:
        self._paces: dict[int, _Pace] = {}
        self._learn_every = float("inf") if is_alone else LEARN_EVERY

    def follow(self, limits: Mapping[int, int]) -> None:
        """The campaigns that have a limit per hour now; a changed limit holds from here on, what went stays counted."""
        for campaign, per_hour in limits.items():
            known = self._paces.get(campaign)
            if known is None or known.per_hour != per_hour:
                self._paces[campaign] = _Pace(per_hour)
        for campaign in [campaign for campaign in self._paces if campaign not in limits]:
            del self._paces[campaign]

    def unlearned(self, moment: float) -> list[int]:
        """Campaigns whose counts should be asked of the database."""
        return [key for key, pace in self._paces.items() if moment - pace.learned_at >= self._learn_every]

    def learn(self, campaign: int, this_hour: int, last_hour: int, *, now: float, moment: float) -> None:
        """What the database says all workers have sent."""
        pace = self._paces[campaign]
        pace.window.set_counts(now, this_hour, last_hour)
        pace.learned_at = moment

    def room(self, *, now: float, moment: float) -> dict[int, int]:
        """Campaign → how many of its deliveries may go now; the others have no limit."""
        return {
            key: 0 if pace.bucket.wait(moment) > 0 else min(pace.window.room(now), int(pace.bucket.tokens + 1e-9))
            for key, pace in self._paces.items()
        }

    def take(self, campaign: int, *, now: float) -> None:
        """One was claimed."""
        pace = self._paces.get(campaign)
        if pace is not None:
            pace.window.take(now)
            pace.bucket.take()
