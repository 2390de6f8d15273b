"""The ledger of deliveries: claim what is due, record what became of it, release what was not sent.

SQLite and PostgreSQL pass the same contract tests (tests/contracts/test_ledger.py). On SQLite a transaction holds
the only write lock; on PostgreSQL any number of workers claim at once (`FOR UPDATE SKIP LOCKED`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, CursorResult, text

from newsletter.campaigns.definition import Sender
from newsletter.store.campaigns import RunningCampaign
from newsletter.store.id_lists import among, id_list
from newsletter.subscriber import Subscriber

NOTHING: Mapping[str, Any] = MappingProxyType({})


ROUNDS = 4
"""How often a claim goes round the campaigns; bounds a transaction that meets nobody but the suppressed."""


class Claim(NamedTuple):
    """A delivery that this worker alone may send now, with all that merging needs (a named tuple: a million a day).

    `sender` is who the campaign's mail is from, where that differs from the settings.
    """

    id: int
    campaign_id: int
    series: str
    page_id: str
    copy: int
    email_hash: str
    attempts: int
    due_at: int
    give_up_at: int
    last_relay: str
    campaign_relay: str
    sender: Sender
    subscriber_id: int
    address: str
    name: str
    zone: str
    lang: str
    attributes: Mapping[str, Any]

    @property
    def subscriber(self) -> Subscriber:
        """The person as the merge sees them."""
        return Subscriber(self.address, self.name, self.zone, self.lang, self.attributes, self.subscriber_id)


class Outcome(NamedTuple):
    """What became of one claimed delivery.

    `attempts` is the claim's: it ties the outcome to that claim and no later one. `state` is `sent`, `failed` or
    `due` (again, at `due_at`); `tried` says whether this counts as an attempt. Times are seconds since 1970.
    """

    id: int
    attempts: int
    state: str
    at: int
    due_at: int = 0
    give_up_at: int = 0
    relay: str = ""
    code: int | None = None
    reply: str = ""
    tried: bool = True


_DUE = """
SELECT d.id, d.page_id, d.copy, d.email_hash, d.attempts, d.due_at, d.give_up_at, d.relay,
       s.id AS person, s.address, s.name, s.zone, s.lang, s.attributes,
       s.state <> 'active' OR EXISTS (SELECT 1 FROM suppression x
           WHERE x.address_hash = s.address_hash AND x.scope IN ('', :series)) AS unwanted
FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id
WHERE d.campaign_id = :campaign AND d.state = 'due' AND d.due_at <= :now
ORDER BY d.due_at LIMIT :limit
"""

_DUE_POSTGRESQL = text(f"{_DUE} FOR UPDATE OF d SKIP LOCKED")
_DUE_SQLITE = text(f"""
SELECT json_group_array(json_array(id, page_id, copy, email_hash, attempts, due_at, give_up_at, relay,
                                   person, address, name, zone, lang, attributes, unwanted)) FROM ({_DUE})
