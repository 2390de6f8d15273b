"""The audit log names no subscriber by address: whoever asks to be erased must not stand in what is never changed."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ADDRESS = re.compile(r"[^\s,;'\"()]+@[^\s,;'\"()]+")
_GUARDS = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")


def upgrade() -> None:
    """Take the addresses out of entries that older versions wrote, for once with the log's guards down."""
    connection = op.get_bind()
    audit = sa.table("audit", sa.column("id"), sa.column("action"), sa.column("detail", sa.JSON))
    rows = connection.execute(sa.select(audit.c.id, audit.c.action, audit.c.detail)).all()
    named = {row.id: found for row in rows if (found := _unnamed(row.action, row.detail)) != row.detail}
    if not named:
        return
    is_sqlite = connection.dialect.name == "sqlite"
    guards = connection.execute(_GUARDS).all() if is_sqlite else []
    if is_sqlite:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # else the old text stays in the file's free space
    else:
        op.execute("ALTER TABLE audit DISABLE TRIGGER audit_no_change")
    for guard in guards:
        op.execute(f"DROP TRIGGER {guard.name}")
    for key, detail in named.items():
        connection.execute(sa.update(audit).where(audit.c.id == key).values(detail=detail))
    for guard in guards:
        op.execute(guard.sql)
    if not is_sqlite:
        op.execute("ALTER TABLE audit ENABLE TRIGGER audit_no_change")


def _unnamed(action: str, detail: dict[str, Any]) -> dict[str, Any]:
    """An entry as it is written today: a decision says of how many, a setting that there is an address."""
    if action == "resolve" and "address" in detail:
        rest = {key: value for key, value in detail.items() if key != "address"}
        return rest | {"of": "one reader" if detail["address"] else "all"}
    if action in ("create", "apply") and "settings" in detail:
        return detail | {"settings": [_without_address(line) for line in detail["settings"]]}
    return detail


def _without_address(line: str) -> str:
    return _ADDRESS.sub("(an address)", line) if line.startswith(("seeds.", "audience.")) else line
