"""Moments that come once in a million messages, each made to happen: nothing is lost, sent twice or damaged."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import pytest
from sqlalchemy import event

from newsletter.delivery.ledger import Batch, Ledger
from newsletter.delivery.outbox import Outbox
from newsletter.delivery.packer import Built, Packer
from newsletter.delivery.send_one import NO_CLAIM
from newsletter.delivery.smtp.connection import Connection
from newsletter.delivery.smtp.dialogue import Features
from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.timeouts import Timeouts
from newsletter.errors import StoreError
from newsletter.store.deliveries import Claim
from tests.delivery.conftest import Runner
from tests.delivery.processes import slowly
from tests.delivery.servers import KeepingServer, Session, once
from tests.delivery.test_hostile import Bookkeeper
from tests.delivery.world import a_relay, run_sql, seed, states


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


def lose_the_answer(
    monkeypatch: pytest.MonkeyPatch, name: str, when: Callable[[object, object], bool]
) -> Callable[[], bool]:
    """What `Ledger.name` does is committed, then the connection breaks: the first time that `when` says so of its
    argument and its answer. Returns a question: did it happen?"""
    method = getattr(Ledger, name)
    broken: list[bool] = []

    def break_off(ledger: Ledger, argument: object) -> object:
        answer = method(ledger, argument)
        if not broken and when(argument, answer):
            broken.append(True)
            raise StoreError("the connection was lost")
        return answer

    monkeypatch.setattr(Ledger, name, break_off)
    return lambda: bool(broken)


def test_what_was_put_back_and_claimed_anew_is_not_put_back_again(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay rests, its queue goes back to the database, the answer to that is lost. Half a second later the batch is
    written again: by then the same deliveries may be on their way through the other relay."""
    ids = seed(runner.database, 60)

    def puts_back(batch: object, _: object) -> bool:
        return isinstance(batch, Batch) and any(not found.tried and not found.due_at for found in batch.outcomes)

    happened = lose_the_answer(monkeypatch, "_write_down", puts_back)

    def slowly(session: Session, verb: str, argument: str) -> None:
        if verb == ".":
            time.sleep(0.008)  # the strong relay asks for more before the batch is written again

    with KeepingServer(once("MAIL", b"421 4.3.2 closing\r\n")) as weak, KeepingServer(slowly) as strong:
        for _ in range(2):
            runner.run(strong=a_relay(strong.port, connections=1), weak=a_relay(weak.port, connections=1))
            runner.clock.seconds += 3600
        received = [*weak.recipients, *strong.recipients]
    assert happened() and len(received) == len(set(received)) == 60
    assert states(runner.database) == dict.fromkeys(ids, "sent")


