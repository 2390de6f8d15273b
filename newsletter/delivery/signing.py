"""RSA signatures from processes of their own: a signature takes a quarter of a millisecond, more than all the rest.

Threads would do too, since signing lets go of the GIL, but each signature would have to win it back from the thread
that serves the sockets: measured, two threads brought 0.37 of C's rate, two processes 0.56. For ed25519 (30 µs) asking
a process costs as much as signing.
"""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

from newsletter.delivery.signing_process import LENGTH, frame
from newsletter.errors import ServiceError
from newsletter.message.dkim import Signer

MOST_PROCESSES = 4


class SigningProcesses:
    """A few processes that sign for `signers`. A batch goes to whichever is idle."""

    def __init__(self, signers: Sequence[Signer]) -> None:
        self.count = max(1, min(MOST_PROCESSES, os.cpu_count() or 1))
        self._keys = frame([signer.der() for signer in signers])
        self._idle: asyncio.Queue[Process] = asyncio.Queue()
        self._all: list[Process] = []

    @property
    def pids(self) -> list[int]:
        """The processes started so far."""
        return [process.pid for process in self._all]

    async def start(self) -> None:
        """Start them."""
        for _ in range(self.count):
            self._idle.put_nowait(await self._start_one())

    async def sign(self, batch: list[tuple[int, bytes]]) -> list[bytes]:
        """The signatures for `batch`: pairs of a signer's number and what to sign.

        A process that died (the system may kill one when memory is short) is replaced and the batch signed again.
        Raises ServiceError when that one dies as well.
        """
        process = await self._idle.get()
        try:
            return await _ask(process, batch)
        except (ConnectionError, asyncio.IncompleteReadError):
            process = await self._start_one()
            try:
                return await _ask(process, batch)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                code = await process.wait()
                raise ServiceError(
                    f"the process that signs ended (exit code {code})", remedy="Is there enough memory?"
                ) from error
        finally:
            self._idle.put_nowait(process)

    async def close(self) -> None:
        """Let them end."""
        for process in self._all:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    async def _start_one(self) -> Process:
        # -P: a folder called `newsletter` where the operator stands must not be taken for this package.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "newsletter.delivery.signing_process", stdin=PIPE, stdout=PIPE
        )
        self._all.append(process)
        assert process.stdin is not None
        process.stdin.write(self._keys)
        return process


async def _ask(process: Process, batch: list[tuple[int, bytes]]) -> list[bytes]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(frame(batch))
    await process.stdin.drain()
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    signatures: list[Any] = marshal.loads(await process.stdout.readexactly(length))  # noqa: S302 - our own child's
    return signatures
