"""A server that mangles its replies: late, in pieces, too long, too many, in the wrong order, half a line and gone.

It keeps its own honest books beside what it says: `whole[recipient]` counts the bodies that reached it to their final
dot and that it did not refuse with a 4xx or 5xx of its own.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter

from tests.delivery.servers import LoopbackServer

HARMLESS = (
    "as it is", "octet by octet", "late", "bare LF", "several lines", "empty lines", "long line", "NUL", "no text",
    "8-bit", "bare CR", "status of a refusal",
)  # fmt: skip
"""Still the reply that it was, to who reads well."""

BROKEN = (
    "two codes", "1xx", "code 999", "code 000", "code of two digits", "code of four digits", "NUL in the code",
    "not a reply", "blank line first", "tab", "endless line", "a megabyte", "endless reply", "half a line", "TLS garbage",
)  # fmt: skip
"""No reply at all: the connection can't be used any more."""

GONE = ("closed", "closed before", "half-closed", "reset", "silent", "too slow", "never done")
REFUSING = ("450", "550", "421", "554 5.7.1", "452", "550 2.0.0")
LYING = ("twice", "one more 354", "next reply early", "swapped")
"""Replies to what was not said. Nobody can count right for a server that says 250 to nothing, but never twice."""


class Gone(ConnectionError):  # noqa: N818 - not an error here
    """The connection is over: this server has had enough."""


class HostileServer(LoopbackServer):
    """Every reply is mangled in one of `ways` with the probability `often`; deterministic by `seed`, but for timing."""

    def __init__(self, seed: int, ways: tuple[str, ...], often: float, *, pipelining: bool) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self.ways = ways
        self.often = often
        self.offers = b"250-hostile\r\n250 PIPELINING\r\n" if pipelining else b"250 hostile\r\n"
        self.whole: Counter[str] = Counter()

    def behave(self) -> None:
        """From now on."""
        self.often = 0.0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
            # On close the kernel drops what it holds and says RST.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif way == "too slow":
            for octet in reply:
                writer.write(bytes([octet]))
                await asyncio.sleep(0.1)
        elif way == "never done":
            while True:
                writer.write(reply[:3] + b"-one line more\r\n")
                await asyncio.sleep(0.05)
        elif way == "silent":
            await asyncio.sleep(3600)
        raise Gone


def _mangled(way: str, reply: bytes) -> bytes:
    code, text = reply[:3], reply[4:]
    is_hello = b"\r\n250 " in reply or b"hostile" in reply
    return {
        "bare LF": reply.replace(b"\r\n", b"\n"),
        "several lines": b"%b-first\r\n%b-second\r\n%b" % (code, code, reply) if code != b"250" else reply,
        "long line": code + b" " + b"x" * 2000 + b"\r\n" if b"PIPELINING" not in reply else reply,
        "NUL": code + b" \0" + text if not is_hello else reply,
        "no text": code + b"\r\n" if not is_hello else reply,
        "two codes": code + b"-one\r\n" + (b"451" if code != b"451" else b"250") + b" other\r\n",
        "empty lines": b"%b-\r\n%b-\r\n%b" % (code, code, reply) if code != b"250" else reply,
        "8-bit": code + b" \xfcber\xfcll \xe2\x80\xae " + text if not is_hello else reply,
        "bare CR": code + b" so\rso\r" + text if not is_hello else reply,
        "status of a refusal": code + b" 5.1.1 " + text if not is_hello else reply,
        "code 000": b"000" + reply[3:],
        "code of two digits": reply[1:],
        "code of four digits": code + b"0 " + text,
        "NUL in the code": code[:1] + b"\0" + reply[1:],
        "blank line first": b"\r\n" + reply,
        "tab": code + b"\t" + text,
        "a megabyte": code + b" " + b"x" * 1_000_000 + b"\r\n",
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
