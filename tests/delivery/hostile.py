"""A server that mangles its replies: late, in pieces, too long, too many, in the wrong order, half a line and gone.

It keeps its own honest books beside what it says: `whole[recipient]` counts the bodies that reached it to their final
dot and that it did not refuse with a 4xx or 5xx of its own.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter

HARMLESS = ("as it is", "octet by octet", "late", "bare LF", "several lines", "long line", "NUL", "no text")
"""Still the reply that it was, to who reads well."""

BROKEN = ("two codes", "1xx", "code 999", "not a reply", "endless line", "endless reply", "half a line", "TLS garbage")
"""No reply at all: the connection can't be used any more."""

GONE = ("closed", "closed before", "half-closed", "reset", "silent")
REFUSING = ("450", "550", "421", "554 5.7.1", "452")
LYING = ("twice", "one more 354", "next reply early", "swapped")
"""Replies to what was not said. Nobody can count right for a server that says 250 to nothing, but never twice."""


class Gone(Exception):  # noqa: N818 - not an error: this server has had enough
    """The connection is over."""


class HostileServer:
    """Every reply is mangled in one of `ways` with the probability `often`; deterministic by `seed`, but for timing."""

    def __init__(self, seed: int, ways: tuple[str, ...], often: float, *, pipelining: bool) -> None:
        self.chance = random.Random(seed)
        self.ways = ways
        self.often = often
        self.offers = b"250-hostile\r\n250 PIPELINING\r\n" if pipelining else b"250 hostile\r\n"
        self.whole: Counter[str] = Counter()
        self.port = 0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> HostileServer:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop is not None and self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def behave(self) -> None:
        """From now on."""
        self.often = 0.0

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk_safely, "127.0.0.1", 0, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    async def _talk_safely(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (Gone, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        await self._say(writer, b"220 hostile ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode()
            if verb == b"DATA":
                said = await self._say(writer, b"354 go on\r\n")
                if said.startswith(b"354") and recipient:
                    await self._receive(reader, writer, recipient)
                    recipient = ""
                continue
            replies = {b"EHLO": self.offers, b"QUIT": b"221 bye\r\n"}
            said = await self._say(writer, replies.get(verb, b"250 2.0.0 ok\r\n"))
            if verb == b"RCPT" and said[:1] in b"45":
                recipient = ""
            if verb == b"QUIT" or said.startswith(b"421"):
                return

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> None:
        lines = 0
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise Gone
            lines += 1
            assert line.endswith(b"\r\n") and line.find(b"\r") == len(line) - 2  # never a bare CR or LF
            assert not line.startswith(b".")  # we promise more than RFC 5321 asks: no line needs its dot doubled
        # A lone dot: MAIL or RCPT was refused, and DATA answered with 354 all the same (RFC 2920 §3.1).
        self.whole[recipient] += bool(lines)
        said = b""
        try:
            said = await self._say(writer, b"250 2.0.0 kept\r\n")
        finally:
            if lines and said[:1] in (b"4", b"5"):
                self.whole[recipient] -= 1
        if said.startswith(b"421"):
            raise Gone

    async def _say(self, writer: asyncio.StreamWriter, reply: bytes) -> bytes:
        """Say `reply`, or what becomes of it; returns what was said in its place."""
        way = self.chance.choice(self.ways) if self.chance.random() < self.often else "as it is"
        if way in REFUSING:
            reply = f"{way} no\r\n".encode()
        elif way in GONE:
            await self._go(writer, way, reply)
        elif way == "octet by octet":
            for octet in reply:
                writer.write(bytes([octet]))
                await asyncio.sleep(0)
            return reply
        else:
            if way == "late":
                await asyncio.sleep(self.chance.uniform(0.0, 0.05))
            writer.write(_mangled(way, reply))
            await writer.drain()
            return reply
        writer.write(reply)
        await writer.drain()
        return reply

    async def _go(self, writer: asyncio.StreamWriter, way: str, reply: bytes) -> None:
        if way == "closed":
            writer.write(reply)
            await writer.drain()
            writer.close()
        elif way == "half-closed":
            writer.write_eof()
            await asyncio.sleep(0.2)
        elif way == "reset":
            writer.write(reply[: self.chance.randrange(len(reply))])
            writer.transport.abort()
        elif way == "silent":
            await asyncio.sleep(3600)
        raise Gone


def _mangled(way: str, reply: bytes) -> bytes:
    code, text = reply[:3], reply[4:]
    return {
        "bare LF": reply.replace(b"\r\n", b"\n"),
        "several lines": b"%b-first\r\n%b-second\r\n%b" % (code, code, reply) if code != b"250" else reply,
        "long line": code + b" " + b"x" * 2000 + b"\r\n" if b"PIPELINING" not in reply else reply,
        "NUL": code + b" \0" + text if b"\r\n250 " not in reply else reply,
        "no text": code + b"\r\n" if b"\r\n250 " not in reply else reply,
        "two codes": code + b"-one\r\n" + (b"451" if code != b"451" else b"250") + b" other\r\n",
        "1xx": b"150 hold the line\r\n" + reply,
        "code 999": b"999" + reply[3:],
        "not a reply": b"\xff\x00\xfe what?\r\n",
        "endless line": b"2" * 70_000,
        "endless reply": (code + b"-more\r\n") * 500,
        "half a line": reply[:5],
        "TLS garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        "twice": reply + b"250 2.0.0 and again\r\n",
        "one more 354": reply + b"354 go on\r\n",
        "next reply early": reply + b"250 ok\r\n250 ok\r\n354 go on\r\n250 ok\r\n",
        "swapped": b"354 go on\r\n" if code != b"354" else b"250 ok\r\n",
    }.get(way, reply)
