"""Rate limits in memory: so many per client, so many from everybody together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address


class RateLimit:
    """A token bucket for each client and one for all.

    `per_client` and `overall` are requests per hour, and as many at once. `now` gives seconds that never go back.
    At most `clients` buckets are kept; the one used longest ago makes room, so that a flood of clients costs no memory.
    """

    def __init__(self, per_client: int, overall: int, now: Callable[[], float], *, clients: int = 50_000) -> None:
        self.per_client = per_client
        self.overall = overall
        self.now = now
        self.clients = clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._all = (float(overall), now())

    def allows(self, client: str) -> bool:
        """Whether one more request from this client is let through; if so, it is counted."""
        now = self.now()
        mine = self._refilled(self._buckets.get(client, (float(self.per_client), now)), self.per_client, now)
        everybody = self._refilled(self._all, self.overall, now)
        allowed = mine >= 1 and everybody >= 1
        self._buckets[client] = (mine - allowed, now)
        self._buckets.move_to_end(client)
        self._all = (everybody - allowed, now)
        if len(self._buckets) > self.clients:
            self._buckets.popitem(last=False)
        return allowed

    @staticmethod
    def _refilled(bucket: tuple[float, float], per_hour: int, now: float) -> float:
        left, then = bucket
        return min(float(per_hour), left + (now - then) * per_hour / 3600)


def client_of(host: str) -> str:
    """Whom an address counts for: IPv6 by its /64, which one household has for itself."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Address(int(address) >> 64 << 64))
    return host