""")
"""All rows as one value. Python's driver lets go of the GIL for every row it steps to, and each time the thread that
serves the sockets takes it: a batch of 500 was 500 turns to wait for."""


def claim(
    connection: Connection,
    worker: str,
    campaigns: Sequence[RunningCampaign],
    limit: int,
    now: int,
    room: Mapping[int, int] | None = None,
) -> list[Claim]:
    """Take up to `limit` deliveries that are due at `now`, from each of `campaigns` in turn; of one in `room` at most
    so many.

    Deliveries to people who are suppressed (or not active) become `suppressed` on the way.
    """
    claims: list[Claim] = []
    left_over = dict(room or {})
    for _ in range(ROUNDS):
        eager = []
        for left, campaign in zip(range(len(campaigns), 0, -1), campaigns, strict=True):
            share = -(-(limit - len(claims)) // left)
            if campaign.id in left_over:
                share = min(share, left_over[campaign.id])
            found, met = _claim_from(connection, worker, campaign, share, now) if share > 0 else ([], 0)
            claims += found
            if campaign.id in left_over:
                left_over[campaign.id] -= len(found)
            if met == share > 0:
                eager.append(campaign)  # it has more: what the others leave over is its
        campaigns = eager
    return claims


def _claim_from(
    connection: Connection, worker: str, campaign: RunningCampaign, share: int, now: int
) -> tuple[list[Claim], int]:
    """Claims of one campaign, and how many due rows it had (up to `share`)."""
    wanted = {"campaign": campaign.id, "series": campaign.series, "now": now, "limit": share}
    rows: Sequence[Sequence[Any]]
    if _is_postgresql(connection):
        rows = connection.execute(_DUE_POSTGRESQL, wanted).all()
    else:
        rows = json.loads(connection.execute(_DUE_SQLITE, wanted).scalar_one())
    claims = []
    unwanted = []
    for row in rows:
        if row[14]:
            unwanted.append(row[0])
            continue
        delivery_id, *page, last_relay = row[:8]
        delivery = (delivery_id, campaign.id, campaign.series, *page, last_relay, campaign.relay, campaign.sender)
        claims.append(Claim._make((*delivery, *row[8:13], _attributes(row[13]))))
    if claims:
        _execute(connection, _CLAIM, [found.id for found in claims], worker=worker)
    if unwanted:
        _execute(connection, _FINISH_UNSENT, unwanted, state="suppressed", now=now)
    return claims, len(rows)


_UNWANTED = """(s.state <> 'active' OR EXISTS (SELECT 1 FROM suppression x
                WHERE x.address_hash = s.address_hash AND x.scope IN ('', c.series)))"""
_AMONG_THEM = """
FROM delivery d JOIN campaign c ON c.id = d.campaign_id JOIN subscriber s ON s.id = d.subscriber_id
WHERE d.id {among}"""
_HELD = "d.state = 'claimed' AND d.worker = :worker"
_ALLOWED = f"SELECT count(*) FILTER (WHERE {_HELD} AND c.state = 'running' AND NOT {_UNWANTED}) {_AMONG_THEM}"
"""Who holds them is no condition of finding them: PostgreSQL, whose figures know of no claims, would go through all
that are claimed each time (15 us a message)."""
_STANDING = f"SELECT d.id, c.state, {_UNWANTED} {_AMONG_THEM} AND {_HELD}"


def refusals(connection: Connection, worker: str, claims: Sequence[Claim]) -> dict[int, str]:
    """Which of `claims` may not go out any more, and why, asked right before they go.

    Values: `suppressed` (also: no longer active), `paused`, `cancelled`, and `lost` when the row is gone (erased) or
    no longer this worker's.
    """
    ids = [found.id for found in claims]
    allowed = _execute(connection, _ALLOWED, ids, worker=worker).scalar_one()
    if allowed == len(claims):  # nearly always: one number, not a row for each
        return {}
    rows = _execute(connection, _STANDING, ids, worker=worker)
    refused = {found.id: "lost" for found in claims}
    for delivery_id, campaign_state, is_unwanted in rows:
        if is_unwanted:
            refused[delivery_id] = "suppressed"
        elif campaign_state == "cancelled":
            refused[delivery_id] = "cancelled"
        elif campaign_state != "running":
            refused[delivery_id] = "paused"
        else:
            del refused[delivery_id]
    return refused


def put_back(connection: Connection, worker: str, refused: Mapping[int, str], now: int) -> None:
    """Undo claims that may not go out: `paused` ones are due again, the others are never sent; `lost` ones are not ours."""
    release(connection, worker, [key for key, reason in refused.items() if reason == "paused"])
    for reason in ("suppressed", "cancelled"):
        ids = [key for key, found in refused.items() if found == reason]
        if ids:
            _execute(connection, _FINISH_UNSENT, ids, state=reason, now=now)


_RELEASE = (
    "UPDATE delivery SET state = 'due', worker = NULL WHERE id {among} AND worker = :worker AND state = 'claimed'"
)


def release(connection: Connection, worker: str, ids: Iterable[int]) -> int:
    """Claims that were surely not sent are due again; no attempt is counted. Returns rows changed."""
    wanted = list(ids)
    return _execute(connection, _RELEASE, wanted, worker=worker).rowcount if wanted else 0


_RECORD_SQLITE = """
UPDATE delivery SET state = o.state, worker = NULL, attempts = o.attempts + o.tried,
    due_at = CASE WHEN o.due_at > 0 THEN o.due_at ELSE delivery.due_at END,
    give_up_at = CASE WHEN o.give_up_at > 0 THEN o.give_up_at ELSE delivery.give_up_at END,
    relay = o.relay, reply_code = o.code, reply = o.reply, finished_at = o.finished_at
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS attempts,
             json_extract(value, '$[2]') AS state, json_extract(value, '$[3]') AS due_at,
             json_extract(value, '$[4]') AS give_up_at, json_extract(value, '$[5]') AS relay,
             json_extract(value, '$[6]') AS code, json_extract(value, '$[7]') AS reply,
             json_extract(value, '$[8]') AS tried, json_extract(value, '$[9]') AS finished_at
      FROM json_each(?)) AS o
WHERE delivery.id = o.id AND delivery.worker = ? AND delivery.state IN ('claimed', 'uncertain')
    AND delivery.attempts = o.attempts + (delivery.state = 'uncertain')
