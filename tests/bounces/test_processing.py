"""What follows from a mail in the bounce mailbox, on real databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from newsletter.bounces.policy import Consequence
from newsletter.errors import ServiceError
from newsletter.message.links import Purpose, Target
from newsletter.store.tables import alert, bounce, consent, subscriber
from newsletter.suppression import Reason
from tests.bounces.conftest import NOW, SENT, Mailed

Dsn = Callable[..., bytes]


def test_a_hard_bounce_suppresses_everywhere_at_once(mailed: Mailed, dsn: Dsn) -> None:
    processed = mailed.processor.process(dsn(mailed.envelope(mailed.deliver("one"))), NOW)
    assert processed.consequence is Consequence.SUPPRESSED
    (found,) = mailed.suppressions()
    assert (found.reason, found.scope, found.source) == (Reason.BOUNCED, "", "bounce: unknown-user 5.1.1")


def test_the_same_bounce_counts_once(mailed: Mailed, dsn: Dsn) -> None:
    data = dsn(mailed.envelope(mailed.deliver("one")), status="5.2.2", said="552 5.2.2 Over quota")
    assert mailed.processor.process(data, NOW).consequence is Consequence.COUNTED
    assert mailed.processor.process(data, NOW).consequence is Consequence.KNOWN
    assert len(mailed.rows(bounce)) == 1


def test_a_bounce_without_our_token_suppresses_nobody_and_is_kept(mailed: Mailed, dsn: Dsn) -> None:
    data = dsn("bounces@news.example.com")
    assert mailed.processor.process(data, NOW).consequence is Consequence.KEPT
    assert mailed.suppressions() == ()
    (kept,) = mailed.kept()
    assert kept.read_bytes() == data


@pytest.mark.parametrize("forge", ["cut", "changed", "purpose"])
def test_a_forged_token_suppresses_nobody(mailed: Mailed, dsn: Dsn, forge: str) -> None:
    number = mailed.deliver("one")
    envelope = mailed.envelope(number)
    forged = {
        "cut": envelope.replace("@", "x@"),
        "changed": envelope.replace(f"-{number:x}-", f"-{number + 1:x}-"),
        "purpose": f"bounces+{mailed.links.token(Purpose.VIEW, Target(mailed.subscriber_id, mailed.campaign_id, number))}@news.example.com",
    }[forge]
    assert mailed.processor.process(dsn(forged), NOW).consequence is Consequence.KEPT
    assert mailed.suppressions() == ()


def test_soft_bounces_of_five_days_over_three_mails_suppress(mailed: Mailed, dsn: Dsn) -> None:
    mails = [mailed.envelope(mailed.deliver(page)) for page in ("one", "two", "three")]
    results = []
    for day in range(5):
        data = dsn(mails[day % 3], status="5.2.2", said=f"552 5.2.2 Over quota, day {day}")
        results.append(mailed.processor.process(data, NOW + timedelta(days=7 * day)).consequence)
    assert results == [Consequence.COUNTED] * 4 + [Consequence.SUPPRESSED]


def test_many_soft_bounces_in_a_day_count_once(mailed: Mailed, dsn: Dsn) -> None:
    for number in range(12):
        data = dsn(mailed.envelope(mailed.deliver(f"page{number}")), status="5.2.2", said="552 5.2.2 Over quota")
        assert mailed.processor.process(data, NOW).consequence is Consequence.COUNTED
    assert mailed.suppressions() == ()


def test_five_soft_bounces_of_one_mail_do_not_suppress(mailed: Mailed, dsn: Dsn) -> None:
    envelope = mailed.envelope(mailed.deliver("one"))
    for day in range(6):
        mailed.processor.process(dsn(envelope, status="4.4.1", said=f"timed out {day}"), NOW + timedelta(days=day))
    assert mailed.suppressions() == ()


def test_a_long_quiet_time_starts_the_count_anew(mailed: Mailed, dsn: Dsn) -> None:
    for number in range(8):
        gap = 0 if number < 4 else 76
        data = dsn(mailed.envelope(mailed.deliver(f"p{number}")), status="5.2.2", said="552 5.2.2 Over quota")
        consequence = mailed.processor.process(data, NOW + timedelta(days=number + gap)).consequence
        assert consequence is Consequence.COUNTED
    assert mailed.suppressions() == ()


def test_our_own_fault_alerts_and_blames_nobody(mailed: Mailed, dsn: Dsn) -> None:
    data = dsn(mailed.envelope(mailed.deliver("one")), status="5.7.1", said="550 5.7.1 blocked using zen.spamhaus.org")
    assert mailed.processor.process(data, NOW).consequence is Consequence.ALERTED
    assert mailed.suppressions() == ()
    (row,) = mailed.rows(alert)
    assert row.subject == "domain:example.org"
    assert "reputation" in row.message


def test_a_delay_a_receipt_and_a_vacation_do_nothing(mailed: Mailed, dsn: Dsn) -> None:
    envelope = mailed.envelope(mailed.deliver("one"))
    vacation = f"To: {envelope}\nFrom: ann@example.org\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nI no longer work here.\n"
    for data in (
        dsn(envelope, action="delayed", status="4.4.1", said="timed out"),
        dsn(envelope, action="delivered", status="2.0.0", said="250 ok"),
        vacation.encode(),
    ):
        assert mailed.processor.process(data, NOW).consequence is Consequence.IGNORED
    assert mailed.suppressions() == ()
    assert mailed.rows(bounce) == []


def test_a_persons_answer_is_kept_for_a_person(mailed: Mailed) -> None:
    envelope = mailed.envelope(mailed.deliver("one"))
    data = f"To: {envelope}\nFrom: ann@example.org\nSubject: Re: Page one\n\nThank you, but the user was unknown to me.\n".encode()
    assert mailed.processor.process(data, NOW).consequence is Consequence.KEPT
    assert mailed.suppressions() == ()


def test_a_complaint_with_our_token_suppresses_everywhere(mailed: Mailed) -> None:
    envelope = mailed.envelope(mailed.deliver("one"))
    data = f"""\
