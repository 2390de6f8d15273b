"""One relay: its connections, its queue of parcels, its limits, and its rests."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Protocol

from newsletter.clock import Clock
from newsletter.config import RelaySettings
from newsletter.delivery.domains import Domains
from newsletter.delivery.fate import judge
from newsletter.delivery.smtp.connection import Connection, connect
from newsletter.delivery.smtp.handshake import HandshakeError
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.delivery.steady import steady
from newsletter.delivery.throttle import RelayLimits
from newsletter.errors import RelayError

FRESH = 0.25
"""Seconds for which the answer to "may this person be mailed?" holds."""

MOST_QUEUED = 384
"""Parcels; so many that connections never wait for a group that is being signed."""

QUICK = 1.0
"""Seconds within which a relay answers a message, or the next one is not taken before it has: who leaves while a filter
behind the relay thinks for a minute must not get what was taken before."""

WORTH_FILLING = 128
"""Parcels that must be missing before more are asked for. Filling each gap at once made groups of 27, and asking
whether they may be mailed and making it durable costs nearly as much for a few as for many."""
IDLE_SECONDS = 15.0
LONGEST_REST = 600.0


class Office(Protocol):
    """What a pool needs of its engine."""

    clock: Clock

    def may_send(self) -> bool:
        """Whether anything may be taken now."""
        ...

    def commit(self, pool: RelayPool, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        """See `Clerk.commit`."""
        ...

    def hand_back(self, parcel: Parcel) -> None:
        """See `Clerk.hand_back`."""
        ...

    def mark_uncertain(self, pool: RelayPool, parcel: Parcel, reason: str) -> None:
        """See `Clerk.mark_uncertain`."""
        ...

    def ask_again(self, pool: RelayPool) -> None:
        """The parcels in the queue must be asked about again before one goes."""
        ...

    def nudge(self) -> None:
        """There is room for more."""
        ...

    def report_relay(self, pool: RelayPool, stage: Stage, reply: Reply, *, alert: bool) -> None:
        """The relay rests, or (250) works again."""
        ...


class RelayPool:
    """The connections to one relay. It is the clerk of their dialogues."""

    def __init__(self, name: str, relay: RelaySettings, timeouts: Timeouts, office: Office) -> None:
        self.name = name
        self.relay = relay
        self.timeouts = timeouts
        self.limits = RelayLimits(relay.per_second, relay.per_hour, relay.warm_up)
        self.domains = Domains(relay.domain_per_hour)
        self.queue: deque[Parcel] = deque()
        self.connections: set[Connection] = set()
        self.handed_out = 0
        self.is_asking = False
        self.may_overlap = True
        self.credit = 0.0
        self._office = office
        self._opening: set[asyncio.Task[None]] = set()
        self._rest_until = -math.inf
        self._failures = 0
        self._width = relay.connections
        self._wake_at = math.inf
        self._loop = asyncio.get_running_loop()

    @property
    def is_resting(self) -> bool:
        """Whether the relay gets nothing for a while."""
        return self._loop.time() < self._rest_until

    @property
    def rest_left(self) -> float:
        """Seconds until the relay is tried again."""
        return max(0.0, self._rest_until - self._loop.time())

    @property
    def room(self) -> int:
        """How many parcels may join the queue: few when sending is slow, so that they do not grow stale."""
        if self.is_resting or self._limits_wait() > 1.0:
            return 0
        most = MOST_QUEUED
        if self.limits.rate < MOST_QUEUED:
            most = max(1, math.ceil(self.limits.rate / 2))
        free = most - len(self.queue)
        return free if free >= min(WORTH_FILLING, most / 2) else 0

    def put(self, parcels: list[Parcel]) -> None:
        """Queue `parcels` and see that connections send them."""
        self.queue.extend(parcels)
        self.wake()

    def wake(self) -> None:
        """Let idle connections take from the queue, and open more if that is not enough."""
        if not self.queue or self.is_resting or not self._office.may_send():
            return
        for connection in list(self.connections):
            if not self.queue:
                return
            connection.wake()
        if self.queue and not self._must_wait():
            free = self._width - len(self.connections) - len(self._opening)
            for _ in range(min(free, len(self.queue))):
                task = self._loop.create_task(self._open())
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)

    # Clerk

    def take(self) -> Parcel | None:
        """The next parcel, if one may go now."""
        if not self.queue or self.is_resting or not self._office.may_send() or self._must_wait():
            return None
        parcel = self.queue[0]
        moment = steady()
        if moment - parcel.checked_at > FRESH:
            if not self.is_asking:
                self._office.ask_again(self)
            return None
        self.queue.popleft()
        if self.limits.are_any:
            self.limits.take(self._office.clock.now().timestamp())
        parcel.started_at = moment
        self.handed_out += 1
        if len(self.queue) == MOST_QUEUED - WORTH_FILLING or not self.queue:
            self._office.nudge()
        return parcel

    def commit(self, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        """Replies and an intent, made durable."""
        self.handed_out -= len(answered)
        for parcel, _, _ in answered:
            self.may_overlap = steady() - parcel.started_at < QUICK
        return self._office.commit(self, answered, starting)

    def hand_back(self, parcel: Parcel) -> None:
        """A parcel that was not sent."""
        self.handed_out -= 1
        self._office.hand_back(parcel)

    def mark_uncertain(self, parcel: Parcel, reason: str) -> None:
        """A parcel that may have been sent."""
        self.handed_out -= 1
        self._office.mark_uncertain(self, parcel, reason)

    # its health

    def rest(self, seconds: float) -> None:
        """Nothing goes to this relay for `seconds`, longer each time in a row; connections end their message and leave."""
        if not self.is_resting:  # eight connections that fail together are one failure
            self._failures += 1
            self._width = max(1, self._width // 2)
        seconds = min(max(seconds, 1.0) * 2 ** min(self._failures - 1, 10), max(seconds, LONGEST_REST))
        self._rest_until = max(self._rest_until, self._loop.time() + seconds)
        for connection in list(self.connections):
            connection.finish()
        self._loop.call_later(seconds + 0.01, self._office.nudge)

    def report(self, stage: Stage, reply: Reply, *, alert: bool) -> None:
        """Say why the relay rests."""
        self._office.report_relay(self, stage, reply, alert=alert)

    def prosper(self, domain: str) -> None:
        """A message to `domain` went through."""
        self.domains.succeed(domain)
        if self._failures:
            self._failures = 0
            self._office.report_relay(self, Stage.DOT, Reply(250), alert=False)
        if self._width < self.relay.connections:
            self._width += 1

    def apply(self, relay: RelaySettings) -> None:
        """New settings while running. Who saved them may have mended why the relay rests, so it is tried at once."""
        self._rest_until = -math.inf
        if relay == self.relay:
            return
        self.limits.change(relay.per_second, relay.per_hour, relay.warm_up)
        self.domains.change(relay.domain_per_hour)
        self.relay = relay
        self._width = relay.connections
        self.finish()

    def finish(self) -> None:
        """Every connection ends its message and leaves."""
        for connection in list(self.connections):
            connection.finish()

    def drop(self, reason: str) -> None:
        """Every connection leaves at once."""
        for task in self._opening:
            task.cancel()
        for connection in list(self.connections):
            connection.drop(reason)

    def watch(self) -> None:
        """Once in a while: end what waits too long, let go of what is idle."""
        now = self._loop.time()
        for connection in list(self.connections):
            if connection.deadline < now:
                connection.drop("no answer in time")
            elif connection.deadline == math.inf and now - connection.idle_since > IDLE_SECONDS:
                connection.finish()

    async def _open(self) -> None:
        try:
            connection, features = await connect(self.relay, self.timeouts, self._on_close)
        except HandshakeError as error:
            verdict = judge(error.stage, error.reply)
            self.rest(verdict.pause if error.reply.code else 1)
            self.report(error.stage, error.reply, alert=verdict.alert or self._failures >= 3)
        except RelayError as error:
            self.rest(LONGEST_REST)
            self.report(Stage.AUTH, Reply(0, error.message), alert=True)
        else:
            self.connections.add(connection)
            connection.start(features, self, self.relay.messages_per_connection)
            if self.is_resting or not self._office.may_send():
                connection.finish()

    def _on_close(self, connection: Connection, reason: str) -> None:
        if connection in self.connections:
            self.connections.discard(connection)
            self._office.nudge()
            self._loop.call_soon(self.wake)

    def _limits_wait(self) -> float:
        if not self.limits.are_any:
            return 0.0
        return self.limits.wait(self._loop.time(), self._office.clock.now().timestamp())

    def _must_wait(self) -> bool:
        wait = self._limits_wait()
        if wait <= 0:
            return False
        now = self._loop.time()
        if not now < self._wake_at < now + wait + 0.001:
            self._wake_at = now + min(wait, 60.0)
            self._loop.call_later(min(wait, 60.0), self.wake)
        return True
