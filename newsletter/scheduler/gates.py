"""The gates before a page: first the seeds, then the canary, then everybody.

A gate is set up anew when the page's content changes. Held readers are not lost: their due time moves.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from newsletter.campaigns.definition import Canary
from newsletter.campaigns.rhythm import UNITS, Interval
from newsletter.campaigns.timetable import Timetable
from newsletter.scheduler.deferring import hold_page
from newsletter.store.alerts import raise_alert
from newsletter.store.audits import record_action
from newsletter.store.campaigns import Campaign, CampaignPage, mark_gate, pages_of, set_state
from newsletter.store.gates import Fate, fate_of, first_after_canary, mail_seeds
from newsletter.store.planning import pages_due

SETTLE_SECONDS = 300
"""How much longer to wait for a canary whose deliveries are not final when its time is over."""

SCHEDULER = "scheduler"


def pass_gates(connection: Connection, campaign: Campaign, table: Timetable, now: int, give_up_at: int) -> bool:
    """Hold back readers of pages that are not open to everybody yet; False when a canary has stopped the campaign."""
    definition = campaign.definition
    if not definition.seeds.addresses and not definition.canary.readers:
        return True
    due = pages_due(connection, campaign.id, campaign.planned_until, now)
    for page in pages_of(connection, campaign.id):
        if (
            page.page_id in due
            and page.opened_at is None
            and not _pass_gate(connection, campaign, table, page, now, give_up_at)
        ):
            return False
    return True


def _pass_gate(
    connection: Connection, campaign: Campaign, table: Timetable, page: CampaignPage, now: int, give_up_at: int
) -> bool:
    seeds, canary = campaign.definition.seeds, campaign.definition.canary
    if seeds.addresses:
        if page.seeded_at is None:
            mail_seeds(connection, campaign.id, page.page_id, page.email_hash, seeds.addresses, now, give_up_at)
            mark_gate(connection, campaign.id, page.page_id, "seeded_at", now)
        opens = (now if page.seeded_at is None else page.seeded_at) + seconds_of(seeds.wait)
        if now < opens:
            hold_page(connection, campaign, table, now, page.page_id, opens)
            return True
    if canary.readers and page.canary_at is None:
        return _send_canary(connection, campaign, table, page, now)
    if canary.readers and page.canary_at is not None:
        opens = page.canary_at + seconds_of(canary.wait)
        fate = fate_of(connection, campaign.id, page.page_id, page.email_hash)
        if reason := _too_bad(canary, fate):
            _stop(connection, campaign, page, reason, now)
            return False
        if now < opens or fate.under_way:
            hold_page(connection, campaign, table, now, page.page_id, max(opens, now + SETTLE_SECONDS))
            return True
    mark_gate(connection, campaign.id, page.page_id, "opened_at", now)
    return True


def _send_canary(connection: Connection, campaign: Campaign, table: Timetable, page: CampaignPage, now: int) -> bool:
    """Let the first few through; everybody else waits."""
    canary = campaign.definition.canary
    behind = first_after_canary(connection, campaign.id, campaign.planned_until, now, page.page_id, canary.readers)
    mark_gate(connection, campaign.id, page.page_id, "canary_at", now)
    if behind is not None:
        hold_page(connection, campaign, table, now, page.page_id, now + seconds_of(canary.wait), behind=behind)
    return True


def _too_bad(canary: Canary, fate: Fate) -> str:
    for count, limit, word in (
        (fate.bounced, canary.bounces, "bounced"),
        (fate.complained, canary.complaints, "complained"),
    ):
        if fate.copies and 100 * count / fate.copies > limit:
            return f"{count} of the first {fate.copies} {word}, more than {limit:g} per cent"
    return ""


def _stop(connection: Connection, campaign: Campaign, page: CampaignPage, reason: str, now: int) -> None:
    set_state(connection, campaign.id, "paused", now=now)
    raise_alert(connection, f"campaign:{campaign.name}", f"paused by its canary: page {page.page_id}, {reason}", now)
    record_action(connection, SCHEDULER, "pause", campaign.name, now=now, page=page.page_id, reason=reason)


def seconds_of(interval: Interval) -> int:
    """A time span in seconds."""
    return round(timedelta(**{UNITS[interval.unit]: interval.count}).total_seconds())