"""
_RECORD_POSTGRESQL = """
UPDATE delivery d SET state = o.value->>2, worker = NULL, attempts = (o.value->1)::int + (o.value->8)::int,
    due_at = CASE WHEN (o.value->3)::bigint > 0 THEN (o.value->3)::bigint ELSE d.due_at END,
    give_up_at = CASE WHEN (o.value->4)::bigint > 0 THEN (o.value->4)::bigint ELSE d.give_up_at END,
    relay = o.value->>5, reply_code = (o.value->>6)::int, reply = o.value->>7, finished_at = (o.value->>9)::bigint
FROM jsonb_array_elements(%s::jsonb) AS o
WHERE d.id = (o.value->0)::bigint
    AND CASE WHEN d.worker = %s AND d.attempts = (o.value->1)::int + (d.state = 'uncertain')::int
        THEN d.state IN ('claimed', 'uncertain') END
"""
"""The last conditions stand in a CASE, so that the planner does not take the rows that meet them for next to none and
walk through all that is claimed for each outcome (25 ms a batch of 128)."""


def record(connection: Connection, worker: str, outcomes: Sequence[Outcome]) -> int:
    """Write what became of claims of `worker`; an outcome written before changes nothing. Returns rows changed.

    A worker that was thought dead may still record: what it sent is no longer `uncertain` then, which had counted as
    an attempt.
    """
    if not outcomes:
        return 0
    rows = [
        (
            found.id,
            found.attempts,
            found.state,
            found.due_at,
            found.give_up_at,
            found.relay,
            found.code,
            found.reply,
            int(found.tried),
            None if found.state == "due" else found.at,
        )
        for found in outcomes
    ]
    statement = _RECORD_POSTGRESQL if _is_postgresql(connection) else _RECORD_SQLITE
    return connection.exec_driver_sql(statement, (json.dumps(rows), worker)).rowcount


def count_due(connection: Connection, now: int) -> int:
    """Deliveries of running campaigns that are due at `now`."""
    return int(
        connection.execute(
            text(
                "SELECT count(*) FROM delivery d JOIN campaign c ON c.id = d.campaign_id "
                "WHERE c.state = 'running' AND d.state = 'due' AND d.due_at <= :now"
            ),
            {"now": now},
        ).scalar_one()
    )


def hasten(connection: Connection, now: int) -> int:
    """Deliveries that the engine put off untried, for a limit of a relay or a domain, are due now; not those that wait
    for their readers' hours. Returns rows changed."""
    return connection.execute(
        text(
            "UPDATE delivery SET due_at = :now WHERE state = 'due' AND due_at > :now "
            "AND attempts = 0 AND reply IS NOT NULL "  # NULL: the engine never had it, or the planner holds it since
            "AND campaign_id IN (SELECT id FROM campaign WHERE state = 'running')"
        ),
        {"now": now},
    ).rowcount


def next_due(connection: Connection) -> int | None:
    """When the next delivery of a running campaign is due; None: none is waiting."""
    moments = [
        connection.execute(
            text("SELECT min(due_at) FROM delivery WHERE campaign_id = :campaign AND state = 'due'"), {"campaign": key}
        ).scalar_one()
        for key in connection.execute(text("SELECT id FROM campaign WHERE state = 'running'")).scalars().all()
    ]
    return min((moment for moment in moments if moment is not None), default=None)


def claims_by_worker(connection: Connection) -> dict[str, list[tuple[int, int]]]:
    """Worker → (delivery id, attempts) of what it has claimed and not recorded."""
    found: dict[str, list[tuple[int, int]]] = {}
    for worker, delivery_id, attempts in connection.execute(
        text("SELECT worker, id, attempts FROM delivery WHERE state = 'claimed'")
    ):
        found.setdefault(worker or "", []).append((delivery_id, attempts))
    return found


_CLAIM = "UPDATE delivery SET state = 'claimed', worker = :worker WHERE id {among}"
_FINISH_UNSENT = """
UPDATE delivery SET state = :state, worker = NULL, finished_at = :now WHERE id {among} AND state IN ('due', 'claimed')
"""


def _execute(connection: Connection, statement: str, ids: list[int], **values: Any) -> CursorResult[*tuple[Any, ...]]:
    """Execute `statement` for the deliveries `ids`, which stand for `{among}` in it."""
    statement = statement.replace("{among}", among(connection))
    return connection.execute(text(statement), {**values, "ids": id_list(connection, ids)})


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _attributes(value: Any) -> Mapping[str, Any]:
    if value in ("{}", None):
        return NOTHING
    decoded: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return decoded