def test_what_was_let_go_of_unheard_is_not_in_hand_twice(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign is paused while its mails are packed; they are due again, the answer to that is lost, and the
    campaign goes on: they are claimed although they are still in hand."""
    ids = seed(runner.database, 200)

    def resumed(_: object, refused: object) -> bool:
        if refused:
            run_sql(runner.database, "UPDATE campaign SET state = 'running'")
        return bool(refused)

    happened = lose_the_answer(monkeypatch, "refuse", resumed)
    build, builds = Packer.build, itertools.count()

    def build_and_pause(packer: Packer, claims: Sequence[Claim]) -> Built:
        if next(builds) == 0:
            run_sql(runner.database, "UPDATE campaign SET state = 'paused'")
        return build(packer, claims)

    monkeypatch.setattr(Packer, "build", build_and_pause)
    with KeepingServer(slowly) as server:
        runner.run(a_relay(server.port))
    assert happened() and len(server.recipients) == len(set(server.recipients)) == 200
    assert states(runner.database) == dict.fromkeys(ids, "sent")


@pytest.mark.parametrize("is_aborted", [False, True])
def test_stopping_while_the_database_is_away_puts_nothing_in_doubt(runner: Runner, is_aborted: bool) -> None:
    """What was claimed and not sent is due again, once the database answers or by the next run."""
    ids = seed(runner.database, 400)
    engine = runner.database.engine
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 100"))
    other = sqlite3.connect(str(engine.url.database), isolation_level=None, check_same_thread=False)
    back = threading.Timer(2.0, lambda: other.execute("ROLLBACK"))

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == "." and len(server.kept) == 20 and not other.in_transaction:
            other.execute("BEGIN EXCLUSIVE")
            back.start()
            for _ in range(1 + is_aborted):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
        return None

    with KeepingServer(script) as server:
        with pytest.raises(StoreError) if is_aborted else nullcontext():
            runner.run(a_relay(server.port, connections=1), seconds=20.0, until=lambda tally: False)
        back.join()
        found = Counter(states(runner.database).values())
        assert found["uncertain"] <= is_aborted and found["claimed"] <= (400 if is_aborted else 0)
        runner.run(a_relay(server.port))
        found = Counter(states(runner.database).values())
        assert found["sent"] + found["uncertain"] == len(ids) and found["uncertain"] <= is_aborted
    assert len(server.recipients) == len(set(server.recipients))
    other.close()


def test_a_database_that_goes_away_while_files_are_written_gets_every_outcome(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once when a group is claimed, once when its outcomes are written down: no delivery stays in our name."""
    ids = seed(runner.database, 250)
    outbox = Outbox(runner.folder / "out")
    claimed = lose_the_answer(monkeypatch, "claim", lambda _, found: bool(found))
    written = lose_the_answer(monkeypatch, "_write_down", lambda batch, _: bool(batch))
    tally = runner.run(outbox=outbox)
    assert claimed() and written() and tally.sent == 250
    assert states(runner.database) == dict.fromkeys(ids, "sent")
    assert len(list(outbox.folder.glob("*.eml"))) == 250


def test_who_leaves_while_a_slow_relay_thinks_about_the_mail_before_gets_none(runner: Runner) -> None:
    """Its first answer tells that it is slow; from then on nobody's mail is begun before the one before is taken."""
    seed(runner.database, 10)
    gone: list[int] = []

    def slow(session: Session, verb: str, argument: str) -> None:
        if verb == "." and len(server.kept) == 2:
            run_sql(
                runner.database,
                "INSERT INTO suppression (address_hash, scope, reason, at) "
                "SELECT address_hash, 'unions', 'unsubscribed', 0 FROM subscriber",
            )
            gone.append(len(server.kept) + 1)  # this one is on its way
        if verb == "." and len(server.kept) < 4:
            time.sleep(1.2)

    with KeepingServer(slow) as server:
        runner.run(a_relay(server.port, connections=1), timeouts=Timeouts())
    assert gone == [len(server.kept)] == [3]
    assert sorted(states(runner.database).values()) == ["sent"] * 3 + ["suppressed"] * 7


@pytest.mark.parametrize("files", [False, True], ids=["smtp", "files"])
def test_what_is_claimed_while_one_asks_whether_anything_is_left_still_goes(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, files: bool
) -> None:
    """`--until-idle`: nothing is due in the database, and nothing is in hand yet: the answer is on its way."""
    ids = seed(runner.database, 3)
    run_sql(runner.database, "UPDATE delivery SET due_at = due_at + 3600")
    claim, looks = Ledger.claim, [0]

    def slow_claim(ledger: Ledger, limit: int) -> list[Claim]:
        looks[0] += 1
        if looks[0] == 2:  # they come due just after it had looked in vain
            runner.clock.seconds += 7200
        claims = claim(ledger, limit)
        if looks[0] == 1 and runner.service and runner.service.engine:
            runner.service.engine.nudge()
        time.sleep(0.6 if claims else 0)
        return claims

    monkeypatch.setattr(Ledger, "claim", slow_claim)
    with KeepingServer() as server:
        tally = runner.run(
            *([] if files else [a_relay(server.port)]), outbox=Outbox(runner.folder / "out") if files else None
        )
    assert tally.sent == 3 and states(runner.database) == dict.fromkeys(ids, "sent")
