"""The keys that sign links, and the private keys of DKIM: the only file of this room that touches the disk.

A key file holds one key per line, `NUMBER HEX`, the newest first. To rotate, put a new line on top: new links are
signed with it and old ones stay valid, because somebody may unsubscribe from a mail that is years old.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from newsletter.config import Settings
from newsletter.errors import SettingsError
from newsletter.message.dkim import Signer

_LINE = re.compile(r"(\d{1,3})\s+([0-9a-fA-F]{64})")
_HEADER = "# Keys that sign the links in mails, newest first. Keep this file: links already mailed need it.\n"


@dataclass(frozen=True)
class Key:
    """One secret of 32 bytes. `id` (0–255) stands in each token, so that the right key is found after a rotation."""

    id: int
    secret: bytes = field(repr=False)

    def derive(self, purpose: bytes, size: int = 32) -> blake2b:
        """A keyed hash of `size` bytes for one purpose (at most 16 bytes); copy it, then feed it.

        BLAKE2b is its own MAC (RFC 7693 §2.9); its `person` parameter keeps purposes apart, so that a hash made for
        one says nothing about another.
        """
        return blake2b(key=self.secret, person=purpose, digest_size=size)


@dataclass(frozen=True)
class KeyRing:
    """All keys, the newest first; there is at least one."""

    keys: tuple[Key, ...]

    @property
    def newest(self) -> Key:
        """Signs what is made today."""
        return self.keys[0]

    @property
    def oldest(self) -> Key:
        """Names what must stay the same for ever: suppressed addresses and Message-IDs."""
        return self.keys[-1]

    @cached_property
    def _address_hash(self) -> blake2b:
        return self.oldest.derive(b"address")


def address_hash(ring: KeyRing, folded_address: str) -> bytes:
    """The keyed hash (32 bytes) an address is known by once the address itself must not be kept.

    It uses the oldest key: a suppression must survive each rotation. `folded_address` comes from
    `newsletter.audience.addresses.fold`.
    """
    digest = ring._address_hash.copy()
    digest.update(folded_address.encode())
    return digest.digest()


def load_keys(path: Path) -> KeyRing:
    """Read the key file; make one, readable by its owner only, if there is none.

    Raises SettingsError as `read_keys` does, and if it can't be made.
    """
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise SettingsError(f"the key file can't be used: {error.strerror}", where=path) from error
    return read_keys(path)


def read_keys(path: Path) -> KeyRing:
    """Read the key file, and make none.

    Raises SettingsError if there is no file, if it can't be read, if others can read it, or if a line is not a key.
    """
    if not path.exists():
        raise SettingsError(
            "there is no key file", where=path, remedy="Restore it from a backup: mails that have left need its keys."
        )
    try:
        text = read_private(path).decode("ascii")
    except UnicodeDecodeError as error:
        raise SettingsError("is not a key file", where=path) from error
    keys: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or int(match[1]) > 255:
            raise SettingsError(
                "is not a key", where=path, line=number, remedy="A key is a number up to 255 and 64 hexadecimal digits."
            )
        if any(key.id == int(match[1]) for key in keys):
            raise SettingsError(f"key {match[1]} stands here twice", where=path, line=number)
        keys.append(Key(int(match[1]), bytes.fromhex(match[2])))
    if not keys:
        raise SettingsError("holds no key", where=path, remedy="Restore it from a backup: old links need its keys.")
    return KeyRing(tuple(keys))


def load_signers(settings: Settings) -> tuple[Signer, ...]:
    """One DKIM signer for each `[dkim]` section. Raises SettingsError for an unfit section or key file."""
    signers = []
    for name, dkim in settings.dkims.items():
        if dkim.key_file is None or not dkim.selector:
            raise SettingsError(
                f"[dkims.{name}] needs both `selector` and `key_file`", where=settings.file or "environment"
            )
        path = settings.path(dkim.key_file)
        domain = dkim.domain or settings.sender.address.rpartition("@")[2]
        signers.append(Signer.from_pem(read_private(path), domain=domain, selector=dkim.selector, where=str(path)))
    return tuple(signers)


def read_private(path: Path) -> bytes:
    """The bytes of a file that only its owner may read. Raises SettingsError if others can read it."""
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise SettingsError("others can read this file", where=path, remedy=f"chmod 600 {path}")
            return file.read()
    except OSError as error:
        raise SettingsError(f"can't be read: {error.strerror}", where=path) from error


def passing_keys() -> KeyRing:
    """Keys that are kept nowhere, for trying something out where there are none yet."""
    return KeyRing((Key(1, secrets.token_bytes(32)),))


def _make(path: Path) -> None:
    """Write a new key file; if another process is faster, its file stands.

    The file gets its name only when it is complete and on disk, by a hard link, which never replaces a file.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{_HEADER}1 {secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
