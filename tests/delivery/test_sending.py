"""What goes over the wire, and what is written down, with a server that behaves."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from newsletter.delivery.outbox import outbox_of
from newsletter.delivery.smtp.dialogue import Dialogue, Features
from newsletter.delivery.smtp.reply import Reply
from newsletter.message.keys import address_hash
from newsletter.store.database import Database
from tests.delivery.conftest import Runner
from tests.delivery.servers import KeepingServer, smtp_sink
from tests.delivery.test_hostile import Bookkeeper
from tests.delivery.world import NOW, RING, a_relay, an_email, row, run_sql, scalars, seed, states


@pytest.mark.parametrize("extensions", [("PIPELINING", "SIZE 0", "8BITMIME"), ("8BITMIME",), ()])
def test_each_reader_gets_the_page_once(runner: Runner, extensions: tuple[str, ...]) -> None:
    ids = seed(runner.database, 25)
    with KeepingServer(extensions=extensions) as server:
        tally = runner.run(a_relay(server.port))
    assert tally.sent == 25
    assert sorted(server.recipients) == sorted(f"reader{number}@example.com" for number in range(25))
    assert set(states(runner.database).values()) == {"sent"}
    first = row(runner.database, ids[0])
    assert (first["reply_code"], first["reply"], first["relay"]) == (250, "2.0.0 kept", "main")
    assert (first["attempts"], first["finished_at"], first["worker"]) == (1, NOW, None)


def test_an_independent_parser_reads_what_was_sent(runner: Runner) -> None:
    seed(runner.database, 1)
    with KeepingServer() as server:
        runner.run(a_relay(server.port))
    message = email.message_from_bytes(server.kept[0].data, policy=email.policy.default)
    assert message["to"] == "Reader0 <reader0@example.com>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    text = message.get_body(("plain",))
    assert text is not None and ".a line that starts with a dot" in text.get_content()
    assert server.kept[0].sender.startswith("bounces+") and server.kept[0].sender.endswith("@news.example.org")


def test_pipelining_overlaps_the_next_envelope_with_the_last_dot() -> None:
    """One write holds body, final dot, MAIL, RCPT and DATA of the next message."""
    clerk = Bookkeeper(2)
    written: list[bytes] = []
    dialogue = Dialogue(Features(pipelining=True), clerk, lambda pieces: written.append(b"".join(pieces)))
    dialogue.wake()
    dialogue.receive([Reply(250), Reply(250), Reply(354)])
    envelope = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
    assert written == [envelope, b"x\r\n.\r\n" + envelope]
    dialogue.receive([Reply(250), Reply(250), Reply(250), Reply(354)])
    assert clerk.fates == {0: ["sent"]} and clerk.intended == {0: 1, 1: 1}


def test_without_pipelining_each_command_waits_for_its_reply() -> None:
    clerk = Bookkeeper(2)
    written: list[bytes] = []
    dialogue = Dialogue(Features(), clerk, lambda pieces: written.append(b"".join(pieces)))
    dialogue.wake()
    for code in (250, 250, 354, 250, 550):
        dialogue.receive([Reply(code)])
    verbs = [data.split(b" ")[0].split(b"\r")[0] for data in written]
    assert verbs == [b"MAIL", b"RCPT", b"DATA", b"x", b"MAIL"]


def test_a_connection_is_renewed_after_so_many_messages(runner: Runner) -> None:
    seed(runner.database, 10)
    with KeepingServer() as server:
        runner.run(a_relay(server.port, connections=1, messages_per_connection=4))
    assert [session.messages for session in server.sessions] == [4, 4, 2]


def test_a_thousand_go_through_smtp_sink(runner: Runner) -> None:
    seed(runner.database, 1000)
    with smtp_sink() as port:
        tally = runner.run(a_relay(port, connections=8))
    assert tally.sent == 1000
    assert scalars(runner.database, "SELECT sum(sent) FROM traffic") == [1000]


def test_limit_stops_after_so_many(runner: Runner) -> None:
    seed(runner.database, 30)
    with KeepingServer() as server:
        tally = runner.run(a_relay(server.port), limit=7)
    assert tally.sent == 7 and len(server.kept) == 7
    assert sorted(states(runner.database).values()) == ["due"] * 23 + ["sent"] * 7


def test_the_suppressed_and_the_pending_are_never_mailed(runner: Runner) -> None:
    seed(runner.database, 5)
    run_sql(
        runner.database,
        "INSERT INTO suppression (address_hash, scope, reason, at) VALUES (:hash, '', 'complained', 0)",
        hash=address_hash(RING, "reader0@example.com"),
    )
    run_sql(
        runner.database,
        "INSERT INTO suppression (address_hash, scope, reason, at) VALUES (:hash, 'unions', 'unsubscribed', 0)",
        hash=address_hash(RING, "reader1@example.com"),
    )
    run_sql(
        runner.database,
        "INSERT INTO suppression (address_hash, scope, reason, at) VALUES (:hash, 'captains', 'unsubscribed', 0)",
        hash=address_hash(RING, "reader2@example.com"),
    )
    run_sql(runner.database, "UPDATE subscriber SET state = 'pending' WHERE address = 'reader3@example.com'")
    with KeepingServer() as server:
        runner.run(a_relay(server.port))
    assert sorted(server.recipients) == ["reader2@example.com", "reader4@example.com"]
    assert sorted(states(runner.database).values()) == ["sent"] * 2 + ["suppressed"] * 3


@pytest.mark.parametrize("state", ["paused", "cancelled", "unapproved"])
def test_a_campaign_that_is_not_running_sends_nothing(runner: Runner, state: str) -> None:
    seed(runner.database, 5)
    run_sql(runner.database, "UPDATE campaign SET state = :state", state=state)
    with KeepingServer() as server:
        runner.run(a_relay(server.port))
    assert not server.kept and set(states(runner.database).values()) == {"due"}


def test_a_page_that_can_not_be_merged_blames_no_subscriber(runner: Runner) -> None:
    seed(runner.database, 2, email=an_email(subject="About {{ company }}"))
    run_sql(
        runner.database, "UPDATE subscriber SET attributes = '{\"company\": \"Acme\"}' WHERE address LIKE 'reader0%'"
    )
    with KeepingServer() as server:
        tally = runner.run(a_relay(server.port))
    assert (tally.sent, tally.failed) == (1, 1)
    assert scalars(runner.database, "SELECT count(*) FROM bounce") == [0]
    assert "company" in str(scalars(runner.database, "SELECT message FROM alert")[0])


def test_an_outbox_folder_keeps_each_message_as_an_eml_file(runner: Runner, tmp_path: Path) -> None:
    seed(runner.database, 3)
    tally = runner.run(outbox=outbox_of(str(tmp_path / "out")))
    files = sorted((tmp_path / "out").glob("*.eml"))
    assert tally.sent == 3 and len(files) == 3
    message = email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None and "\n.a line" in body.get_content()


def test_an_outbox_can_be_a_maildir(runner: Runner, tmp_path: Path) -> None:
    import mailbox

    seed(runner.database, 3)
    runner.run(outbox=outbox_of(f"maildir:{tmp_path / 'mail'}"))
    assert len(mailbox.Maildir(tmp_path / "mail", create=False)) == 3


def test_postgresql_sends_the_same(postgresql_database: Database, tmp_path: Path) -> None:
    runner = Runner(postgresql_database, tmp_path)
    seed(postgresql_database, 120)
    with KeepingServer() as server:
        tally = runner.run(a_relay(server.port))
    assert tally.sent == 120 and len(set(server.recipients)) == 120
    assert set(states(postgresql_database).values()) == {"sent"}
    assert scalars(postgresql_database, "SELECT count(*) FROM lease") == [0]
