"""The audit log: what operators did, append-only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Audit:
    """`who` did `action` to `subject` at `at` (seconds since 1970); `detail` says what exactly."""

    at: int
    who: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def record_action(
    connection: Connection, who: str, action: str, subject: str, *, now: int, **detail: str | int | list[str]
) -> None:
    """Write down what was done, in the transaction that does it."""
    connection.execute(
        text("INSERT INTO audit (at, who, action, subject, detail) VALUES (:at, :who, :action, :subject, :detail)"),
        {"at": now, "who": who, "action": action, "subject": subject, "detail": json.dumps(detail, ensure_ascii=False)},
    )


def actions_on(connection: Connection, subject: str | None = None, limit: int = 50) -> list[Audit]:
    """The latest actions, on `subject` or on anything, the newest first."""
    where = "" if subject is None else "WHERE subject = :subject"
    rows = connection.execute(
        text(f"SELECT at, who, action, subject, detail FROM audit {where} ORDER BY id DESC LIMIT :limit"),
        {"limit": limit} | ({} if subject is None else {"subject": subject}),
    )
    return [
        Audit(
            row.at,
            row.who,
            row.action,
            row.subject,
            json.loads(row.detail) if isinstance(row.detail, str) else row.detail,
        )
        for row in rows
    ]
