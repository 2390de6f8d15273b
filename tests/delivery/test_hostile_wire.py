"""The engine beside a server whose every reply may be mangled: it never hangs, never crashes and never counts wrong."""

from __future__ import annotations

import pytest

from newsletter.delivery.smtp.dialogue import Dialogue, Features
from newsletter.delivery.smtp.reply import Reply
from newsletter.delivery.smtp.reply_reader import ProtocolError
from newsletter.delivery.smtp.timeouts import Timeouts
from tests.delivery.conftest import Runner
from tests.delivery.hostile import BROKEN, GONE, HARMLESS, LYING, REFUSING, HostileServer
from tests.delivery.test_hostile import Bookkeeper
from tests.delivery.world import a_relay, seed, states

IMPATIENT = Timeouts(connect=2.0, greeting=0.5, command=0.5, data=0.5, block=0.5, dot=0.5)
HONEST = HARMLESS + BROKEN + GONE + REFUSING


def be_hostile(
    runner: Runner, number: int, ways: tuple[str, ...], often: float
) -> tuple[HostileServer, dict[str, str]]:
    """Send to a hostile server for a while, then to the same one when it behaves; the server, and address → state."""
    ids = seed(runner.database, 30)
    with HostileServer(number, ways, often, pipelining=bool(number % 2)) as server:
        relay = a_relay(server.port, connections=3)
        runner.run(relay, seconds=1.5, until=lambda tally: tally.handled >= 30, timeouts=IMPATIENT)
        server.behave()
        for _ in range(3):
            runner.clock.seconds += 8 * 3600
            runner.run(relay, seconds=8.0, timeouts=IMPATIENT)
        found = states(runner.database)
    return server, {f"reader{place}@example.com": found[key] for place, key in enumerate(ids)}


@pytest.mark.parametrize("number", range(3))
def test_whatever_becomes_of_its_replies_the_books_agree(runner: Runner, number: int) -> None:
    server, found = be_hostile(runner, number, HONEST, 0.15)
    assert set(found.values()) <= {"sent", "failed", "uncertain"}  # nothing is stuck
    for address, state in found.items():
        assert server.whole[address] == 1 if state == "sent" else server.whole[address] <= 1
        assert server.whole[address] == 0 or state != "failed"


@pytest.mark.parametrize("number", range(2))
def test_a_server_that_lies_gets_nothing_twice(runner: Runner, number: int) -> None:
    server, found = be_hostile(runner, number, LYING + HARMLESS, 0.3)
    assert set(found.values()) <= {"sent", "failed", "uncertain"}
    assert not server.whole or max(server.whole.values()) == 1


@pytest.mark.parametrize("number", range(2))
def test_replies_that_are_only_odd_are_understood(runner: Runner, number: int) -> None:
    """Late, in pieces, with bare line feeds, NULs, several lines: every message goes through at the first attempt."""
    seed(runner.database, 30)
    with HostileServer(number, HARMLESS, 1.0, pipelining=bool(number)) as server:
        tally = runner.run(a_relay(server.port, connections=3))
    assert tally.sent == 30 and tally.deferred == 0 and set(server.whole.values()) == {1}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("early", [[Reply(250)], [Reply(250), Reply(250), Reply(250), Reply(354)]])
def test_a_reply_before_the_message_has_left_is_no_receipt(pipelining: bool, early: list[Reply]) -> None:
    """`354` and `250` in one packet: the server can't have what was not written yet."""
    clerk = Bookkeeper(1)
    written: list[bytes] = []
    dialogue = Dialogue(Features(pipelining=pipelining), clerk, lambda pieces: written.append(b"".join(pieces)))
    dialogue.wake()
    if not pipelining:
        dialogue.receive([Reply(250)])
        dialogue.receive([Reply(250)])
    envelope = [Reply(250), Reply(250)] if pipelining else []
    with pytest.raises(ProtocolError):
        dialogue.receive([*envelope, Reply(354), *early])
    dialogue.lose("gone", dot_left=True)
    assert clerk.fates == {0: ["back"]}
    assert not any(b"x\r\n" in data for data in written)
