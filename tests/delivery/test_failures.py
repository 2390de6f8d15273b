"""Relays that refuse, hang, break and lie: each has its outcome, and no message is lost or doubled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.config import RelaySettings
from tests.delivery.conftest import Runner
from tests.delivery.servers import CLOSE, HALF_CLOSE, HANG, KeepingServer, Session, free_port, once
from tests.delivery.world import NOW, a_relay, row, run_sql, scalars, seed, states


def always(verb: str, answer: bytes):  # type: ignore[no-untyped-def]
    return lambda session, asked, argument: answer if asked == verb else None


def test_a_temporary_refusal_is_due_again_in_five_minutes_or_so(runner: Runner) -> None:
    ids = seed(runner.database, 1)
    with KeepingServer(always("RCPT", b"450 4.2.0 greylisted, come back\r\n")) as server:
        tally = runner.run(a_relay(server.port))
        assert tally.deferred == 1 and not server.kept
        first = row(runner.database, ids[0])
        assert first["state"] == "due" and first["attempts"] == 1 and first["reply_code"] == 450
        assert NOW + 240 <= first["due_at"] <= NOW + 360  # type: ignore[operator]
        assert first["give_up_at"] == NOW + 72 * 3600
    runner.clock.seconds = int(first["due_at"]) + 1  # type: ignore[call-overload]
    with KeepingServer() as server:
        runner.run(a_relay(server.port))
    assert server.recipients == ["reader0@example.com"]
    assert row(runner.database, ids[0])["attempts"] == 2


def test_after_three_days_of_temporary_refusals_a_delivery_fails(runner: Runner) -> None:
    ids = seed(runner.database, 1)
    run_sql(runner.database, "UPDATE delivery SET attempts = 20, give_up_at = :at", at=NOW + 60)
    with KeepingServer(always("RCPT", b"450 4.2.0 not now\r\n")) as server:
        runner.run(a_relay(server.port))
    assert row(runner.database, ids[0])["state"] == "failed"
    assert scalars(runner.database, "SELECT severity FROM bounce") == ["soft"]


@pytest.mark.parametrize(
    ("answer", "severity", "suppressed"),
    [
        (b"550 5.1.1 no such user\r\n", "hard", 1),
        (b"550 no such user here\r\n", "hard", 1),
        (b"556 domain takes no mail\r\n", "hard", 1),
        (b"552 5.2.2 mailbox full\r\n", "soft", 0),
        (b"550 go away\r\n", "soft", 0),
    ],
)
def test_a_permanent_refusal_goes_the_way_of_a_bounce(
    runner: Runner, answer: bytes, severity: str, suppressed: int
) -> None:
    ids = seed(runner.database, 2)
    with KeepingServer(once("RCPT", answer)) as server:
        tally = runner.run(a_relay(server.port, connections=1))
    assert (tally.sent, tally.failed) == (1, 1) and len(server.kept) == 1
    assert sorted(states(runner.database).values()) == ["failed", "sent"]
    assert scalars(runner.database, "SELECT severity FROM bounce") == [severity]
    assert scalars(runner.database, "SELECT delivery_id FROM bounce") == [ids[0]]
    assert scalars(runner.database, "SELECT count(*) FROM suppression WHERE reason = 'bounced'") == [suppressed]


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_a_refusal_in_the_middle_concerns_only_its_message(
    runner: Runner, verb: str, extensions: tuple[str, ...]
) -> None:
    ids = seed(runner.database, 6)
    count = [0]

    def script(session: Session, asked: str, argument: str) -> bytes | None:
        if asked == verb:
            count[0] += 1
            if count[0] == 3:
                return b"550 5.1.1 no\r\n"
        return None

    with KeepingServer(script, extensions=extensions) as server:
        runner.run(a_relay(server.port, connections=1))
    assert states(runner.database) == {key: "failed" if key == ids[2] else "sent" for key in ids}
    assert server.recipients == [f"reader{number}@example.com" for number in (0, 1, 3, 4, 5)]


def test_data_accepted_although_the_recipient_was_refused_is_ended_by_a_lone_dot(runner: Runner) -> None:
    """RFC 2920 §3.1: the body of a refused recipient must not go anywhere."""
    ids = seed(runner.database, 3)
    refused: list[str] = []

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        if verb == "RCPT" and "reader1" in argument:
            refused.append(argument)
            return b"550 5.1.1 unknown\r\n"
        if verb == "DATA" and not session.recipient:
            return b"354 go on all the same\r\n"
        return None

    with KeepingServer(script) as server:
        runner.run(a_relay(server.port, connections=1))
    assert states(runner.database) == {ids[0]: "sent", ids[1]: "failed", ids[2]: "sent"}
    assert server.recipients == ["reader0@example.com", "reader2@example.com"]


@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "RCPT", "DATA", "."])
def test_421_anywhere_sends_nothing_and_loses_nothing(runner: Runner, verb: str) -> None:
    seed(runner.database, 4)
    with KeepingServer(once(verb, b"421 4.3.2 shutting down\r\n")) as server:
        runner.run(a_relay(server.port, connections=1), seconds=0.6)
        deferred = [key for key, state in states(runner.database).items() if state == "due"]
        runner.clock.seconds += 3600
        runner.run(a_relay(server.port, connections=1))
    assert len(deferred) >= 1
    assert sorted(server.recipients) == [f"reader{number}@example.com" for number in range(4)]
    assert set(states(runner.database).values()) == {"sent"}


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        *[(verb, CLOSE) for verb in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY")],
        *[(verb, HALF_CLOSE) for verb in ("EHLO", "DATA", "BODY")],
    ],
)
def test_a_relay_that_breaks_before_the_final_dot_is_tried_again(runner: Runner, verb: str, answer: bytes) -> None:
    """Nothing is uncertain: the server can't have taken the message. Only a small message's body may be past us."""
    seed(runner.database, 3)
    with KeepingServer(once(verb, answer)) as server:
        tally = runner.run(a_relay(server.port, connections=1), seconds=8.0, until=lambda tally: tally.handled >= 3)
    if verb == "BODY":  # the dot had left our side when the connection broke: nobody can know
        assert tally.uncertain == 1 and len(server.kept) == 2
    else:
        assert tally.sent == 3 and tally.uncertain == 0
        assert sorted(server.recipients) == [f"reader{number}@example.com" for number in range(3)]


@pytest.mark.parametrize(
    "answer", [CLOSE, HANG, HALF_CLOSE, b"garbage without a code\r\n", b"999 what\r\n", b"1" * 5000, b"354 go on\r\n"]
)
@pytest.mark.parametrize("keep_anyway", [True, False])
def test_a_reply_that_never_comes_leaves_the_delivery_uncertain_and_held(
    runner: Runner, answer: bytes, keep_anyway: bool
) -> None:
    ids = seed(runner.database, 3)
    with KeepingServer(once(".", answer), keep_anyway=keep_anyway) as server:
        tally = runner.run(a_relay(server.port, connections=1), seconds=8.0, until=lambda tally: tally.handled >= 3)
        runner.clock.seconds += 7200
        runner.run(a_relay(server.port, connections=1))  # held: not sent again
    assert (tally.sent, tally.uncertain) == (2, 1)
    assert states(runner.database)[ids[0]] == "uncertain"
    assert server.recipients.count("reader0@example.com") == int(keep_anyway)
    assert str(row(runner.database, ids[0])["reply"]).startswith("uncertain: ")


def test_a_campaign_may_say_that_the_uncertain_is_sent_again_once_with_the_same_message_id(runner: Runner) -> None:
    ids = seed(runner.database, 1, policy="resend")
    with KeepingServer(always(".", CLOSE), keep_anyway=True) as server:
        runner.run(a_relay(server.port), seconds=5.0, until=lambda tally: tally.uncertain >= 1)
        assert row(runner.database, ids[0])["due_at"] == NOW + 15 * 60
        runner.clock.seconds += 16 * 60
        runner.run(a_relay(server.port), seconds=5.0, until=lambda tally: tally.uncertain >= 1)
    assert len(server.kept) == 2
    identities = {
        line for kept in server.kept for line in kept.data.split(b"\r\n") if line.lower().startswith(b"message-id")
    }
    assert len(identities) == 1
    assert states(runner.database)[ids[0]] == "uncertain"  # the second time it is held


def test_a_body_that_never_left_this_process_is_not_uncertain(runner: Runner) -> None:
    """A slow reader that breaks off: the final dot was still in our buffer."""
    from tests.delivery.world import an_email

    seed(runner.database, 1, email=an_email(size=8_000_000))

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        return HANG if verb == "BODY" and session.number == 0 else None

    with KeepingServer(script, extensions=("PIPELINING",), slow_reader=True) as server:
        tally = runner.run(a_relay(server.port, connections=1), seconds=9.0, until=lambda tally: tally.handled >= 1)
    assert (tally.sent, tally.uncertain) == (1, 0)
    assert len(server.kept) == 1


def test_a_relay_that_refuses_our_sender_rests_with_an_alert_and_blames_nobody(runner: Runner) -> None:
    seed(runner.database, 3)
    with KeepingServer(always("MAIL", b"550 5.7.1 sender not allowed\r\n")) as server:
        tally = runner.run(a_relay(server.port), seconds=1.0, until=lambda tally: False)
    assert tally.failed == 0 and set(states(runner.database).values()) == {"due"}
    assert scalars(runner.database, "SELECT subject FROM alert WHERE cleared_at IS NULL") == ["relay:main"]
    assert scalars(runner.database, "SELECT max(attempts) FROM delivery") == [0]


def test_a_refused_login_rests_the_relay_with_an_alert(runner: Runner) -> None:
    seed(runner.database, 3)
    with KeepingServer(always("AUTH", b"535 5.7.8 wrong password\r\n"), extensions=("AUTH PLAIN",)) as server:
        runner.run(a_relay(server.port, username="ann", password="secret"), seconds=1.0, until=lambda tally: False)
    assert set(states(runner.database).values()) == {"due"}
    assert "535" in str(scalars(runner.database, "SELECT message FROM alert")[0])
    assert "secret" not in runner.log.getvalue()


def test_a_sender_fault_rests_the_domain_and_other_domains_go_on(runner: Runner) -> None:
    from tests.delivery.world import an_email, due, subscribers

    email = an_email()
    with runner.database.transaction() as connection:
        from tests.delivery.world import a_campaign

        campaign = a_campaign(connection)
        people = subscribers(connection, ["a@strict.example", "b@strict.example", "c@kind.example", "d@kind.example"])
        due(connection, campaign, people, email)

    def script(session: Session, verb: str, argument: str) -> bytes | None:
        return b"550 5.7.26 unauthenticated mail\r\n" if verb == "RCPT" and "strict" in argument else None

    with KeepingServer(script) as server:
        runner.run(a_relay(server.port, connections=1))
    assert sorted(server.recipients) == ["c@kind.example", "d@kind.example"]
    assert sorted(states(runner.database).values()) == ["due", "due", "sent", "sent"]
    assert scalars(runner.database, "SELECT count(*) FROM bounce") == [0]
    assert scalars(runner.database, "SELECT subject FROM alert") == ["domain:strict.example"]
    assert min(scalars(runner.database, "SELECT due_at FROM delivery WHERE state = 'due'")) >= NOW + 3600  # type: ignore[type-var,operator]


def test_a_relay_that_is_down_is_waited_for(runner: Runner) -> None:
    seed(runner.database, 3)
    port = free_port()
    tally = runner.run(a_relay(port), seconds=1.0, until=lambda tally: False)
    assert tally.handled == 0 and set(states(runner.database).values()) == {"due"}


def test_another_relay_takes_over(runner: Runner) -> None:
    seed(runner.database, 30)
    with KeepingServer() as server:
        tally = runner.run(
            main=a_relay(free_port()),
            spare=a_relay(server.port, weight=0),
            seconds=5.0,
            until=lambda tally: tally.sent >= 30,
        )
    assert tally.sent == 30 and len(set(server.recipients)) == 30


def test_traffic_is_shared_by_weight(runner: Runner) -> None:
    seed(runner.database, 80)
    with KeepingServer() as one, KeepingServer() as other:
        runner.run(one=a_relay(one.port, weight=3), other=a_relay(other.port, weight=1))
    assert (len(one.kept), len(other.kept)) == (60, 20)


def test_a_campaign_keeps_to_its_own_relay(runner: Runner) -> None:
    seed(runner.database, 10)
    run_sql(runner.database, "UPDATE campaign SET relay = 'other'")
    with KeepingServer() as one, KeepingServer() as other:
        runner.run(one=a_relay(one.port), other=a_relay(other.port))
    assert (len(one.kept), len(other.kept)) == (0, 10)


@pytest.mark.parametrize(("extensions", "reason"), [(("SIZE 500",), "5.3.4"), (("PIPELINING",), "")])
def test_a_message_larger_than_the_relay_takes_is_not_attempted(
    runner: Runner, extensions: tuple[str, ...], reason: str
) -> None:
    ids = seed(runner.database, 1)
    with KeepingServer(extensions=extensions) as server:
        runner.run(a_relay(server.port))
    assert row(runner.database, ids[0])["state"] == ("failed" if reason else "sent")
    assert reason in str(row(runner.database, ids[0])["reply"])
    assert not reason or not any(command.startswith("MAIL") for command in server.sessions[0].commands)


def test_an_address_that_needs_smtputf8_fails_where_the_relay_has_none(runner: Runner) -> None:
    from tests.delivery.world import a_campaign, an_email, due, subscribers

    with runner.database.transaction() as connection:
        campaign = a_campaign(connection)
        due(connection, campaign, subscribers(connection, ["jörg@bücher.example", "ann@bücher.example"]), an_email())
    with KeepingServer(extensions=("8BITMIME",)) as server:
        runner.run(a_relay(server.port))
    assert server.recipients == ["ann@xn--bcher-kva.example"]
    assert sorted(states(runner.database).values()) == ["failed", "sent"]
    run_sql(runner.database, "UPDATE delivery SET state = 'due', finished_at = NULL WHERE state = 'failed'")
    run_sql(runner.database, "DELETE FROM suppression")
    with KeepingServer() as server:
        runner.run(a_relay(server.port))
    assert server.recipients == ["jörg@xn--bcher-kva.example"]
    assert "SMTPUTF8" in next(command for command in server.sessions[0].commands if command.startswith("MAIL"))


def test_connections_that_fail_together_are_one_failure(runner: Runner) -> None:
    """A relay that is gone for a moment is not left alone for minutes because eight connections noticed."""
    import threading
    import time

    seed(runner.database, 40)
    server = KeepingServer()
    server.port = free_port()

    def come_up() -> None:
        time.sleep(0.8)
        server.__enter__()

    starter = threading.Thread(target=come_up)
    starter.start()
    tally = runner.run(a_relay(server.port, connections=8), seconds=15.0, until=lambda tally: tally.sent >= 40)
    starter.join()
    server.__exit__()
    assert tally.sent == 40


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("size", [0, 300_000])
def test_under_tls_too_a_message_whose_reply_is_lost_is_never_sent_again(
    runner: Runner, security: str, size: int
) -> None:
    from tests.delivery.receivers import papers_in
    from tests.delivery.world import an_email

    papers = papers_in(runner.folder)
    seed(runner.database, 8, email=an_email(size=size))
    relay = RelaySettings("localhost", 0, security, ca_file=papers.ca_file, connections=2)  # type: ignore[arg-type]
    offers = ("PIPELINING", "STARTTLS") if security == "starttls" else ("PIPELINING",)
    with KeepingServer(
        always(".", CLOSE),
        keep_anyway=True,
        context=papers.context,
        implicit_tls=security == "tls",
        extensions=offers,
    ) as server:
        runner.run(replace(relay, port=server.port), seconds=6.0, until=lambda tally: tally.handled >= 3)
    assert server.kept and len(server.recipients) == len(set(server.recipients))
    counted = list(states(runner.database).values())
    assert counted.count("uncertain") >= len(server.kept) and "sent" not in counted
