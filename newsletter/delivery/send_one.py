"""Send one message now, outside any campaign."""

from __future__ import annotations

import asyncio
import contextlib

from newsletter.campaigns.definition import Sender
from newsletter.config import RelaySettings
from newsletter.delivery.smtp.connection import Connection, connect
from newsletter.delivery.smtp.handshake import HandshakeError
from newsletter.delivery.smtp.parcel import Message, Parcel, parcel_of
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.errors import DataError, RelayError
from newsletter.store.deliveries import NOTHING, Claim

NO_CLAIM = Claim(0, 0, "", "", 0, "", 0, 0, 0, "", "", Sender(), 0, "", "", "", "", NOTHING)


PATIENCE = Timeouts(connect=10.0, greeting=20.0, command=30.0, data=60.0, block=60.0, dot=120.0, quit=2.0)
"""Somebody waits before a screen: well below RFC 5321 §4.5.3.2, well above the six seconds by which postscreen delays."""

DOCTOR = "newsletter doctor looks at the relay step by step."

REMEDIES = {
    Stage.CONNECT: f"Check [relay] host and port; is it running, does a firewall stand between? {DOCTOR}",
    Stage.GREETING: f"Check [relay] port and security. {DOCTOR}",
    Stage.TLS: f"Check [relay] host, security and ca_file. {DOCTOR}",
    Stage.AUTH: "Check [relay] username and NEWSLETTER_RELAY_PASSWORD.",
}


class _OneParcel:
    """The clerk of a dialogue of one message."""

    may_overlap = False

    def __init__(self, parcel: Parcel) -> None:
        self._parcel: Parcel | None = parcel
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def take(self) -> Parcel | None:
        parcel, self._parcel = self._parcel, None
        return parcel

    def commit(self, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        for _, _, reply in answered:
            self._answer(reply)
        return True

    def hand_back(self, parcel: Parcel) -> None:
        self._answer(Reply(0, "the connection was lost before the message was sent"))

    def mark_uncertain(self, parcel: Parcel, reason: str) -> None:
        self._answer(Reply(0, f"the message was sent, its reply did not come: {reason}"))

    def _answer(self, reply: Reply) -> None:
        if not self.reply.done():
            self.reply.set_result(reply)


async def send_one(message: Message, relay: RelaySettings, *, timeouts: Timeouts | None = None) -> Reply:
    """Send `message` through `relay`; the reply that decided (2xx: taken; 0: the connection broke).

    Raises RelayError when the relay can't be reached or refuses us, DataError for an address no command may hold.
    """
    try:
        parcel = parcel_of(NO_CLAIM, message)
    except ValueError as error:
        raise DataError(str(error)) from error
    closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_close(connection: Connection, reason: str) -> None:
        if not closed.done():
            closed.set_result(reason)

    try:
        connection, features = await connect(relay, timeouts or PATIENCE, on_close)
    except HandshakeError as error:
        raise _unreachable(error, relay) from error
    clerk = _OneParcel(parcel)
    connection.start(features, clerk, 1)
    while not clerk.reply.done():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(clerk.reply)
        if connection.deadline < asyncio.get_running_loop().time():
            connection.drop("no answer in time")
    connection.finish()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2.0):
            await closed
    connection.drop("done")
    return clerk.reply.result()


def _unreachable(error: HandshakeError, relay: RelaySettings) -> RelayError:
    stage, reply = error.stage, error.reply
    remedy = REMEDIES.get(stage, DOCTOR)
    if stage is Stage.CONNECT:
        return RelayError(reply.text, remedy=remedy)  # it names host and port
    if stage is Stage.TLS:
        return RelayError(reply.text, where=relay.host, remedy=remedy)
    if not reply.code:
        return RelayError(f"the dialogue ended at {stage.value}: {reply.text}", where=relay.host, remedy=remedy)
    return RelayError(f"the relay refuses us at {stage.value}: {reply}", where=relay.host, remedy=remedy)