To: {envelope}
From: fbl@provider.example
Subject: complaint
Content-Type: multipart/report; report-type=feedback-report; boundary=B

--B
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: X/1
Version: 1

--B
Content-Type: message/rfc822

To: redacted@example.org

--B--
"""
    assert mailed.processor.process(data.encode(), NOW).consequence is Consequence.SUPPRESSED
    assert mailed.suppressions()[0].reason is Reason.COMPLAINED


def test_a_bounce_of_an_address_since_changed_suppresses_nobody(mailed: Mailed, dsn: Dsn) -> None:
    envelope = mailed.envelope(mailed.deliver("one"))
    with mailed.database.transaction() as connection:
        connection.execute(subscriber.update().values(address="new@example.org", updated_at=SENT + 60))
    assert mailed.processor.process(dsn(envelope), NOW).consequence is Consequence.KEPT
    assert replace(mailed, address="new@example.org").suppressions() == ()


def test_a_mail_to_the_list_unsubscribe_address_unsubscribes_from_that_series(mailed: Mailed) -> None:
    target = Target(mailed.subscriber_id, mailed.campaign_id, mailed.deliver("one"))
    to = f"unsub+{mailed.links.token(Purpose.UNSUBSCRIBE, target)}@news.example.com"
    data = f"To: {to}\nFrom: Ann@example.org\nSubject: unsubscribe\n\n".encode()
    assert mailed.processor.process(data, NOW).consequence is Consequence.UNSUBSCRIBED
    assert mailed.processor.process(data, NOW).consequence is Consequence.KNOWN
    assert [(row.reason, row.scope) for row in mailed.suppressions()] == [(Reason.UNSUBSCRIBED, "unions")]
    assert [row.kind for row in mailed.rows(consent)] == ["withdrawn"]


def test_a_mail_that_can_not_be_kept_is_not_known_either(mailed: Mailed, dsn: Dsn) -> None:
    mailed.processor.folder.write_text("a file is in the way")
    with pytest.raises(ServiceError):
        mailed.processor.process(dsn("bounces@news.example.com"), NOW)
    assert mailed.rows(bounce) == []
