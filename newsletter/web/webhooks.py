"""Webhooks of mail providers: bounces, complaints and unsubscriptions. The public app mounts `webhook_routes`.

A route exists only for a provider whose secret is set. Nothing is believed before the signature is verified, a body
is read only up to a limit, an event counts once, and the answer never tells whether an address is known.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any
from urllib.request import HTTPRedirectHandler, build_opener

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from newsletter.audience.addresses import fold
from newsletter.bounces.policy import Report, SoftLimit, apply_report
from newsletter.bounces.processing import unsubscribe
from newsletter.bounces.providers import Notice, read_json, read_mailgun, read_postmark, read_sendgrid, read_ses
from newsletter.bounces.signatures import (
    FetchCertificate,
    is_amazon_address,
    is_basic,
    is_from_mailgun,
    is_from_sendgrid,
    is_from_sns,
)
from newsletter.bounces.verdict import Kind
from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.errors import DataError, LinkError, StoreError
from newsletter.message.keys import KeyRing, address_hash
from newsletter.message.links import Links, Purpose
from newsletter.store.alerts import raise_alert
from newsletter.store.bounces import (
    Addressee,
    BounceRow,
    addressee_by_hash,
    addressee_of_delivery,
    is_recorded,
    record_bounce,
)
from newsletter.store.database import Database

MAX_BODY = 2_000_000
"""Bytes of a request: SendGrid sends up to a thousand events at once, about 1 MB."""


MOST_EVENTS = 100_000
"""Departures remembered: more than a provider reports in the hours for which a signature holds."""
BODY_SECONDS = 20.0
"""Time for a whole request: a sender that dawdles must not hold a connection."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The request is answered with `status` and nothing else happens."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def webhook_routes(
    settings: Settings, database: Database, ring: KeyRing, clock: Clock, fetch: FetchCertificate | None = None
) -> list[Route]:
    """POST routes `/hooks/PROVIDER` of the providers whose secret is set in `[bounces]`.

    `fetch` gets Amazon's signing certificate; by default over https, from Amazon's own hosts only.
    """
    hooks = Webhooks(settings, database, ring, clock, fetch or CertificateCache())
    secrets: dict[str, tuple[str, Callable[[bytes, Request], Awaitable[Iterable[Notice]]]]] = {
        "ses": (settings.bounces.ses_topic, hooks.ses),
        "postmark": (settings.bounces.postmark_login, hooks.postmark),
        "sendgrid": (settings.bounces.sendgrid_key, hooks.sendgrid),
        "mailgun": (settings.bounces.mailgun_key, hooks.mailgun),
    }
    return [
        Route(f"/hooks/{name}", partial(hooks.answer, read), methods=["POST"], name=f"hook-{name}")
        for name, (secret, read) in secrets.items()
        if secret
    ]


