"""One connection to a relay: its socket, its handshake, then its dialogue."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from newsletter.config import RelaySettings
from newsletter.delivery.authentication import choose_mechanism, first_response, next_response
from newsletter.delivery.dialogue import Awaited, Clerk, Dialogue, Features
from newsletter.delivery.replies import ProtocolError, ReplyReader
from newsletter.delivery.reply import Reply, Stage
from newsletter.errors import RelayError

DEFAULT_PORTS = {"starttls": 587, "tls": 465, "plain": 25}


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait at each stage: RFC 5321 §4.5.3.2, and 30 s to connect. `block` is for handing over the body; `quit`
    is short, since a connection that waits for a goodbye keeps the next one from being opened."""

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    quit: float = 10.0


class HandshakeError(Exception):
    """The relay could not be reached, or refused us before the first message."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(f"{stage.value}: {reply}")
        self.stage = stage
        self.reply = reply


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

    async def handshake(self, relay: RelaySettings) -> Features:
        """Greeting, EHLO, STARTTLS and AUTH as `relay` asks for. Raises HandshakeError."""
        stage = Stage.GREETING
        try:
            greeting = await self._await_reply(self.timeouts.greeting)
            _require(stage, greeting, 220)
            stage = Stage.EHLO
            features = await self._hello()
            if relay.security == "starttls":
                stage = Stage.TLS
                await self._start_tls(relay, features)
                stage = Stage.EHLO
                features = await self._hello()
            if relay.username:
                stage = Stage.AUTH
                await self._authenticate(relay, features)
        except ssl.SSLError as error:
            raise HandshakeError(Stage.TLS, _tls_failure(error)) from error
        except TimeoutError as error:
            raise HandshakeError(stage, Reply(0, _silence(stage, relay))) from error
        except OSError as error:
            raise HandshakeError(stage, Reply(0, self._reason or str(error) or "the connection was lost")) from error
        except ProtocolError as fault:
            raise HandshakeError(stage, Reply(0, str(fault))) from fault
        return features

    async def _hello(self) -> Features:
        name = self._own_name()
        reply = await self._command(f"EHLO {name}", self.timeouts.command)
        if reply.code in (500, 502):  # a server of before 1995
            _require(Stage.EHLO, await self._command(f"HELO {name}", self.timeouts.command), 250)
            return Features()
        _require(Stage.EHLO, reply, 250)
        return read_features(reply)

    async def _start_tls(self, relay: RelaySettings, features: Features) -> None:
        if not features.starttls:
            raise HandshakeError(Stage.TLS, Reply(554, "the relay does not offer STARTTLS; mail is never sent without"))
        _require(Stage.TLS, await self._command("STARTTLS", self.timeouts.command), 220)
        if self._reader.has_rest or self._early:
            # Plain text slipped in behind the 220 would be taken for what the encrypted server says (CVE-2011-0411).
            raise HandshakeError(Stage.TLS, Reply(554, "bytes in plain text follow the reply to STARTTLS"))
        if self._transport is None:
            raise ConnectionResetError("the connection was lost")
        async with asyncio.timeout(self.timeouts.command):
            encrypted = await self._loop.start_tls(
                self._transport, self, tls_context(relay), server_hostname=relay.host
            )
        if encrypted is None:
            raise ConnectionResetError("the connection was lost")
        self._adopt(encrypted)

    async def _authenticate(self, relay: RelaySettings, features: Features) -> None:
        mechanism = choose_mechanism(relay, features.auth)
        reply = await self._command(first_response(mechanism, relay), self.timeouts.command)
        for step in range(2):
            if reply.code != 334:
                break
            answer = next_response(mechanism, relay, reply.text, step)
            reply = await self._command(answer, self.timeouts.command)
        _require(Stage.AUTH, reply, 235)

    async def _command(self, line: str, seconds: float) -> Reply:
        self._write([line.encode() + b"\r\n"])
        return await self._await_reply(seconds)

    async def _await_reply(self, seconds: float) -> Reply:
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
            # Any byte still in this process shows as "paused", so a final dot that never left is known not to have.
            # Not under TLS: with a limit of 0 its transport says "paused" and "resumed" in turn, whatever it holds.
            transport.set_write_buffer_limits(high=0)
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

    def _own_name(self) -> str:
        """What EHLO says (RFC 5321 §4.1.4): the host's full name, else the address as a literal."""
        name = socket.gethostname()
        if "." in name and name.isascii():
            return name
        address = self._transport.get_extra_info("sockname")[0] if self._transport else "127.0.0.1"
        return f"[IPv6:{address}]" if ipaddress.ip_address(address.partition("%")[0]).version == 6 else f"[{address}]"


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
        raise HandshakeError(Stage.TLS, _tls_failure(error)) from error
    except (OSError, UnicodeError) as error:
        raise HandshakeError(Stage.CONNECT, Reply(0, f"{relay.host}:{port}: {_why_not_reached(error)}")) from error
    try:
        return connection, await connection.handshake(relay)
    except BaseException:
        connection.drop("the handshake failed")
        raise


def tls_context(relay: RelaySettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and name verified against the system's roots or `ca_file`. Raises RelayError."""
    try:
        context = ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise RelayError(
            f"the certificates can't be read: {error}", where=relay.ca_file, remedy="Check [relay] ca_file."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def read_features(reply: Reply) -> Features:
    """The keywords of an EHLO reply (RFC 5321 §4.1.1.1)."""
    lines = [line.split() for line in reply.text.split("\n")[1:]]
    keywords = {words[0].upper(): [word.upper() for word in words[1:]] for words in lines if words}
    auth = keywords.get("AUTH", [])
    for keyword in keywords:
        if keyword.startswith("AUTH="):  # servers of before RFC 2554
            auth = [*auth, keyword[5:], *keywords[keyword]]
    size = keywords.get("SIZE", [])
    return Features(
        pipelining="PIPELINING" in keywords,
        eight_bit="8BITMIME" in keywords,
        utf8="SMTPUTF8" in keywords,
        sizes="SIZE" in keywords,
        size=int(size[0]) if size and size[0].isdigit() and len(size[0]) <= 20 else 0,
        starttls="STARTTLS" in keywords,
        auth=frozenset(auth),
    )


def _require(stage: Stage, reply: Reply, code: int) -> None:
    if reply.code != code:
        raise HandshakeError(stage, reply)


def _why_not_reached(error: OSError | UnicodeError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, UnicodeError) or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME):
        return "there is no host of this name"
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error):  # several addresses: one error of no kind
        return "nothing takes mail there (connection refused)"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _silence(stage: Stage, relay: RelaySettings) -> str:
    if stage is Stage.GREETING and relay.security != "tls":
        return 'no greeting in time; a server that wants TLS from the start waits too: security = "tls", port 465'
    return "no answer in time"


def _tls_failure(error: ssl.SSLError) -> Reply:
    """What failed, as a permanent reply, for the operator must mend it; as a lost connection, if it only broke off."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reply(554, f"the certificate is not good: {error.verify_message}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Reply(0, "the connection was lost")
    if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return Reply(554, 'the server does not speak TLS there: security = "starttls" on port 587, or another port')
    return Reply(554, f"TLS failed: {error.reason or error}")
