"""Moments that come once in a million messages, each made to happen: nothing is lost, sent twice or damaged."""

from __future__ import annotations

import asyncio
import socket

import pytest

from newsletter.delivery.connection import Connection
from newsletter.delivery.dialogue import Features
from newsletter.delivery.one import NO_CLAIM
from newsletter.delivery.parcel import Parcel
from newsletter.delivery.timeouts import Timeouts
from tests.delivery.conftest import Runner
from tests.delivery.servers import KeepingServer, once
from tests.delivery.test_hostile import Bookkeeper
from tests.delivery.world import a_relay, seed, states


def test_a_relay_that_is_blamed_just_after_it_took_the_next_envelope_gets_that_mail_whole(runner: Runner) -> None:
    """The refusal that makes us leave and `354` for the next mail come together: no QUIT may get into that mail."""
    seed(runner.database, 6)
    with KeepingServer(once(".", b"554 5.7.1 relay access denied\r\n")) as server:
        tally = runner.run(a_relay(server.port, connections=1), seconds=5.0, until=lambda tally: tally.handled >= 2)
    assert (tally.sent, tally.deferred, tally.uncertain) == (1, 1, 0)
    assert [kept.data.partition(b":")[0] for kept in server.kept] == [b"From"]
    assert sorted(states(runner.database).values()) == ["due"] * 5 + ["sent"]


class Mailbag(Bookkeeper):
    """Two messages, the first of `size` octets."""

    def __init__(self, size: int) -> None:
        super().__init__(2)
        self.waiting[0] = Parcel(
            NO_CLAIM, b"a@b.example", b"c@d.example", (b"x" * (size - 2) + b"\r\n",), size, "d.example"
        )


@pytest.mark.parametrize("says", [b"250 kept\r\n", b""], ids=["reply", "reset"])
def test_a_message_that_left_without_the_envelope_behind_it_is_never_sent_again(says: bytes) -> None:
    """The system took the final dot of one message and not all of the next envelope; then the reply comes, or the end."""

    async def fates(size: int) -> tuple[int, dict[int, list[str]]]:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.setblocking(False)
        loop = asyncio.get_running_loop()
        closed = loop.create_future()
        transport, connection = await loop.create_connection(
            lambda: Connection(Timeouts(), lambda _, reason: closed.set_result(reason)), sock=ours
        )
        clerk = Mailbag(size)
        connection.start(Features(pipelining=True), clerk, 100)
        theirs.send(b"250 a\r\n250 b\r\n354 c\r\n")
        while not clerk.intended:
            await asyncio.sleep(0)
        left = transport.get_write_buffer_size()
        theirs.recv(2**20)
        if says:
            theirs.send(says)
            while clerk.fates == {} and not closed.done():
                await asyncio.sleep(0)
        else:
            theirs.close()
        connection.drop("the test ends")
        await closed
        theirs.close()
        return left, clerk.fates

    async def search() -> dict[int, list[str]]:
        """Whichever size leaves a part of the envelope behind, and nothing of the message."""
        for size in range(2000, 60_000, 20):
            left, found = await fates(size)
            if 0 < left < 50:
                return found
        raise AssertionError("the system takes all of everything")

    found = asyncio.run(search())
    assert found[0] == (["sent"] if says else ["uncertain"])
