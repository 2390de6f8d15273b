"""Which relay gets a parcel: the campaign's own, the one a retry began with, else by weight among those that work."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping

from newsletter.config import RelaySettings
from newsletter.delivery.pool import RelayPool
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.store.deliveries import Claim
from newsletter.store.traffic import Traffic


class Router:
    """All relays of one engine."""

    def __init__(self, pools: dict[str, RelayPool]) -> None:
        self._pools = pools
        self._leaving: list[RelayPool] = []

    @property
    def names(self) -> list[str]:
        """Names of the relays."""
        return list(self._pools)

    @property
    def resting(self) -> tuple[str, ...]:
        """Relays that get nothing for a while."""
        return tuple(name for name, pool in self._pools.items() if pool.is_resting)

    @property
    def is_any_open(self) -> bool:
        """Whether any relay takes mail."""
        return any(not pool.is_resting for pool in self._pools.values())

    @property
    def room(self) -> int:
        """How many parcels may be packed."""
        return sum(pool.room for pool in self._usable())

    @property
    def claim_ahead(self) -> int:
        """How many rows are worth claiming: a few seconds' worth."""
        rate = sum(pool.limits.rate for pool in self._usable())
        return 1_000_000 if math.isinf(rate) else max(8, math.ceil(rate * 3))

    @property
    def handed_out(self) -> int:
        """Parcels that connections have in hand."""
        return sum(pool.handed_out for pool in (*self._pools.values(), *self._leaving))

    def route(self, parcels: list[Parcel], now: float) -> list[tuple[Parcel, float]]:
        """Queue `parcels`; returns those that must wait and how long (seconds): their relay or domain rests."""
        waiting: list[tuple[Parcel, float]] = []
        queues: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            pool = self._choose(parcel.claim)
            wait = pool.rest_left or pool.domains.wait(parcel.domain, now)
            if wait > 0:
                waiting.append((parcel, wait))
            else:
                queues.setdefault(pool.name, []).append(parcel)
        for name, queue in queues.items():
            self._pools[name].put(queue)
        return waiting

    def learn(self, traffic: Mapping[str, Traffic], now: float) -> None:
        """What the database says went through the relays."""
        for name, found in traffic.items():
            if name in self._pools:
                self._pools[name].limits.learn(now, *found)

    def apply(
        self, relays: Mapping[str, RelaySettings], make: Callable[[str, RelaySettings], RelayPool]
    ) -> list[Parcel]:
        """New settings while running: relays appear, change and go; what was queued for those that go."""
        left: list[Parcel] = []
        for name, relay in relays.items():
            if name in self._pools:
                self._pools[name].apply(relay)
            else:
                self._pools[name] = make(name, relay)
        for name in [name for name in self._pools if name not in relays]:
            pool = self._pools.pop(name)
            left.extend(pool.queue)
            pool.queue.clear()
            pool.finish()
            self._leaving.append(pool)
        return left

    def watch(self) -> None:
        """Once in a while."""
        for pool in (*self._pools.values(), *self._leaving):
            pool.watch()
        for pool in self._pools.values():
            pool.wake()

    def wake(self) -> None:
        """Sending may go on."""
        for pool in self._pools.values():
            pool.wake()

    def take_all(self) -> list[Claim]:
        """Empty the queues."""
        claims = [parcel.claim for pool in (*self._pools.values(), *self._leaving) for parcel in pool.queue]
        for pool in (*self._pools.values(), *self._leaving):
            pool.queue.clear()
        return claims

    def finish(self) -> None:
        """Connections end their message and leave."""
        for pool in self._pools.values():
            pool.finish()

    def drop(self, reason: str) -> None:
        """Connections leave at once."""
        for pool in (*self._pools.values(), *self._leaving):
            pool.drop(reason)

    async def close(self) -> None:
        """Wait a moment for goodbyes, then cut what is left."""
        pools = (*self._pools.values(), *self._leaving)
        for _ in range(50):
            if not any(pool.connections for pool in pools):
                return
            await asyncio.sleep(0.01)
        self.drop("the run has ended")
        await asyncio.sleep(0.01)

    def _choose(self, claim: Claim) -> RelayPool:
        if claim.campaign_relay in self._pools:
            return self._pools[claim.campaign_relay]
        if claim.attempts and claim.last_relay in self._pools and not self._pools[claim.last_relay].is_resting:
            return self._pools[claim.last_relay]  # greylisting knows us by our address (RFC 6647 §2)
        usable = self._usable()
        total = sum(pool.relay.weight for pool in usable) or 1
        for pool in usable:
            pool.credit += max(pool.relay.weight, 0) or (1 if len(usable) == 1 else 0)
        chosen = max(usable, key=lambda pool: pool.credit)
        chosen.credit -= total
        return chosen

    def _usable(self) -> list[RelayPool]:
        """Relays to choose from: those that work, spares (weight 0) only when none of the others does."""
        working = [pool for pool in self._pools.values() if not pool.is_resting] or list(self._pools.values())
        return [pool for pool in working if pool.relay.weight > 0] or working
