"""Providers' webhooks, signed as the providers sign them, against the real app."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

from newsletter.bounces.signatures import is_amazon_address
from newsletter.config import BounceSettings, Settings
from newsletter.store.database import Database
from newsletter.store.tables import alert, bounce
from newsletter.suppression import Reason
from newsletter.web import webhooks
from newsletter.web.webhooks import MAX_BODY, webhook_routes
from tests.bounces.conftest import NOW, Mailed

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
MAILGUN_KEY = "key-mailgun"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """What reaches the store is the same as in test_processing, which runs on both."""
    return sqlite_database


class FixedClock:
    def now(self) -> datetime:
        return NOW


class Client:
    """Speaks HTTP with the app."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="https://letters.example.com") as client:
                return await client.request(method, path, **options)  # type: ignore[arg-type]

        return asyncio.run(ask())

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.request("POST", path, **options)

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)


@pytest.fixture(scope="module")
def amazon() -> tuple[rsa.RSAPrivateKey, bytes]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return key, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def sendgrid() -> tuple[ec.EllipticCurvePrivateKey, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key, base64.b64encode(der).decode()


@pytest.fixture
def client(mailed: Mailed, amazon: tuple[rsa.RSAPrivateKey, bytes], sendgrid: tuple[object, str]) -> Client:
    secrets = BounceSettings(
        ses_topic=TOPIC, postmark_login="hook:secret", sendgrid_key=sendgrid[1], mailgun_key=MAILGUN_KEY
    )

    def fetch(url: str) -> bytes:
        assert url == CERTIFICATE_URL
        return amazon[1]

    routes = webhook_routes(Settings(bounces=secrets), mailed.database, mailed.ring, FixedClock(), fetch)
    return Client(Starlette(routes=routes))


Sign = Callable[..., dict[str, str]]


@pytest.fixture
def signed(amazon: tuple[rsa.RSAPrivateKey, bytes]) -> Sign:
    def sign(message: object, **changes: str) -> dict[str, str]:
        envelope = {
            "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": json.dumps(message),
            "Timestamp": "2026-11-22T11:59:00.000Z", "SignatureVersion": "2", "SigningCertURL": CERTIFICATE_URL, **changes,
        }  # fmt: skip
        names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
        signature = amazon[0].sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {**envelope, "Signature": base64.b64encode(signature).decode()}

    return sign


def ses_bounce(
    mailed: Mailed, kind: str = "Permanent", said: str = "smtp; 550 5.1.1 user unknown"
) -> dict[str, object]:
    return {
        "notificationType": "Bounce", "mail": {"source": mailed.envelope(mailed.deliver("one"))},
        "bounce": {
            "bounceType": kind, "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "ann@example.org", "status": "5.1.1", "diagnosticCode": said}],
        },
    }  # fmt: skip


def test_ses_a_signed_hard_bounce_suppresses_and_counts_once(client: Client, mailed: Mailed, signed: Sign) -> None:
    body = signed(ses_bounce(mailed))
    assert client.post("/hooks/ses", json=body).status_code == 200
    assert client.post("/hooks/ses", json=body).status_code == 200
    assert [row.reason for row in mailed.suppressions()] == [Reason.BOUNCED]
    assert len(mailed.rows(bounce)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"Signature": base64.b64encode(b"x" * 256).decode()},
        {"Signature": "not base64"},
        {"SignatureVersion": "3"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/x.pem"},
        {"Type": "Other"},
    ],
)
def test_ses_what_amazon_did_not_sign_is_refused(
    client: Client, mailed: Mailed, signed: Sign, change: dict[str, str]
) -> None:
    assert client.post("/hooks/ses", json={**signed(ses_bounce(mailed)), **change}).status_code == 403
    assert mailed.suppressions() == ()


def test_ses_another_topic_is_refused_though_amazon_signed_it(client: Client, mailed: Mailed, signed: Sign) -> None:
    body = signed(ses_bounce(mailed), TopicArn="arn:aws:sns:eu-west-1:666:evil")
    assert client.post("/hooks/ses", json=body).status_code == 403
    assert mailed.suppressions() == ()


def test_ses_a_subscription_is_left_to_the_operator(client: Client, mailed: Mailed, signed: Sign) -> None:
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    body = signed({}, Type="SubscriptionConfirmation", SubscribeURL=url, Token="t")
    assert client.post("/hooks/ses", json=body).status_code == 200
    (row,) = mailed.rows(alert)
    assert url in row.message


def test_ses_a_full_mailbox_is_not_hard_whatever_ses_calls_it(client: Client, mailed: Mailed, signed: Sign) -> None:
    body = signed(ses_bounce(mailed, said="smtp; 552 5.2.2 mailbox full"))
    assert client.post("/hooks/ses", json=body).status_code == 200
    assert mailed.suppressions() == ()


def postmark(kind: str) -> dict[str, object]:
    return {"RecordType": "Bounce", "ID": 42, "Type": kind, "Email": "ann@example.org", "Details": ""}


@pytest.mark.parametrize(
    ("kind", "is_hard"), [("HardBounce", True), ("SoftBounce", False), ("Blocked", False), ("AutoResponder", False)]
)
def test_postmark_with_its_login(client: Client, mailed: Mailed, kind: str, is_hard: bool) -> None:
    assert client.post("/hooks/postmark", json=postmark(kind), auth=("hook", "secret")).status_code == 200
    assert bool(mailed.suppressions()) is is_hard


def test_postmark_without_its_login_is_refused(client: Client, mailed: Mailed) -> None:
    assert client.post("/hooks/postmark", json=postmark("HardBounce")).status_code == 401
    assert client.post("/hooks/postmark", json=postmark("HardBounce"), auth=("hook", "wrong")).status_code == 401
    assert mailed.suppressions() == ()


