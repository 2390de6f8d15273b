"""From a reply to what is written down, and to who rests."""

from __future__ import annotations

from collections.abc import Callable

from newsletter.delivery.fate import SENT, Fate, Verdict, judge
from newsletter.delivery.pool import RelayPool
from newsletter.delivery.retry import GIVE_UP_AFTER, retry_at
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.store.deliveries import Claim, Outcome

LONGEST_REPLY = 500
"""Characters of a reply that are kept."""


class Judge:
    """Turns replies into outcomes. `now` gives seconds since 1970."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now

    def __call__(self, claim: Claim, pool: RelayPool, stage: Stage, reply: Reply) -> tuple[Verdict, Outcome]:
        """The verdict on `reply`, and the outcome it means for `claim`."""
        verdict = judge(stage, reply, claim.attempts)
        now = self._now()
        text = reply.text[:LONGEST_REPLY]
        if verdict is SENT:
            return verdict, Outcome(claim.id, claim.attempts, "sent", now, 0, 0, pool.name, reply.code, text)

        def outcome(state: str, due_at: int = 0, give_up_at: int = 0, *, tried: bool = True) -> Outcome:
            return Outcome(claim.id, claim.attempts, state, now, due_at, give_up_at, pool.name, reply.code, text, tried)

        if verdict.fate is Fate.FAILED:
            return verdict, outcome("failed")
        give_up_at = claim.give_up_at or now + GIVE_UP_AFTER
        if verdict.fate is Fate.RELAY and stage in (Stage.MAIL, Stage.GREETING):
            return verdict, outcome("due", now + verdict.pause, tried=False)
        # A refusal after MAIL counts as an attempt even when the relay is blamed: if it is this one message that the
        # relay chokes on, it must not come back first each time.
        moment = retry_at(claim.id, claim.attempts + 1, now, give_up_at)
        if verdict.fate is Fate.DOMAIN:
            moment = max(moment, now + verdict.pause) if moment is not None else None
        if moment is None or moment > give_up_at:
            return verdict, outcome("failed", give_up_at=give_up_at)
        return verdict, outcome("due", moment, give_up_at)

    def apply(
        self, pool: RelayPool, parcel: Parcel, stage: Stage, reply: Reply, verdict: Verdict, alerts: dict[str, str]
    ) -> None:
        """Let the relay or the domain rest, and note alerts."""
        now = float(self._now())
        if verdict.fate is Fate.RELAY:
            pool.rest(verdict.pause)
            pool.report(stage, reply, alert=verdict.alert)
        elif verdict.fate is Fate.DOMAIN:
            pool.domains.rest(parcel.domain, now, verdict.pause)
        elif verdict.fate is Fate.RETRY and reply.status.startswith(("4.3.", "4.4.")):
            # Not for every 4xx: greylisting wants each message tried once.
            pool.domains.fail(parcel.domain, now)
        if verdict.alert and verdict.fate is not Fate.RELAY:
            alerts[f"domain:{parcel.domain}"] = f"{stage.value}: {reply}"[:LONGEST_REPLY]
