"""The mails that arrived: each a file, with a short summary in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from newsletter.errors import ServiceError

SUFFIX = ".eml"


@dataclass(frozen=True)
class Summary:
    """One line of the list. `number` counts arrivals from 1; `size` is in bytes."""

    number: int
    path: Path
    sender: str
    recipients: tuple[str, ...]
    subject: str
    received: datetime
    size: int


class Mailbox:
    """Keeps mails in `folder` as .eml files: as sent, below the two lines that a mail server adds (RFC 5321 §4.4)."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self.folder = folder
        self._now = now
        self._lock = threading.Lock()
        self._summaries: list[Summary] = []
        self._listeners: list[Callable[[], object]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                self._summaries.append(self._summary(path, datetime.fromtimestamp(path.stat().st_mtime, now().tzinfo)))
        except OSError as error:
            raise ServiceError(f"can't keep mails: {error.strerror}", where=folder) from error

    def keep(self, sender: str, recipients: Sequence[str], data: bytes) -> Summary:
        """Write one mail to its file, then announce it. Raises OSError when the disk refuses."""
        added = f"Return-Path: <{sender}>\r\n" + "".join(f"Delivered-To: {address}\r\n" for address in recipients)
        with self._lock:
            path = self.folder / f"{len(self._summaries) + 1:06}{SUFFIX}"
            path.write_bytes(added.encode("utf-8") + data)
            summary = self._summary(path, self._now())
            self._summaries.append(summary)
        for listener in list(self._listeners):
            listener()
        return summary

    def summaries(self, search: str = "") -> Iterator[Summary]:
        """The mails, newest first; with `search` those whose sender, recipient or subject holds it."""
        wanted = search.casefold()
        with self._lock:
            found = list(reversed(self._summaries))
        for summary in found:
            text = " ".join((summary.sender, *summary.recipients, summary.subject)).casefold()
            if wanted in text:
                yield summary

    def listing(self, search: str = "") -> list[dict[str, Any]]:
        """`summaries` as plain data, for programs."""
        return [
            asdict(summary) | {"path": summary.path.name, "received": summary.received.isoformat()}
            for summary in self.summaries(search)
        ]

    def read(self, number: int) -> tuple[Summary, bytes] | None:
        """The mail with this number, or None."""
        with self._lock:
            if not 1 <= number <= len(self._summaries):
                return None
            summary = self._summaries[number - 1]
        return summary, summary.path.read_bytes()

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` (from the SMTP server's thread) for each mail; the answer stops it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def __len__(self) -> int:
        return len(self._summaries)

    def _summary(self, path: Path, received: datetime) -> Summary:
        with path.open("rb") as file:
            headers = BytesHeaderParser(EmailMessage, policy=policy.default).parse(file)
        return Summary(
            number=len(self._summaries) + 1,
            path=path,
            sender=header(headers, "From"),
            recipients=tuple(str(value) for value in headers.get_all("Delivered-To", ())),
            subject=header(headers, "Subject"),
            received=received,
            size=path.stat().st_size,
        )


def header(message: EmailMessage, name: str) -> str:
    """The header as a person reads it; what can't be decoded is shown as it stands."""
    try:
        return str(message.get(name, ""))
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):
        # The standard library's parser raises these on some malformed headers (gh-issues 105802, 94606, …).
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return " ".join(str(raw).split())
