"""A server that mangles, delays, splits, floods and lies never hangs, crashes or miscounts the engine."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.send_one import NO_CLAIM
from newsletter.delivery.smtp.dialogue import Dialogue, Features
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.reply_reader import ProtocolError, ReplyReader
from tests.delivery.conftest import Runner
from tests.delivery.servers import CLOSE, HALF_CLOSE, KeepingServer, Session
from tests.delivery.world import a_relay, seed, states


@given(
    st.lists(
        st.tuples(
            st.integers(200, 599),
            st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=20), min_size=1, max_size=4),
        ),
        max_size=8,
    ),
    st.integers(1, 7),
)
def test_replies_are_the_same_however_they_are_cut(replies: list[tuple[int, list[str]]], size: int) -> None:
    wire = b"".join(
        f"{code}{'-' if number < len(lines) - 1 else ' '}{line}\r\n".encode()
        for code, lines in replies
        for number, line in enumerate(lines)
    )
    reader = ReplyReader()
    found = [reply for start in range(0, len(wire), size) for reply in reader.feed(wire[start : start + size])]
    assert found == [Reply(code, "\n".join(lines)) for code, lines in replies]
    assert not reader.has_rest


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_replies_or_a_protocol_error(chunks: list[bytes]) -> None:
    reader = ReplyReader()
    try:
        for chunk in chunks:
            for reply in reader.feed(chunk):
                assert 200 <= reply.code < 600
    except ProtocolError:
        pass


@pytest.mark.parametrize("flood", [b"2" * 10_000, b"250-x\r\n" * 200, b"250-" + b"y" * 5000 + b"\r\n"])
def test_a_flood_is_refused_before_it_fills_memory(flood: bytes) -> None:
    with pytest.raises(ProtocolError):
        ReplyReader().feed(flood)


class Bookkeeper:
    """A clerk that remembers what became of each parcel."""

    may_overlap = True

    def __init__(self, count: int) -> None:
        self.waiting = [
            Parcel(NO_CLAIM._replace(id=number), b"a@b.example", b"c@d.example", (b"x\r\n",), 3, "d.example")
            for number in range(count)
        ]
        self.intended: Counter[int] = Counter()
        self.fates: dict[int, list[str]] = {}

    def take(self) -> Parcel | None:
        return self.waiting.pop(0) if self.waiting else None

    def commit(self, answered: list[tuple[Parcel, Stage, Reply]], starting: Parcel | None) -> bool:
        for parcel, stage, reply in answered:
            self.fates.setdefault(parcel.claim.id, []).append(
                "sent" if stage is Stage.DOT and reply.is_positive else "refused"
            )
        if starting is not None:
            self.intended[starting.claim.id] += 1
        return True

    def hand_back(self, parcel: Parcel) -> None:
        self.fates.setdefault(parcel.claim.id, []).append("back")

    def mark_uncertain(self, parcel: Parcel, reason: str) -> None:
        self.fates.setdefault(parcel.claim.id, []).append("uncertain")


REPLIES = st.sampled_from(
    [
        Reply(250, "ok"),
        Reply(354, "go"),
        Reply(450, "later"),
        Reply(550, "no"),
        Reply(421, "bye"),
        Reply(503, "bad"),
        Reply(221, "bye"),
    ]
)


@given(st.booleans(), st.lists(st.lists(REPLIES, min_size=1, max_size=5), max_size=30), st.booleans())
def test_whatever_the_server_says_each_parcel_has_one_fate(
    pipelining: bool, rounds: list[list[Reply]], dot_left: bool
) -> None:
    clerk = Bookkeeper(6)
    written: list[bytes] = []
    dialogue = Dialogue(
        Features(pipelining=pipelining), clerk, lambda pieces: written.append(b"".join(pieces)), limit=4
    )
    dialogue.wake()
    for replies in rounds:
        if not dialogue.is_open:
            break
        try:
            dialogue.receive(replies)
        except ProtocolError:
            break
    dialogue.lose("gone", dot_left=dot_left)
    taken = set(range(6)) - {parcel.claim.id for parcel in clerk.waiting}
    assert set(clerk.fates) == taken
    assert all(len(fates) == 1 for fates in clerk.fates.values())
    for number, (fate,) in clerk.fates.items():
        if fate in ("sent", "uncertain"):
            assert clerk.intended[number] == 1  # nothing counts as sent whose intent was not durable
    assert sum(data.count(b"x\r\n.\r\n") for data in written) <= sum(clerk.intended.values())


MANGLINGS = (b"", b"250 ok\r\n", b"250 ok\r\n250 again\r\n", b"999 what\r\n", b"\x00\xff\xfe\r\n", b"250-open", b"421 bye\r\n", b"354 go on\r\n", b"550 5.1.1 no\r\n", b"451 4.3.0 hm\r\n", b"2" * 9000, CLOSE, HALF_CLOSE)  # fmt: skip


@pytest.mark.parametrize("seed_number", range(4))
def test_a_fuzzing_server_never_makes_the_engine_lose_count(runner: Runner, seed_number: int) -> None:
    """Every tenth answer is mangled. What the server acknowledged with one clean 250 is never sent again."""
    chance = random.Random(seed_number)
    ids = seed(runner.database, 40)

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        return chance.choice(MANGLINGS) if chance.random() < 0.1 else None

    with KeepingServer(script) as server:
        runner.run(a_relay(server.port, connections=4), seconds=2.0, until=lambda tally: tally.handled >= 40)
        server.script = lambda session, verb, argument: None
        runner.clock.seconds += 7200
        runner.run(a_relay(server.port, connections=4), seconds=8.0)
        received = Counter(server.recipients)
    found = states(runner.database)
    assert set(found.values()) <= {"sent", "failed", "uncertain"}
    sure = [f"reader{number}@example.com" for number, key in enumerate(ids) if found[key] == "sent"]
    assert len(sure) >= 10
    assert all(received[address] <= 1 for address in received)
