"""Deliveries are found by what is due and what is claimed; those that are final are in neither index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index over all states, which every mail wrote to twice, by two over the states that are looked for."""
    op.drop_index("ix_delivery_due", "delivery")
    for name, columns, state in (
        ("ix_delivery_due", ["campaign_id", "due_at"], "due"),
        ("ix_delivery_claimed", ["worker"], "claimed"),
    ):
        condition = sa.text(f"state = '{state}'")
        op.create_index(name, "delivery", columns, sqlite_where=condition, postgresql_where=condition)
