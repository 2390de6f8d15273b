"""Replies of real servers, in words and codes: what they say about the recipient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.bounces.reasons import classify_reply
from newsletter.bounces.verdict import Reason, Severity


@pytest.mark.parametrize(
    ("code", "status", "text", "reason"),
    [
        (550, "5.1.1", "<u@d.example>: Recipient address rejected: User unknown", Reason.UNKNOWN_USER),
        (550, "5.7.1", "user unknown", Reason.UNKNOWN_USER),
        (550, "", "Requested action not taken: mailbox unavailable", Reason.UNKNOWN_USER),
        (550, "", "Benutzer unbekannt", Reason.UNKNOWN_USER),
        (
            550,
            "5.1.10",
            "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            Reason.UNKNOWN_USER,
        ),
        (550, "5.4.1", "Recipient address rejected: Access denied", Reason.UNKNOWN_USER),
        (0, "5.4.4", "Host or domain name not found. Name service error: Host not found", Reason.UNKNOWN_DOMAIN),
        (550, "5.2.1", "The email account that you tried to reach is disabled", Reason.MAILBOX_DISABLED),
        (554, "", "This account is suspended", Reason.MAILBOX_DISABLED),
        (550, "5.0.0", "mailbox kim@example.net has been blocked due to long inactivity", Reason.MAILBOX_DISABLED),
        (550, "", "kim@example.net...User unknown", Reason.UNKNOWN_USER),
        (550, "", "we don't handle mail: unknown email address", Reason.UNKNOWN_USER),
    ],
)
def test_a_recipient_that_is_gone_is_hard(code: int, status: str, text: str, reason: Reason) -> None:
    verdict = classify_reply(code, status, text)
    assert (verdict.severity, verdict.reason) == (Severity.HARD, reason)


@pytest.mark.parametrize(
    ("code", "status", "text", "severity"),
    [
        (550, "5.1.1", "mailbox full", Severity.SOFT),
        (550, "5.2.2", "buzón lleno", Severity.SOFT),
        (450, "4.1.1", "user unknown", Severity.SOFT),
        (451, "", "Greylisted, please try again in 300 seconds", Severity.SOFT),
        (0, "4.4.3", "Host not found, try again", Severity.SOFT),
        (550, "", "blocked using spamhaus", Severity.SENDER),
        (550, "5.1.1", "blocked by https://www.spamhaus.org/query/ip/192.0.2.1", Severity.SENDER),
        (550, "5.1.0", "<me@x.example>: Sender address rejected: Domain not found", Severity.SENDER),
        (550, "5.7.26", "This mail has been blocked because the sender is unauthenticated", Severity.SENDER),
        (550, "", "Sender verify failed: no such user", Severity.SENDER),
        (554, "5.7.1", "Relay access denied", Severity.SENDER),
        (550, "", "Your account has been suspended, sender rejected", Severity.SENDER),
        (550, "", "This mailbox is temporarily suspended", Severity.SOFT),
        (450, "", "account suspended", Severity.SOFT),
        (550, "", "The recipient has been blocked by policy", Severity.SENDER),
        (550, "", "", Severity.SOFT),
        (554, "5.0.0", "Hm.", Severity.SOFT),
    ],
)
def test_what_is_not_the_recipients_end_is_never_hard(code: int, status: str, text: str, severity: Severity) -> None:
    assert classify_reply(code, status, text).severity is severity


def test_a_name_that_sounds_like_a_cause_is_not_one() -> None:
    verdict = classify_reply(
        550, "5.1.1", "mx.antispam.example.com said: full.spam@blacklist.example.org: User unknown"
    )
    assert verdict.reason is Reason.UNKNOWN_USER


def test_a_refused_mail_from_is_about_the_sender_and_a_transcript_that_goes_on_is_not() -> None:
    refused = "SMTP error from remote mail server after MAIL FROM:<me@x.example>: 550 5.1.1 user unknown"
    transcript = ">>> MAIL From:<me@x.example>\n<<< 250 ok\n>>> RCPT To:<kim@y.example>\n<<< 550 5.1.1 user unknown"
    assert classify_reply(0, "", refused).reason is Reason.SENDER_REFUSED
    assert classify_reply(0, "", transcript).severity is Severity.HARD


@given(st.integers(0, 999), st.text(max_size=12), st.text(max_size=300))
def test_no_text_breaks_it_and_no_4xx_is_hard(code: int, status: str, text: str) -> None:
    verdict = classify_reply(code, status, text)
    assert not (400 <= code < 500 and verdict.hard)
