"""What replies mean: a table, and the retry schedule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.fate import Fate, judge
from newsletter.delivery.retry import DELAYS, retry_at
from newsletter.delivery.smtp.reply import Reply, Stage

HOUR = 3600


@pytest.mark.parametrize(
    ("stage", "reply", "fate", "alert"),
    [
        (Stage.DOT, "250 2.0.0 queued", Fate.SENT, False),
        (Stage.DOT, "451 4.3.0 try later", Fate.RETRY, False),
        (Stage.DOT, "554 5.6.0 bad content", Fate.FAILED, True),
        (Stage.DOT, "421 4.3.2 closing", Fate.RELAY, False),
        (Stage.RCPT, "450 4.7.1 greylisted", Fate.RETRY, False),
        (Stage.RCPT, "452 4.5.3 too many recipients", Fate.RETRY, False),
        (Stage.RCPT, "552 too many recipients", Fate.RETRY, False),
        (Stage.RCPT, "552 5.2.2 mailbox full", Fate.FAILED, False),
        (Stage.RCPT, "550 5.1.1 unknown", Fate.FAILED, False),
        (Stage.RCPT, "550 5.7.26 unauthenticated", Fate.DOMAIN, True),
        (Stage.RCPT, "550 5.7.1 blocked", Fate.DOMAIN, True),
        (Stage.DOT, "550 5.7.515 access denied", Fate.DOMAIN, True),
        (Stage.DOT, "450 4.7.28 too fast", Fate.DOMAIN, False),
        (Stage.DOT, "421 4.7.28 too fast", Fate.DOMAIN, False),
        (Stage.RCPT, "554 5.7.1 Relay access denied", Fate.RELAY, True),
        (Stage.RCPT, "530 5.7.0 authentication required", Fate.RELAY, True),
        (Stage.RCPT, "503 5.5.1 need MAIL", Fate.RELAY, True),
        (Stage.MAIL, "451 4.3.0 busy", Fate.RELAY, False),
        (Stage.MAIL, "550 5.7.1 sender refused", Fate.RELAY, True),
        (Stage.MAIL, "552 5.3.4 too big", Fate.FAILED, False),
        (Stage.AUTH, "535 5.7.8 wrong password", Fate.RELAY, True),
        (Stage.AUTH, "454 4.7.0 try later", Fate.RELAY, True),
        (Stage.TLS, "554 certificate expired", Fate.RELAY, True),
        (Stage.GREETING, "554 no service", Fate.RELAY, True),
        (Stage.GREETING, "421 busy", Fate.RELAY, False),
        (Stage.EHLO, "451 later", Fate.RELAY, False),
        (Stage.CONNECT, "0 refused", Fate.RELAY, False),
    ],
)
def test_a_reply_has_one_meaning(stage: Stage, reply: str, fate: Fate, alert: bool) -> None:
    code, _, text = reply.partition(" ")
    verdict = judge(stage, Reply(int(code), text))
    assert (verdict.fate, verdict.alert) == (fate, alert)


def test_a_filter_that_refuses_three_times_has_the_last_word() -> None:
    assert judge(Stage.RCPT, Reply(550, "5.7.1 blocked"), attempts=2).fate is Fate.FAILED
    assert judge(Stage.RCPT, Reply(550, "5.7.26 unauthenticated"), attempts=9).fate is Fate.DOMAIN


@given(st.sampled_from(list(Stage)), st.integers(200, 599), st.text(max_size=80), st.integers(0, 50))
def test_every_reply_has_a_meaning_and_only_a_2xx_to_the_final_dot_means_sent(
    stage: Stage, code: int, text: str, attempts: int
) -> None:
    verdict = judge(stage, Reply(code, text), attempts)
    assert (verdict.fate is Fate.SENT) == (stage is Stage.DOT and 200 <= code < 300)


def test_a_status_that_contradicts_its_code_is_not_believed() -> None:
    assert Reply(250, "5.1.1 what").status == ""
    assert Reply(550, "5.1.1 unknown").status == "5.1.1"
    assert Reply(550, "5.1.1000").status == ""


@given(st.integers(1, 2**62), st.integers(1, 40))
def test_retries_follow_the_schedule_within_a_fifth(delivery: int, attempts: int) -> None:
    moment = retry_at(delivery, attempts, 1000, 10**9)
    assert moment is not None
    delay = DELAYS[min(attempts, len(DELAYS)) - 1]
    assert 0.8 * delay - 1 <= moment - 1000 <= 1.2 * delay + 1
    assert retry_at(delivery, attempts, 1000, 10**9) == moment


def test_retrying_ends_when_the_time_is_up() -> None:
    assert retry_at(1, 1, 1000, 1100) is None
