"""What arrived, held against what was signed: octet by octet, and by two judges of DKIM that others wrote."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass, replace
from email.parser import BytesHeaderParser
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from newsletter.config import DkimSettings, RelaySettings
from newsletter.delivery.outbox import Outbox
from newsletter.delivery.service import Options, Service
from newsletter.delivery.tally import Tally
from newsletter.store.database import Database
from tests.delivery.world import RING, StillClock, run_sql, settings_for

DOMAIN = "news.example.org"


@dataclass(frozen=True)
class Keys:
    """Two DKIM keys, rsa-2048 and ed25519, and their public halves as in the DNS."""

    dkims: dict[str, DkimSettings]
    zone: dict[str, str]


def keys_in(folder: Path) -> Keys:
    dkims, zone = {}, {}
    pairs: list[tuple[str, RSAPrivateKey | Ed25519PrivateKey]] = [
        ("rsa", generate_private_key(65537, 2048)),
        ("ed25519", Ed25519PrivateKey.generate()),
    ]
    for name, key in pairs:
        file = folder / f"{name}.pem"
        file.touch(0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        dkims[name] = DkimSettings(selector=name, domain=DOMAIN, key_file=file)
        public = key.public_key().public_bytes(
            *(
                (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
                if isinstance(key, Ed25519PrivateKey)
                else (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            )
        )
        zone[f"{name}._domainkey.{DOMAIN}"] = f"v=DKIM1; k={name}; p={base64.b64encode(public).decode()}"
    return Keys(dkims, zone)


def send_all(database: Database, folder: Path, keys: Keys, relay: RelaySettings, outbox: Outbox | None = None) -> Tally:
    """Run the real service until nothing is due."""
    settings = replace(settings_for(database, folder, relay), dkims=keys.dkims)
    options = Options(until_idle=True, outbox=outbox)
    return Service(settings, database, RING, StillClock(), plan=None, options=options, log=None, environment={}).run()


def signed(database: Database, folder: Path, keys: Keys) -> dict[str, bytes]:
    """Message-ID → message, of everything that is due, as it is before any server has seen it. It stays due."""
    send_all(database, folder, keys, RelaySettings(), Outbox(folder / "signed"))
    start_again(database)
    messages = [file.read_bytes() for file in (folder / "signed").glob("*.eml")]
    return {message_id(message): message for message in messages}


def start_again(database: Database) -> None:
    """Everything is due once more, as if it had never been tried."""
    run_sql(database, "UPDATE delivery SET state = 'due', attempts = 0, finished_at = NULL, relay = '', reply = NULL")


def message_id(message: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(message)["Message-ID"])


def is_identical(arrived: bytes, signed: bytes) -> bool:
    """Whether `arrived` is `signed` with nothing but Received fields before it."""
    if not arrived.endswith(signed):
        return False
    trace = BytesHeaderParser().parsebytes(arrived.removesuffix(signed) + b"\r\n")
    return set(trace.keys()) <= {"Received"}


def dkimpy_finds_good(message: bytes, keys: Keys) -> bool:
    """Every signature."""
    zone = {f"{name}.".encode(): value.encode() for name, value in keys.zone.items()}
    return all(
        dkim.DKIM(message).verify(index, dnsfunc=lambda name, timeout=5: zone.get(name))
        for index in range(len(keys.dkims))
    )


def opendkim_finds_good(message: bytes, keys: Keys, folder: Path) -> bool:
    """The rsa signature; Debian's OpenDKIM knows no ed25519 yet."""
    (folder / "public-keys").write_text("".join(f"{name} {value}\n" for name, value in keys.zone.items()))
    (folder / "opendkim.conf").write_text(f"Mode v\nTestPublicKeys {folder / 'public-keys'}\n")
    (folder / "message").write_bytes(message)
    run = subprocess.run(
        ["opendkim", "-x", str(folder / "opendkim.conf"), "-t", str(folder / "message")],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
        timeout=20,
    )
    return f"verification (s=rsa, d={DOMAIN}, 2048-bit key) succeeded" in run.stdout + run.stderr
