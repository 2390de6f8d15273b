"""What was composed, kept byte for byte under its content hash and never changed."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict

from sqlalchemy import Connection, text

from newsletter.compose.email import Email, EmbeddedPicture
from newsletter.errors import StoreError


def save_email(connection: Connection, email: Email, *, now: int, git_revision: str = "") -> str:
    """Keep `email`; the same content again changes nothing. Returns its hash."""
    document = asdict(email)
    document["embedded"] = [
        {**picture, "data": base64.b64encode(picture["data"]).decode()} for picture in document["embedded"]
    ]
    connection.execute(
        text(
            "INSERT INTO email (hash, series, page_id, subject, content, git_revision, created_at) "
            "VALUES (:hash, :series, :page_id, :subject, :content, :revision, :now) ON CONFLICT (hash) DO NOTHING"
        ),
        {
            "hash": email.content_hash,
            "series": email.series,
            "page_id": email.page_id,
            "subject": email.subject,
            "content": zlib.compress(json.dumps(document, ensure_ascii=False).encode()),
            "revision": git_revision,
            "now": now,
        },
    )
    return email.content_hash


def load_email(connection: Connection, content_hash: str) -> Email:
    """The email kept under `content_hash`.

    Raises StoreError when there is none, or when what is kept no longer has that hash.
    """
    content = connection.execute(
        text("SELECT content FROM email WHERE hash = :hash"), {"hash": content_hash}
    ).scalar_one_or_none()
    if content is None:
        raise StoreError(f"no email {content_hash[:12]} is kept", remedy="Restore the database from a backup.")
    document = json.loads(zlib.decompress(bytes(content)))
    pictures = tuple(
        EmbeddedPicture(picture["content_id"], picture["media_type"], base64.b64decode(picture["data"]))
        for picture in document.pop("embedded")
    )
    email = Email(**document, embedded=pictures)
    if email.content_hash != content_hash:
        raise StoreError(
            f"the email {content_hash[:12]} was changed in the database", remedy="Restore the database from a backup."
        )
    return email


def revision_of_email(connection: Connection, content_hash: str) -> str:
    """The git revision from which this content was first composed, "" where there was none."""
    found = text("SELECT git_revision FROM email WHERE hash = :hash")
    return str(connection.execute(found, {"hash": content_hash}).scalar_one())


def versions_of(connection: Connection, series: str, page_id: str) -> list[str]:
    """The hashes of all that was ever composed of a page."""
    found = text("SELECT hash FROM email WHERE series = :series AND page_id = :page")
    return list(connection.execute(found, {"series": series, "page": page_id}).scalars())


def last_sent_email(connection: Connection, series: str, page_id: str) -> Email | None:
    """The newest email of a page that reached anybody; None when none did."""
    found = connection.execute(
        text(
            "SELECT hash FROM email WHERE series = :series AND page_id = :page "
            "AND EXISTS (SELECT 1 FROM delivery WHERE email_hash = email.hash AND state = 'sent') "
            "ORDER BY created_at DESC LIMIT 1"
        ),
        {"series": series, "page": page_id},
    ).scalar_one_or_none()
    return None if found is None else load_email(connection, found)
