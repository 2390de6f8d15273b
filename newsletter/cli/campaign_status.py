"""How campaigns, readers and the audit log look on a terminal and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from newsletter.campaigns.timetable import moment
from newsletter.cli.terminal import out, print_table, say
from newsletter.scheduler.status import Reason, Status, local_time
from newsletter.store.audits import Audit
from newsletter.store.reports import Progress, progress_of_readers

STYLES = {
    "running": "green",
    "paused": "yellow",
    "unapproved": "yellow",
    "cancelled": "dim",
    "left": "dim",
    "ended": "dim",
}
PART = 500
COLUMNS = ("campaign", "state", "readers", "finished", "sent", "waiting", "trouble")
NUMBERS = COLUMNS[2:]


def print_all(found: Sequence[Status]) -> None:
    """One line for each campaign."""
    if not found:
        out.print("No campaign yet. For example: newsletter campaign start captains --every 3d --at 09:00")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*COLUMNS, "next due (UTC)"):
        is_name = name == "campaign"  # only a name may be broken; a number cut short would be another number
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=not is_name, overflow="fold")
    for each in found:
        count = each.deliveries.get
        table.add_row(
            each.campaign.name,
            _coloured(each.campaign.state),
            f"{each.all_readers:,}",
            f"{each.readers.get('finished', 0):,}",
            f"{count('sent', 0):,}",
            f"{count('due', 0) + count('claimed', 0):,}",
            f"{count('failed', 0) + count('uncertain', 0):,}",
            "" if each.next_due is None else f"{moment(each.next_due):%d %b %H:%M}",
        )
    print_table(table)


def print_one(found: Status) -> None:
    """Everything about one campaign."""
    campaign, cadence = found.campaign, found.campaign.definition.cadence
    at = f" at {cadence.at:%H:%M}" if cadence.at else ""
    out.print(Text.assemble((campaign.name, "bold"), "  ", _coloured(campaign.state)))
    out.print(f"  series    {campaign.series}, {campaign.definition.mode}", markup=False)
    out.print(f"  cadence   {campaign.definition.rhythm}{at}, zone {cadence.zone}", markup=False)
    say(out, Text(f"audience  {found.audience}"), indent=2, hang=len("audience  "))
    out.print(f"  readers   {_listed(found.readers) or 'none yet'}")
    mails = {state: count for state, count in found.deliveries.items() if state != "passed"}
    out.print(f"  mails     {_listed(mails) or 'none yet'}")
    if found.next_due is not None:
        out.print(f"  next due  {local_time(found.next_due, 'UTC')} UTC")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "page", "got it"):
        table.add_column(name, justify="left" if name == "page" else "right")
    for number, page in enumerate(found.pages, 1):
        table.add_row(str(number), page.page_id, f"{found.sent_by_page.get(page.page_id, 0):,}")
    print_table(table)
    for each in found.uncertain:
        out.print(Text(f"uncertain: page {each.page_id} to {each.address}: {each.reason}", style="yellow"))
    if found.uncertain:
        out.print(f"Decide: newsletter campaign resolve {campaign.name} sent|again|failed", markup=False)


def print_readers(connection: Connection, found: Status) -> None:
    """How far each reader is; written part by part, however many there are."""
    pages = len(found.pages)
    for reader in _readers(connection, found):
        due = "" if reader.due_at is None else f"  {local_time(reader.due_at, reader.zone)} {reader.zone}"
        next_page = f"  next {reader.next_page_id}{due}" if reader.state == "active" else ""
        out.print(f"{reader.address}  {reader.sent}/{pages}  {reader.state}{next_page}", markup=False)


def print_reason(reason: Reason) -> None:
    """What is next for a reader and why not now, and what they had."""
    out.print(Text(f"{reason.address} in {reason.campaign}", style="bold"))
    for sentence in reason.sentences:
        out.print(sentence, markup=False)
    for each in reason.had:
        when = "" if each.finished_at is None else f"  {local_time(each.finished_at, 'UTC')} UTC"
        out.print(f"  {each.page_id}{_which_time(each.copy)}  {each.state}{when}", markup=False)


def _which_time(copy: int) -> str:
    """What the column `copy` of a delivery means: which round, after a restart, and which copy in it."""
    begun, more = divmod(copy, 100)
    said = [f"round {begun + 1}"] * bool(begun) + [f"copy {more + 1}"] * bool(more)
    return f" ({', '.join(said)})" if said else ""


def print_log(actions: Sequence[Audit], addresses: Mapping[int, str]) -> None:
    """Who did what when. The log knows a reader by number, so that it holds no address of somebody who was erased."""
    for each in actions:
        detail = {key: value for key, value in each.detail.items() if value not in ("", [])}
        if (reader := detail.get("reader")) is not None:
            detail["reader"] = addresses.get(reader, f"{reader} (erased)")
        said = "  ".join(f"{key}: {_plain(value)}" for key, value in detail.items())
        line = f"{local_time(each.at, 'UTC')} UTC  {each.who}  {each.action} {each.subject}  {said}"
        out.print(line.rstrip(), markup=False)


def as_json(connection: Connection, found: Sequence[Status], *, with_readers: bool) -> str:
    """The same for machines; times are ISO 8601 in UTC."""
    return json.dumps([_document(connection, each, with_readers) for each in found], ensure_ascii=False, indent=2)


def _document(connection: Connection, found: Status, with_readers: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": found.campaign.name,
        "state": found.campaign.state,
        "series": found.campaign.series,
        "audience": found.audience,
        "readers": dict(found.readers),
        "deliveries": dict(found.deliveries),
        "pages": [{"id": page.page_id, "sent": found.sent_by_page.get(page.page_id, 0)} for page in found.pages],
        "next_due": _iso(found.next_due),
    }
    if with_readers:
        document["progress"] = [
            reader._asdict() | {"due_at": _iso(reader.due_at), "last_sent_at": _iso(reader.last_sent_at)}
            for reader in _readers(connection, found)
        ]
    return document


def _readers(connection: Connection, found: Status) -> Iterator[Progress]:
    after = ""
    while part := progress_of_readers(connection, found.campaign.id, after, PART):
        yield from part
        after = part[-1].address


def _coloured(state: str) -> Text:
    return Text(state, style=STYLES.get(state, ""))


def _listed(counts: Any) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items(), key=lambda item: -item[1]))


def _plain(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _iso(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
