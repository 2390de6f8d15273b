"""What protects each public page: headers, a limit on bodies, a deadline for slow ones."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.web.webhooks import MAX_BODY

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""For a mail shown as it was sent: its own styles and pictures, no script, no form, and no part in our origin."""

LONGEST_BODY = 64 * 1024
BODY_SECONDS = 10.0
HEAD_SECONDS = 15.0
LONGER_BODIES = {"/hooks/": MAX_BODY}
"""Where more is expected: webhooks report up to a thousand events at once."""

HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "referrer-policy": "no-referrer",  # the address of a page is a key; it must not travel on with a click
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}


class SecurityHeaders:
    """Adds HEADERS to each answer that does not say otherwise; `secure`: also that only https is spoken here."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self.app = app
        extra = {"strict-transport-security": "max-age=31536000"} if secure else {}
        self.headers = [(name.encode(), value.encode()) for name, value in {**HEADERS, **extra}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                missing = [(name, value) for name, value in self.headers if name not in present]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


class BodyLimit:
    """Reads the whole body before anything else happens: only so many bytes, within BODY_SECONDS.

    A request with two statements of its length is refused and its connection closed (RFC 9112 §6.1): a proxy that
    believes the other one would take what follows for the next reader's request.
    """

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            await _refuse(send, 400, b"The request says twice how long it is.\n")
            return
        longest = next((size for path, size in LONGER_BODIES.items() if scope["path"].startswith(path)), LONGEST_BODY)
        try:
            async with asyncio.timeout(self.seconds):
                body = await _read_body(scope, receive, longest)
        except TimeoutError:
            await _refuse(send, 408, b"The request took too long.\n")
            return
        if body is None:
            await _refuse(send, 413, b"The request is too large.\n")
            return
        await self.app(scope, _replay(body, receive), send)


async def _read_body(scope: Scope, receive: Receive, longest: int) -> bytes | None:
    """The body, or None if it is too long."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or len(value) > 9 or int(value) > longest):
            return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > longest:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP with a deadline for the head of a request.

    Without one, a client that sends a header each minute holds a connection for ever, and some thousand of them
    hold them all (Slowloris).
    """

    head_seconds = HEAD_SECONDS
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget(self._deadline)
        elif self._deadline is None:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget(self._deadline)
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()

    def _forget(self, deadline: asyncio.TimerHandle | None) -> None:
        if deadline is not None:
            deadline.cancel()
        self._deadline = None
