"""Fetching mails to process: from a pipe, an mbox, a Maildir, or a mailbox by IMAP or POP3.

What was processed is marked where the mail lies, and only after it was: an interrupted run loses nothing, and what
it sees twice it recognises. A Maildir's and an IMAP folder's mails become "seen"; POP3, which has no marks, deletes;
an mbox and a folder of files stay as they are.
"""

from __future__ import annotations

import imaplib
import poplib
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from newsletter.bounces.parsing import MAX_BYTES
from newsletter.bounces.sources import read_source, read_stream
from newsletter.errors import DataError, ServiceError, UsageError

TIMEOUT = 60.0
"""Seconds a mail server may take to answer."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REMEDY = "Name a file, an mbox, a Maildir, -, imaps://user@host/FOLDER or pop3s://user@host."


@dataclass(frozen=True)
class Waiting:
    """A mail that waits to be processed; call `finish` once it is."""

    name: str
    data: bytes
    finish: Callable[[], None]


def fetch(source: str, password: str) -> Iterator[Waiting]:
    """The mails that wait at `source`.

    Raises DataError for a file that can't be read, UsageError for an address that makes no sense and ServiceError
    when a server does not answer or refuses us.
    """
    if source == "-":
        for mail in read_stream(sys.stdin.buffer, "-"):
            yield Waiting(mail.name, mail.data, _nothing)
    elif source.partition("://")[0] in ("imap", "imaps", "pop3", "pop3s") and "://" in source:
        url = urlsplit(source)
        password = unquote(url.password or "") or password
        reader = _imap if url.scheme.startswith("imap") else _pop3
        try:
            yield from reader(url, password)
        except (OSError, imaplib.IMAP4.error, poplib.error_proto, EOFError) as error:
            raise ServiceError(
                f"the mailbox did not answer: {error}", where=_place(url), remedy="Check host, user and password."
            ) from error
    else:
        kind, colon, rest = source.partition(":")
        yield from _local(Path(rest if colon and kind in ("maildir", "mbox") else source))


def _local(path: Path) -> Iterator[Waiting]:
    if not path.exists():
        raise DataError("there is no such file or folder", where=path, remedy=_REMEDY)
    if not (path / "new").is_dir():
        for mail in read_source(path):
            yield Waiting(mail.name, mail.data, _nothing)
        return
    for file in sorted((path / "new").iterdir()):
        if file.is_file() and not file.name.startswith("."):
            seen = path / "cur" / f"{file.name.partition(':')[0]}:2,S"
            yield Waiting(str(file), file.read_bytes()[:MAX_BYTES], partial(_move, file, seen))


def _move(file: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    file.rename(to)


def _imap(url: SplitResult, password: str) -> Iterator[Waiting]:
    host, user = _host(url), unquote(url.username or "")
    server: imaplib.IMAP4
    if url.scheme == "imaps":
        server = imaplib.IMAP4_SSL(host, url.port or 993, ssl_context=ssl.create_default_context(), timeout=TIMEOUT)
    else:
        server = imaplib.IMAP4(host, url.port or 143, timeout=TIMEOUT)
        if host not in _LOOPBACK:
            server.starttls(ssl.create_default_context())
    with server:
        server.login(user, password)
        folder = unquote(url.path.strip("/")) or "INBOX"
        quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        _ok(server.select(quoted), f"there is no folder {folder!r}")
        found = _ok(server.uid("SEARCH", "UNSEEN"), "the search failed")
        for uid in b" ".join(part for part in found if isinstance(part, bytes)).decode().split():
            answer = _ok(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MAX_BYTES}>)"), f"mail {uid} can't be fetched")
            data = next((part[1] for part in answer if isinstance(part, tuple)), None)
            if data is not None:
                yield Waiting(f"{_place(url)};UID={uid}", data, partial(_see, server, uid))


def _see(server: imaplib.IMAP4, uid: str) -> None:
    _ok(server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)"), f"mail {uid} can't be marked as seen")


def _ok(answer: tuple[str, Sequence[object]], trouble: str) -> Sequence[object]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"{trouble}: {data!r}")
    return data


def _pop3(url: SplitResult, password: str) -> Iterator[Waiting]:
    host, user = _host(url), unquote(url.username or "")
    server: poplib.POP3
    if url.scheme == "pop3s":
        server = poplib.POP3_SSL(host, url.port or 995, context=ssl.create_default_context(), timeout=TIMEOUT)
    else:
        server = poplib.POP3(host, url.port or 110, timeout=TIMEOUT)
        if host not in _LOOPBACK:
            server.stls(ssl.create_default_context())
    try:
        server.user(user)
        server.pass_(password)
        count, _ = server.stat()
        for number in range(1, count + 1):
            data = b"\r\n".join(server.retr(number)[1])
            yield Waiting(f"{_place(url)};{number}", data, partial(_delete, server, number))
    finally:
        server.quit()  # deletions take effect now


def _delete(server: poplib.POP3, number: int) -> None:
    server.dele(number)


def _host(url: SplitResult) -> str:
    if not url.hostname or not url.username:
        raise UsageError("the mailbox needs a user and a host", where=_place(url), remedy=_REMEDY)
    return url.hostname


def _place(url: SplitResult) -> str:
    """The address without its password."""
    return f"{url.scheme}://{url.username or ''}@{url.hostname or ''}{url.path}"


def _nothing() -> None:
    """A pipe, an mbox and a plain file bear no marks."""
