"""Leases: who plans, who sends. One holder at a time, until it lets go or its time runs out.

Times are the database's own, so that machines whose clocks differ agree; on SQLite that is this machine's.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
}


def take(connection: Connection, name: str, holder: str, seconds: int) -> bool:
    """Take or renew the lease `name` for `seconds`; False while somebody else holds it."""
    now = _NOW[connection.dialect.name]
    taken = connection.execute(
        text(
            f"""
            INSERT INTO lease (name, holder, until) VALUES (:name, :holder, {now} + :seconds)
            ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
            WHERE lease.holder = excluded.holder OR lease.until < {now}
            RETURNING holder
            """
        ),
        {"name": name, "holder": holder, "seconds": seconds},
    ).first()
    return taken is not None


def let_go(connection: Connection, name: str, holder: str) -> None:
    """Give the lease back before its time, if it is held by `holder`."""
    connection.execute(
        text("DELETE FROM lease WHERE name = :name AND holder = :holder"), {"name": name, "holder": holder}
    )


def is_held(connection: Connection, name: str) -> bool:
    """Whether anybody holds the lease now."""
    now = _NOW[connection.dialect.name]
    row = connection.execute(text(f"SELECT 1 FROM lease WHERE name = :name AND until >= {now}"), {"name": name})
    return row.first() is not None