class Webhooks:
    """Verifies, reads and applies what providers report."""

    def __init__(
        self, settings: Settings, database: Database, ring: KeyRing, clock: Clock, fetch: FetchCertificate
    ) -> None:
        self.settings = settings.bounces
        self.database = database
        self.ring = ring
        self.clock = clock
        self.fetch = fetch
        self.links = Links(ring, settings.web_url)
        self.limit = SoftLimit(settings.bounces.soft_limit, settings.bounces.reset_days)
        self._left_by: OrderedDict[str, None] = OrderedDict()

    async def answer(self, read: Callable[[bytes, Request], Awaitable[Iterable[Notice]]], request: Request) -> Response:
        """Handle one request: 200 when it is dealt with, 4xx when refused, 503 when the provider shall try again."""
        try:
            body = await _body(request)
            notices = await read(body, request)
            await run_in_threadpool(self.apply, list(notices))
        except Refused as refused:
            return PlainTextResponse(str(refused), refused.status)
        except DataError as error:
            return PlainTextResponse(error.message, 400)
        except StoreError:
            return PlainTextResponse("try again later", 503)
        return PlainTextResponse("ok")

    async def ses(self, body: bytes, request: Request) -> Iterable[Notice]:
        """Amazon SES by way of SNS: signed by Amazon, and from our topic, since anybody can have SNS sign something."""
        message = _object(read_json(body))
        try:
            is_true = await run_in_threadpool(is_from_sns, message, self.fetch, self.clock.now())
        except OSError as error:
            raise Refused(503, "the signing certificate can't be fetched") from error
        if not is_true or message.get("TopicArn") != self.settings.ses_topic:
            raise Refused(403, "not signed by Amazon SNS for our topic")
        if message["Type"] != "Notification":
            await run_in_threadpool(self._ask_operator, message)
            return ()
        return read_ses(_object(read_json(str(message.get("Message", "")).encode())), str(message.get("MessageId")))

    async def postmark(self, body: bytes, request: Request) -> Iterable[Notice]:
        """Postmark signs nothing: the webhook's address carries user and password."""
        if not is_basic(request.headers.get("authorization", ""), self.settings.postmark_login):
            raise Refused(401, "user and password are needed")
        return read_postmark(_object(read_json(body)))

    async def sendgrid(self, body: bytes, request: Request) -> Iterable[Notice]:
        """SendGrid signs the raw body."""
        signature = request.headers.get("x-twilio-email-event-webhook-signature", "")
        timestamp = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
        if not is_from_sendgrid(body, signature, timestamp, self.settings.sendgrid_key):
            raise Refused(403, "not signed by SendGrid")
        return read_sendgrid(read_json(body))

    async def mailgun(self, body: bytes, request: Request) -> Iterable[Notice]:
        """Mailgun signs a timestamp and a token, both in the body."""
        payload = _object(read_json(body))
        signed = _object(payload.get("signature"))
        timestamp, token, signature = (str(signed.get(name, "")) for name in ("timestamp", "token", "signature"))
        if not is_from_mailgun(timestamp, token, signature, self.settings.mailgun_key, self.clock.now()):
            raise Refused(403, "not signed by Mailgun")
        return read_mailgun(payload)

    def apply(self, notices: list[Notice]) -> None:
        """Record and act on the notices, all or none. Raises StoreError.

        An event that was dealt with can't be used again for something else: Mailgun signs a token, not the body.
        Bounces and complaints are known by their row, departures for as long as this process lives.
        """
        now = self.clock.now()
        with self.database.transaction() as connection:
            for notice in notices:
                if notice.event_id in self._left_by or (notice.has_left and is_recorded(connection, notice.event_id)):
                    continue
                addressee = self._addressee(connection, notice)
                if notice.has_left:
                    if addressee is not None:
                        unsubscribe(connection, addressee, now, source="provider")
                elif addressee is None:
                    verdict = notice.verdict
                    row = BounceRow(notice.event_id, notice.kind.value, verdict.severity.value, now, verdict.status, verdict.reason.value)  # fmt: skip
                    record_bounce(connection, row)
                else:
                    apply_report(
                        connection, Report(notice.event_id, notice.kind, notice.verdict, now), addressee, self.limit
                    )
        self._left_by.update((notice.event_id, None) for notice in notices if notice.has_left)
        while len(self._left_by) > MOST_EVENTS:
            self._left_by.popitem(last=False)

    def _addressee(self, connection: Connection, notice: Notice) -> Addressee | None:
        """By our token in the envelope sender, if the provider passes it on; else by the address it names.

        A bounce is about an address, which the person may have left. A complaint is the person's own, whatever their
        address is by now.
        """
        by_address = addressee_by_hash(connection, address_hash(self.ring, fold(notice.address)))
        try:
            purpose, target = self.links.read_address(notice.envelope)
        except LinkError:
            return by_address
        named = addressee_of_delivery(connection, target.delivery_id, target.subscriber_id)
        is_own = notice.kind is Kind.COMPLAINT or notice.has_left
        same = named is not None and (is_own or fold(named.address) == fold(notice.address))
        return named if purpose is Purpose.BOUNCE and same else by_address

    def _ask_operator(self, message: dict[str, Any]) -> None:
        """A subscription is confirmed by a person: fetching an address because a request names it is a hole."""
        url = str(message.get("SubscribeURL", ""))
        if message["Type"] == "SubscriptionConfirmation" and is_amazon_address(url):
            now = int(self.clock.now().timestamp())
            with self.database.transaction() as connection:
                raise_alert(connection, "webhook:ses", f"Open this to let Amazon SNS report bounces: {url}", now)


class CertificateCache:
    """Amazon's certificates, each fetched once. Redirects are refused: they could lead anywhere."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}
        self._opener = build_opener(_NoRedirect)

    def __call__(self, url: str) -> bytes:
        """The PEM at `url`. Raises OSError."""
        if url not in self._known:
            if not is_amazon_address(url):
                raise OSError(f"{url} is not an address of Amazon SNS")
            if len(self._known) >= 100:
                self._known.clear()
            with self._opener.open(url, timeout=10) as answer:
                self._known[url] = answer.read(100_000)
        return self._known[url]


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        """Follow none."""
        return


async def _body(request: Request) -> bytes:
    """The body, up to MAX_BODY bytes and within BODY_SECONDS: a sender that goes on is cut off."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    raise Refused(413, "the body is too large")
                chunks.append(chunk)
    except TimeoutError as error:
        raise Refused(408, "the request took too long") from error
    except ClientDisconnect as error:
        raise Refused(400, "the body was cut short") from error
    return b"".join(chunks)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError("the body is not a JSON object")
    return value
