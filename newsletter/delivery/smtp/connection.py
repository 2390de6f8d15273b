"""One connection to a relay: its socket, and who speaks through it: first the handshake, then the dialogue."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable
from typing import cast

from newsletter.config import RelaySettings
from newsletter.delivery.smtp.dialogue import Awaited, Clerk, Dialogue, Features
from newsletter.delivery.smtp.handshake import HandshakeError, shake_hands, tls_context, tls_failure
from newsletter.delivery.smtp.reply import Reply, Stage
from newsletter.delivery.smtp.reply_reader import ProtocolError, ReplyReader
from newsletter.delivery.smtp.timeouts import Timeouts

DEFAULT_PORTS = {"starttls": 587, "tls": 465, "plain": 25}

BEHIND_A_DOT = 2048
"""Octets; more than RSET, the next envelope and QUIT ever are. While no more than this waits, the last final dot may
have left, although the connection is stuck."""


class Connection(asyncio.Protocol):
    """Socket events in, dialogue calls out. While `_waiter` is set, the handshake waits for one reply."""

    def __init__(self, timeouts: Timeouts, on_close: Callable[[Connection, str], None]) -> None:
        self.timeouts = timeouts
        self.dialogue: Dialogue | None = None
        self.deadline = float("inf")
        self.idle_since = 0.0
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._waiter: asyncio.Future[Reply] | None = None
        self._early: list[Reply] = []
        self._is_encrypted = False
        self._is_stalled = False
        self._is_closed = False
        self._reason = ""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected (and, for implicit TLS, encrypted)."""
        self._adopt(cast(asyncio.Transport, transport))  # uvloop's are not subclasses of asyncio's

    def data_received(self, data: bytes) -> None:
        """Bytes from the server; anything that is not SMTP ends the connection."""
        try:
            replies = self._reader.feed(data)
            if self.dialogue is None:
                self._receive_early(replies)
            elif replies:
                self.dialogue.receive(replies, dot_left=self._has_left)
                self._set_deadline()
                if not self.dialogue.is_open:
                    self.drop(f"closed by the relay: {self.dialogue.closing_reply}")
        except ProtocolError as fault:
            self.drop(str(fault))

    def eof_received(self) -> bool:
        """The server closed its side; whatever it had to say has been read."""
        self._reason = self._reason or "the relay closed the connection"
        return False

    def pause_writing(self) -> None:
        """What was written has not all left this process. Not to be believed under TLS: there the transports of asyncio
        and uvloop are paused long after everything has left, and a message would be sent again that had arrived."""
        self._is_stalled = not self._is_encrypted

    def resume_writing(self) -> None:
        """What was written has left for the kernel."""
        self._is_stalled = False
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        if self._is_closed:
            return
        self._is_closed = True
        self.deadline = float("inf")
        reason = self._reason or (str(exc) if exc else "the connection was lost")
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionResetError(reason))
        if self.dialogue is not None:
            self.dialogue.lose(reason, dot_left=self._has_left)
        self._on_close(self, reason)

    @property
    def _has_left(self) -> bool:
        """Whether all that was written has, for all we know, left this process."""
        return self._is_encrypted or not self._is_stalled

    # the engine's side

    def start(self, features: Features, clerk: Clerk, limit: int) -> None:
        """The handshake is done: begin with the first message."""
        self.dialogue = Dialogue(features, clerk, self._write, limit)
        self._set_deadline()
        self.wake()

    def wake(self) -> None:
        """There may be something to take."""
        if self.dialogue is not None and not self._is_closed:
            self.dialogue.wake()

    def finish(self) -> None:
        """End the message in hand and leave."""
        if self.dialogue is None:
            self.drop("not needed any more")
        else:
            self.dialogue.finish()

    def drop(self, reason: str) -> None:
        """Leave at once."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    # the handshake's side

    @property
    def reason(self) -> str:
        """Why the connection ended, as far as is known."""
        return self._reason

    @property
    def has_more(self) -> bool:
        """Whether bytes were received beyond the last reply asked for."""
        return self._reader.has_rest or bool(self._early)

    async def ask(self, line: str, seconds: float) -> Reply:
        """Say `line`, wait for its reply. Raises TimeoutError, ConnectionError, ProtocolError."""
        self._write([line.encode() + b"\r\n"])
        return await self.next_reply(seconds)

    async def next_reply(self, seconds: float) -> Reply:
        """Wait for a reply. Raises TimeoutError, ConnectionError, ProtocolError."""
        if self._early:
            return self._early.pop(0)
        if self._is_closed:
            raise ConnectionResetError(self._reason or "the connection was lost")
        self._waiter = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                return await self._waiter
        finally:
            self._waiter = None

    async def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Go on in TLS. Raises TimeoutError, ConnectionError, SSLError."""
        if self._transport is None:
            raise ConnectionResetError("the connection was lost")
        async with asyncio.timeout(seconds):
            encrypted = await self._loop.start_tls(self._transport, self, context, server_hostname=host)
        if encrypted is None:
            raise ConnectionResetError("the connection was lost")
        self._adopt(encrypted)

    def own_name(self) -> str:
        """What EHLO says (RFC 5321 §4.1.4): the host's full name, else the address as a literal."""
        name = socket.gethostname()
        if "." in name and name.isascii():
            return name
        address = self._transport.get_extra_info("sockname")[0] if self._transport else "127.0.0.1"
        return f"[IPv6:{address}]" if ipaddress.ip_address(address.partition("%")[0]).version == 6 else f"[{address}]"

    def _receive_early(self, replies: list[Reply]) -> None:
        self._early.extend(replies)
        if len(self._early) > 8:
            raise ProtocolError("replies that nothing asked for")
        if self._early and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._early.pop(0))

    def _adopt(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._is_encrypted = transport.get_extra_info("ssl_object") is not None
        if not self._is_encrypted:
            # While more is still in this process, it shows as "paused": a final dot that never left is known not to
            # have. Not under TLS: its transport says "paused" and "resumed" in turn, whatever it holds.
            transport.set_write_buffer_limits(high=BEHIND_A_DOT, low=BEHIND_A_DOT)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _write(self, pieces: list[bytes]) -> None:
        if self._transport is None or self._is_closed:
            return
        if self._is_encrypted:
            self._transport.write(b"".join(pieces))  # each write becomes a TLS record of its own
        else:
            self._transport.writelines(pieces)
        self._set_deadline()

    def _set_deadline(self) -> None:
        """When to give up waiting for what is awaited now; looked at by the pool's watch once in a while."""
        if self.dialogue is None or self._is_closed:
            return
        now = self._loop.time()
        if not self.dialogue.awaited:
            self.deadline = float("inf")
            self.idle_since = now
            return
        awaited = self.dialogue.awaited[0]
        if self._is_stalled:
            seconds = self.timeouts.block
        elif awaited is Awaited.DOT:
            seconds = self.timeouts.dot
        elif awaited is Awaited.QUIT:
            seconds = self.timeouts.quit
        else:
            seconds = self.timeouts.data if awaited is Awaited.DATA else self.timeouts.command
        self.deadline = now + seconds


async def connect(
    relay: RelaySettings, timeouts: Timeouts, on_close: Callable[[Connection, str], None]
) -> tuple[Connection, Features]:
    """Connect to `relay` and go through the handshake. Raises HandshakeError."""
    loop = asyncio.get_running_loop()
    port = relay.port or DEFAULT_PORTS[relay.security]
    connection: Connection | None = None
    try:
        async with asyncio.timeout(timeouts.connect):
            _, connection = await loop.create_connection(
                lambda: Connection(timeouts, on_close),
                relay.host,
                port,
                ssl=tls_context(relay) if relay.security == "tls" else None,
            )
    except ssl.SSLError as error:
        raise HandshakeError(Stage.TLS, tls_failure(error)) from error
    except (OSError, UnicodeError) as error:
        raise HandshakeError(Stage.CONNECT, Reply(0, f"{relay.host}:{port}: {_why_not_reached(error)}")) from error
    try:
        return connection, await shake_hands(connection, relay, timeouts)
    except BaseException:
        connection.drop("the handshake failed")
        raise


def _why_not_reached(error: OSError | UnicodeError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, UnicodeError) or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME):
        return "there is no host of this name"
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error):  # several addresses: one error of no kind
        return "nothing takes mail there (connection refused)"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
