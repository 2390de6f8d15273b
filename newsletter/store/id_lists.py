"""Lists of ids in statements: one text of a statement however many there are, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection


def among(connection: Connection, name: str = "ids") -> str:
    """`IN (…)` over a bound list of ids."""
    return (
        f"= ANY(:{name})" if connection.dialect.name == "postgresql" else f"IN (SELECT value FROM json_each(:{name}))"
    )


def id_list(connection: Connection, ids: Iterable[int] | Iterable[str]) -> Any:
    """The value to bind for `among`."""
    return list(ids) if connection.dialect.name == "postgresql" else json.dumps(list(ids))