def test_sendgrid_signed(client: Client, mailed: Mailed, sendgrid: tuple[ec.EllipticCurvePrivateKey, str]) -> None:
    events = [
        {"event": "delivered", "email": "ann@example.org", "sg_event_id": "1"},
        {"event": "spamreport", "email": "ann@example.org", "sg_event_id": "2"},
        {
            "event": "bounce",
            "type": "blocked",
            "email": "ann@example.org",
            "sg_event_id": "3",
            "reason": "550 5.7.1 spam",
        },
    ]
    body = json.dumps(events).encode()
    signature = base64.b64encode(sendgrid[0].sign(b"1795348800" + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": "1795348800",
    }
    assert client.post("/hooks/sendgrid", content=body + b" ", headers=headers).status_code == 403
    assert mailed.suppressions() == ()
    assert client.post("/hooks/sendgrid", content=body, headers=headers).status_code == 200
    assert [row.reason for row in mailed.suppressions()] == [Reason.COMPLAINED]


def mailgun(event: dict[str, object], at: datetime = NOW, key: str = MAILGUN_KEY) -> dict[str, object]:
    timestamp, token = str(int(at.timestamp())), "t" * 50
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event}


FAILED = {
    "event": "failed", "severity": "permanent", "recipient": "ann@example.org", "reason": "bounce",
    "delivery-status": {"code": 550, "message": "5.1.1 The email account that you tried to reach does not exist."},
}  # fmt: skip


def test_mailgun_signed(client: Client, mailed: Mailed) -> None:
    assert client.post("/hooks/mailgun", json=mailgun(FAILED, key="other")).status_code == 403
    assert client.post("/hooks/mailgun", json=mailgun(FAILED, at=NOW - timedelta(days=1))).status_code == 403
    assert mailed.suppressions() == ()
    assert client.post("/hooks/mailgun", json=mailgun(FAILED)).status_code == 200
    assert [row.reason for row in mailed.suppressions()] == [Reason.BOUNCED]


def test_mailgun_an_unsubscription_is_not_a_bounce(client: Client, mailed: Mailed) -> None:
    event = {"event": "unsubscribed", "recipient": "ann@example.org"}
    assert client.post("/hooks/mailgun", json=mailgun(event)).status_code == 200
    assert [row.reason for row in mailed.suppressions()] == [Reason.UNSUBSCRIBED]
    assert mailed.rows(bounce) == []


@pytest.mark.parametrize(
    "first",
    [{"event": "unsubscribed", "recipient": "nobody@example.org"}, {**FAILED, "recipient": "nobody@example.org"}],
)
@pytest.mark.parametrize("forged", [{"event": "unsubscribed", "recipient": "ann@example.org"}, FAILED])
def test_a_signature_of_mailgun_that_was_used_is_no_good_for_another_body(
    client: Client, mailed: Mailed, first: dict[str, object], forged: dict[str, object]
) -> None:
    assert client.post("/hooks/mailgun", json=mailgun(first)).status_code == 200
    assert client.post("/hooks/mailgun", json=mailgun(forged)).status_code == 200
    assert mailed.suppressions() == ()


def test_ses_a_complaint_holds_for_the_person_also_after_a_change_of_address(
    client: Client, mailed: Mailed, signed: Sign
) -> None:
    complaint = {
        "notificationType": "Complaint", "mail": {"source": mailed.envelope(mailed.deliver("one"))},
        "complaint": {"complainedRecipients": [{"emailAddress": "ann.before@example.org"}]},
    }  # fmt: skip
    assert client.post("/hooks/ses", json=signed(complaint)).status_code == 200
    assert [row.reason for row in mailed.suppressions()] == [Reason.COMPLAINED]


def test_an_unknown_address_gets_the_same_answer_and_is_kept(client: Client, mailed: Mailed) -> None:
    event = {**postmark("HardBounce"), "Email": "nobody@example.org"}
    answer = client.post("/hooks/postmark", json=event, auth=("hook", "secret"))
    assert (answer.status_code, answer.text) == (200, "ok")
    (row,) = mailed.rows(bounce)
    assert row.subscriber_id is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_event_gets_400(client: Client, body: bytes) -> None:
    answer = client.post("/hooks/postmark", content=body, auth=("hook", "secret"))
    assert answer.status_code == 400


def test_an_oversized_body_is_refused(client: Client) -> None:
    answer = client.post("/hooks/postmark", content=b" " * (MAX_BODY + 1), auth=("hook", "secret"))
    assert answer.status_code == 413


def test_a_body_that_never_ends_is_cut_off(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 0.01)

    async def dawdle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    assert client.post("/hooks/postmark", content=dawdle(), auth=("hook", "secret")).status_code == 408


def test_a_provider_without_a_secret_has_no_route_and_get_does_nothing(mailed: Mailed, client: Client) -> None:
    assert (
        webhook_routes(replace(Settings(), bounces=BounceSettings()), mailed.database, mailed.ring, FixedClock()) == []
    )
    assert client.get("/hooks/postmark").status_code == 405


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://sns.eu-west-1.amazonaws.com/a.pem", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/a.pem", True),
        ("https://sns.eu-west-1.amazonaws.com@evil.example/a.pem", False),
        ("https://user@sns.eu-west-1.amazonaws.com/a.pem", False),
        ("https://evil.example/sns.eu-west-1.amazonaws.com/a.pem", False),
        ("https://bucket.s3.amazonaws.com/a.pem", False),
        ("https://sns.eu-west-1.amazonaws.com:8443/a.pem", False),
        ("https://[", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_amazons_own_hosts_are_trusted(url: str, is_good: bool) -> None:
    assert is_amazon_address(url) is is_good
