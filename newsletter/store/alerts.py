"""Alerts: what an operator must know. One open alert per subject; it is cleared when the cause is gone."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text


class Alert(NamedTuple):
    """`subject` is `relay:NAME`, `domain:NAME` or `campaign:NAME`; times are seconds since 1970."""

    id: int
    subject: str
    message: str
    raised_at: int


def raise_alert(connection: Connection, subject: str, message: str, now: int) -> None:
    """Raise an alert, or say the newest about one that is open."""
    changed = connection.execute(
        text("UPDATE alert SET message = :message WHERE subject = :subject AND cleared_at IS NULL"),
        {"subject": subject, "message": message},
    ).rowcount
    if not changed:
        connection.execute(
            text("INSERT INTO alert (subject, message, raised_at) VALUES (:subject, :message, :now)"),
            {"subject": subject, "message": message, "now": now},
        )


def clear_alert(connection: Connection, subject: str, now: int) -> None:
    """The cause is gone."""
    connection.execute(
        text("UPDATE alert SET cleared_at = :now WHERE subject = :subject AND cleared_at IS NULL"),
        {"subject": subject, "now": now},
    )


def open_alerts(connection: Connection) -> list[Alert]:
    """Alerts whose cause is not gone yet, the oldest first."""
    rows = connection.execute(
        text("SELECT id, subject, message, raised_at FROM alert WHERE cleared_at IS NULL ORDER BY id")
    )
    return [Alert(*row) for row in rows]
