"""Everything kept about a person, in a form for machines: what they may ask for (GDPR Articles 15 and 20)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from newsletter.store.histories import History


def personal_data(history: History) -> dict[str, Any]:
    """A person's history as plain JSON values."""
    person = history.person
    who = person.subscriber
    data = {
        "email": who.address,
        "name": who.name,
        "zone": who.zone,
        "lang": who.lang,
        "attributes": dict(who.attributes),
        "tags": history.tags,
        "state": person.state,
        "created_at": person.created_at,
        "updated_at": person.updated_at,
        "mailable": not history.obstacles,
        "obstacles": history.obstacles,
        "preferences": asdict(history.preference),
        "suppressions": [
            {"scope": item.scope, "reason": item.reason.value, "source": item.source, "at": item.at}
            for item in history.suppressions
        ],
        "campaigns": [_without_ids(asdict(item)) for item in history.enrollments],
        "consents": [_without_ids(asdict(item)) for item in history.consents],
        "deliveries": [_without_ids(asdict(item)) for item in history.deliveries],
        "bounces": [asdict(item) for item in history.bounces],
    }
    plain = _plain(data)
    assert isinstance(plain, dict)
    return plain


def _without_ids(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("id", "subscriber_id", "campaign_id")}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
