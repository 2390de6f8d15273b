"""No bytes make a traceback, and none keep the machine busy."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.bounces import phrasebook, plain, report, signs
from newsletter.bounces.classify import classify_mail
from newsletter.bounces.verdict import Kind
from newsletter.bounces.wording import fold

HEADERS = st.sampled_from(
    [
        b"From: MAILER-DAEMON@x.example", b"From: \xff\xfe\xe9@\x80", b"Return-Path: <>", b"Subject: Undelivered Mail",
        b"Subject: =?utf-8?b?4pyT?=", b"Subject: =?nonsense?q?=ff?=", b"Content-Type: multipart/report; boundary=B",
        b"Content-Type: multipart/report; report-type*0=delivery; boundary*=x''B", b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=none", b"Content-Transfer-Encoding: base64", b"X-Failed-Recipients: a@b.c, ,@",
        b"Content-Transfer-Encoding: \xe9", b"Auto-Submitted: auto-replied", b"To: bounces+1-2-3-4-x@y.z", b"no header at all",
    ]
)  # fmt: skip
BODY = st.lists(
    st.sampled_from(
        [
            b"", b"--B", b"--B--", b"Content-Type: message/delivery-status", b"Content-Type: message/feedback-report",
            b"Content-Type: message/rfc822", b"Final-Recipient: rfc822; a@b.example", b"Final-Recipient:", b"Action: failed",
            b"Action: delayed", b"Status: 5.1.1", b"Status: 99999999999999.1.1", b"Diagnostic-Code: smtp; 550 user unknown",
            b"<a@b.example>: 550 5.1.1 user unknown", b"Feedback-Type: abuse", b"Original-Rcpt-To: <>", b" folded \xff",
            b"--- Below this line is a copy of the message.", b"\x00\x01", b"=?utf-8?q?=?=", b"begin 644 x",
        ]
    )
    | st.binary(max_size=40),
    max_size=25,
)  # fmt: skip


@given(st.binary(max_size=400))
def test_any_bytes_are_classified(data: bytes) -> None:
    assert classify_mail(data).kind in Kind


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HEADERS, max_size=8), BODY)
def test_mails_in_pieces_are_classified(headers: list[bytes], body: list[bytes]) -> None:
    found = classify_mail(b"\r\n".join([*headers, b"", *body]))
    assert found.kind in Kind
    assert all("@" in address and "\n" not in address for address in found.recipients)


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: multipart/mixed; boundary=B\n\n" + b"--B\nContent-Type: multipart/mixed; boundary=B\n\n" * 3000,
        b"Content-Type: message/rfc822\n\n" * 3000,
        b"From: x@y.z\nSubject: " + b"=?utf-8?q?" * 20_000,
        b"From: x@y.z\nSubject: " + b"=?utf-8?q?a?= " * 200_000,
        b"X-A: b\n" * 400_000,
        b"From: mailer-daemon@x.y\nSubject: undelivered\n\n" + b"<" * 200_000,
        b"From: mailer-daemon@x.y\nSubject: undelivered\n\n" + b"a@" * 100_000,
        b"From: mailer-daemon@x.y\nSubject: undelivered\n\n" + b"user is unknown to: " * 20_000,
        b"From: mailer-daemon@x.y\nSubject: undelivered\n\n" + b" \t" * 300_000 + b"x@y.z",
        b"From: mailer-daemon@x.y\nSubject: undelivered\n\n" + b"550 5.1.1 <a@b.example> no\n" * 20_000,
        b"Content-Type: text/html\nFrom: mailer-daemon@x.y\nSubject: undelivered\n\n" + b"<a " * 100_000,
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_floods_are_classified(data: bytes) -> None:
    assert classify_mail(data).kind in Kind


PATTERNS = [
    *(pattern for _, pattern in phrasebook.PHRASES),
    *(value for module in (plain, report, signs) for value in vars(module).values() if isinstance(value, re.Pattern)),
    *plain._FORMS,
]


@pytest.mark.parametrize(
    "piece",
    ["a ", "user ", "the mailbox is ", "@ ", "not found ", "unknown ", "from host ", "5.1.1 ", " ", "quota ", ": "],
)
def test_repeated_words_do_not_blow_up_a_pattern(piece: str) -> None:
    text = fold(piece * 1500)
    for pattern in PATTERNS:
        pattern.search(text)


@pytest.mark.parametrize("name", ["english.txt", "other_languages.txt", "mails.txt"])
def test_every_phrase_compiles_alone_and_none_matches_nothing(name: str) -> None:
    for section, patterns in phrasebook.read_phrases(name).items():
        for pattern in patterns:
            alone = pattern.replace("{who}", "user").replace("{box}", "mailbox")
            assert not re.compile(alone).search("hello"), (section, pattern)


def test_every_section_of_phrases_is_a_reason_that_is_tried() -> None:
    names = {
        name.rstrip("!") for file in ("english.txt", "other_languages.txt") for name in phrasebook.read_phrases(file)
    }
    assert names - {"who", "box", "weak", "paused", "ours"} <= {reason.value for reason, _ in phrasebook.PHRASES}
