"""Outboxes besides SMTP: a folder of .eml files, or a Maildir. Nothing leaves the machine.

A file is named by its delivery, so that writing it again after a crash replaces it: never lost, never twice.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from newsletter.delivery.smtp.parcel import Parcel
from newsletter.delivery.smtp.reply import Reply


@dataclass(frozen=True)
class Outbox:
    """A folder that takes mail. `is_maildir`: messages go to `new/` in the way of maildir(5)."""

    folder: Path
    is_maildir: bool = False

    def open(self) -> None:
        """Make the folder. Raises OSError."""
        for name in ("tmp", "new", "cur") if self.is_maildir else (".",):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def keep(self, parcel: Parcel) -> Reply:
        """Write one message; with the next `sync` it is on the disk for good. Raises OSError."""
        claim = parcel.claim
        name = f"{claim.id}.{claim.copy}"
        data = b"".join(parcel.pieces)
        if self.is_maildir:
            host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
            temporary = self.folder / "tmp" / f"newsletter.{name}.{host}"
            final = self.folder / "new" / f"newsletter.{name}.{host}"
            data = data.replace(b"\r\n", b"\n")
        else:
            temporary = self.folder / f".{name}.part"
            final = self.folder / f"{name}-{_plain(claim.page_id)}-{_plain(claim.address)}.eml"
        descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
        return Reply(250, f"kept as {final.name}")

    def sync(self) -> None:
        """Return when the names of all that was kept are on the disk too. Raises OSError."""
        descriptor = os.open(self.folder / "new" if self.is_maildir else self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def outbox_of(place: str) -> Outbox:
    """`maildir:DIR`, or `DIR` for .eml files; a folder that is a Maildir already stays one."""
    if place.startswith("maildir:"):
        return Outbox(Path(place.removeprefix("maildir:")), is_maildir=True)
    folder = Path(place)
    return Outbox(folder, is_maildir=all((folder / name).is_dir() for name in ("cur", "new", "tmp")))


def _plain(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "@.-_+" else "-" for sign in text)[:80]
