"""Real SMTP servers on loopback: one that keeps what it accepts and misbehaves as told, and Debian's smtp-sink."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

HANG = b"HANG"  # no reply, the connection stays
CLOSE = b"CLOSE"  # no reply, the connection is cut
HALF_CLOSE = b"HALF"  # no reply, our side of the connection is closed

Answer = bytes | None
Script = Callable[["Session", str, str], Answer]


@dataclass
class Session:
    """What a script may look at: the number of the connection, of the command, and the envelope so far."""

    number: int
    commands: list[str] = field(default_factory=list)
    sender: str = ""
    recipient: str = ""
    messages: int = 0
    encrypted: bool = False
    user: str = ""


def once(verb: str, answer: bytes) -> Script:
    """Answer `verb` so the first time, as usual afterwards."""
    done: list[bool] = []

    def script(session: Session, asked: str, argument: str) -> Answer:
        if asked == verb and not done:
            done.append(True)
            return answer
        return None

    return script


@dataclass(frozen=True)
class Kept:
    sender: str
    recipient: str
    data: bytes
    session: int


class LoopbackServer(ABC):
    """A server with an event loop in a thread of its own, from `with` to its end; who inherits says how it talks."""

    def __init__(self) -> None:
        self.port = 0
        self.open = 0  # connections that are talked on
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop is not None and self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def listen(self) -> asyncio.Server:
        """Begin; what talks is `talk`."""
        return await asyncio.start_server(self._talk_safely, "127.0.0.1", self.port, limit=2**24)

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; it may end by the exceptions that a broken connection raises."""

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self.listen()
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # let aborted transports close their sockets

    async def _talk_safely(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
                await self.talk(reader, writer)
        finally:
            self.open -= 1
            writer.transport.abort()


class KeepingServer(LoopbackServer):
    """Keeps every message it has acknowledged, or was about to. `script(session, verb, argument)` may answer in its
    place: bytes are sent as they are; None means the usual answer; HANG, CLOSE and HALF_CLOSE say nothing.

    The verb `.` asks about the end of a message: what the script says then decides the reply; a message counts as
    kept when the reply is a 2xx or when the script closes or hangs after `keep_anyway`.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 10000000", "SMTPUTF8"),
        keep_anyway: bool = False,
        context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        greeting: bytes = b"220 test ESMTP\r\n",
        slow_reader: bool = False,
    ) -> None:
        super().__init__()
        self.slow_reader = slow_reader
        self.script = script or (lambda session, verb, argument: None)
        self.extensions = extensions
        self.keep_anyway = keep_anyway
        self.context = context
        self.implicit_tls = implicit_tls
        self.greeting = greeting
        self.kept: list[Kept] = []
        self.sessions: list[Session] = []

    @property
    def recipients(self) -> list[str]:
        return [kept.recipient for kept in self.kept]

    async def listen(self) -> asyncio.Server:
        # With the protocol named, asyncio sets TCP_NODELAY; without, each message waits 40 ms for a delayed ACK.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.slow_reader:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        listener.bind(("127.0.0.1", self.port))
        return await asyncio.start_server(
            self._talk_safely,
            sock=listener,
            ssl=self.context if self.implicit_tls else None,
            limit=65536 if self.slow_reader else 2**24,
        )

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(len(self.sessions), encrypted=self.implicit_tls)
        self.sessions.append(session)
        await self._talk(session, reader, writer)

    async def _talk(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = self.script(session, "CONNECT", "")
        if not await self._say(writer, self.greeting if greeting is None else greeting):
            return
        while True:
            line = await reader.readline()
            if not line.endswith(b"\n"):
                return
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb, _, argument = text.partition(" ")
            verb = verb.upper()
            session.commands.append(text)
            answer = self.script(session, verb, argument)
            if answer is None:
                answer = self._usual(session, verb, argument)
            if verb == "STARTTLS" and answer.startswith(b"220"):
                writer.write(answer)
                await writer.start_tls(self.context)  # type: ignore[arg-type]
                session.encrypted = True
                continue
            if not await self._say(writer, answer):
                return
            if verb == "DATA" and answer.startswith(b"354") and not await self._receive(session, reader, writer):
                return
            if verb == "QUIT" or answer.startswith(b"421"):
                return

    async def _receive(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        during = self.script(session, "BODY", "")
        if during is not None:
            return await self._say(writer, during)
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line)
        data = b"".join(lines)
        kept = Kept(session.sender, session.recipient, data.replace(b"\r\n..", b"\r\n."), session.number)
        session.messages += 1
        answer = self.script(session, ".", "")
        if answer is None:
            answer = b"250 2.0.0 kept\r\n" if session.recipient else b"554 5.5.1 no recipients\r\n"
        # Without data it is no mail but the lone dot that ends a refused one (RFC 2920 §3.1).
        if session.recipient and data and (answer.startswith(b"2") or self.keep_anyway):
            self.kept.append(kept)
        session.sender = session.recipient = ""
        return await self._say(writer, answer) and not answer.startswith(b"421")

    def _usual(self, session: Session, verb: str, argument: str) -> bytes:
        if verb == "EHLO":
            lines = ["test", *self.extensions]
            return "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode()
        if verb == "MAIL":
            if session.sender:
                return b"503 5.5.1 nested MAIL\r\n"
            session.sender = argument.partition("<")[2].partition(">")[0]
            return b"250 2.1.0 ok\r\n"
        if verb == "RCPT":
            if not session.sender:
                return b"503 5.5.1 need MAIL\r\n"
            session.recipient = argument.partition("<")[2].partition(">")[0]
            return b"250 2.1.5 ok\r\n"
        if verb == "DATA":
            return b"354 go on\r\n" if session.recipient else b"503 5.5.1 need RCPT\r\n"
        if verb == "RSET":
            session.sender = session.recipient = ""
            return b"250 2.0.0 ok\r\n"
        if verb == "STARTTLS":
            return b"220 2.0.0 go on\r\n"
        if verb == "QUIT":
            return b"221 2.0.0 bye\r\n"
        return b"250 ok\r\n" if verb in ("HELO", "NOOP") else b"500 5.5.2 what?\r\n"

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        if answer == HANG:
            await asyncio.sleep(3600)
        if answer == CLOSE:
            writer.transport.abort()
            return False
        if answer == HALF_CLOSE:
            writer.write_eof()
            await asyncio.sleep(3600)
        writer.write(answer)
        await writer.drain()
        return True


@contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    """Debian's smtp-sink; yields its port."""
    port = free_port()
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    sink = subprocess.Popen(
        ["smtp-sink", *user, *options, f"127.0.0.1:{port}", "1000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port)
        yield port
    finally:
        sink.kill()
        sink.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.02)
