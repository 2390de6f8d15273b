"""RSA signatures come from processes of their own, and outlive one that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from newsletter.delivery.signing import SigningProcesses
from newsletter.errors import ServiceError
from newsletter.message.dkim import Signer

RSA = rsa.generate_private_key(65537, 2048)
SIGNERS = (
    Signer(RSA, domain="example.org", selector="a"),
    Signer(ed25519.Ed25519PrivateKey.generate(), domain="example.org", selector="b"),
)
BATCH = [(number % 2, b"message %d" % number) for number in range(40)]


def verify(signatures: list[bytes]) -> None:
    for (number, data), signature in zip(BATCH, signatures, strict=True):
        if number == 0:
            RSA.public_key().verify(signature, data, padding.PKCS1v15(), hashes.SHA256())


def test_signatures_come_back_in_the_order_of_the_batch() -> None:
    async def go() -> None:
        processes = SigningProcesses(SIGNERS)
        await processes.start()
        try:
            for signatures in await asyncio.gather(*(processes.sign(BATCH) for _ in range(6))):
                verify(signatures)
        finally:
            await processes.close()

    asyncio.run(go())


def test_a_process_that_is_killed_is_replaced_and_its_batch_signed_again() -> None:
    async def go() -> None:
        processes = SigningProcesses(SIGNERS)
        await processes.start()
        try:
            for victim in processes.pids:
                os.kill(victim, signal.SIGKILL)
            for signatures in await asyncio.gather(*(processes.sign(BATCH) for _ in range(4))):
                verify(signatures)
        finally:
            await processes.close()
        assert not [pid for pid in processes.pids if is_alive(pid)]

    asyncio.run(go())


def test_when_the_next_one_dies_as_well_it_is_said_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        processes = SigningProcesses(SIGNERS)
        await processes.start()
        try:
            with pytest.raises(ServiceError, match="exit code 1"):
                await processes.sign(BATCH)
        finally:
            await processes.close()

    asyncio.run(go())


PARENT = """
import asyncio, sys
from cryptography.hazmat.primitives.asymmetric import rsa
from newsletter.delivery.signing import SigningProcesses
from newsletter.message.dkim import Signer
async def go():
    processes = SigningProcesses([Signer(rsa.generate_private_key(65537, 2048), domain="example.org", selector="a")])
    await processes.start()
    await processes.sign([(0, b"x")])
    print(*processes.pids, flush=True)
    await asyncio.sleep(60)
asyncio.run(go())
"""


def test_signing_processes_end_when_the_sender_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert pids
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
