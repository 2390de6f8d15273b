"""What operators do to campaigns and readers. Each action is idempotent, effective at once and in the audit log.

The engine asks the campaign's state before every batch and again before the batch leaves, so that a pause or a
cancellation also stops what has been planned already.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from newsletter.clock import Clock
from newsletter.errors import CampaignError
from newsletter.scheduler.apply import TO_BE_COMPUTED, TO_BE_ENROLLED
from newsletter.scheduler.calendar import timetable_of
from newsletter.scheduler.deferring import hold_backlog
from newsletter.scheduler.newcomers import adapt
from newsletter.scheduler.tick import KEEP_TRYING_SECONDS
from newsletter.scheduler.versions import versions_alike
from newsletter.store.audits import record_action
from newsletter.store.campaigns import (
    Campaign,
    CampaignPage,
    State,
    campaign_named,
    campaigns,
    mark_audience,
    mark_tzdata,
    pages_of,
    planning,
    set_state,
)
from newsletter.store.database import Database
from newsletter.store.editing import revive, take_back_planned
from newsletter.store.enrollments import People, enrolled_among, find_next_pages
from newsletter.store.progress import pages_behind
from newsletter.store.readers import (
    Reader,
    begin_round,
    cancel_deliveries,
    count_errata,
    enroll_again,
    make_active,
    put_behind,
    reader_at,
    send_copy,
    send_errata,
    withdraw,
)
from newsletter.store.uncertain import resolve_uncertain, uncertain


def pause(database: Database, name: str, clock: Clock, *, who: str) -> bool:
    """Nothing more leaves, also of what is planned; False when it is paused already."""
    return _turn(database, name, clock, who, "pause", "paused", ("running",))


def resume(database: Database, name: str, clock: Clock, *, who: str) -> bool:
    """Go on: readers who are overdue get one page, at an hour at which they may be mailed; False when it is running."""
    return _turn(database, name, clock, who, "resume", "running", ("paused",), _catch_up)


def approve(database: Database, name: str, clock: Clock, *, who: str) -> bool:
    """Let a campaign that waits for approval begin; False when it has begun."""
    return _turn(database, name, clock, who, "approve", "running", ("unapproved",))


def cancel(database: Database, name: str, clock: Clock, *, who: str) -> bool:
    """End it for good: nothing planned leaves any more; False when it is cancelled already."""
    return _turn(database, name, clock, who, "cancel", "cancelled", ("running", "paused", "unapproved"), _withdraw_all)


def _turn(
    database: Database,
    name: str,
    clock: Clock,
    who: str,
    action: str,
    state: State,
    states: tuple[State, ...],
    also: Callable[[Connection, Campaign, int], None] = lambda connection, campaign, now: None,
) -> bool:
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        if campaign.state == state:
            return False
        if campaign.state not in states:
            raise CampaignError(
                f"campaign {name} is {campaign.state}: it can't {action}", remedy=_REMEDY[campaign.state]
            )
        set_state(connection, campaign.id, state, now=now)
        also(connection, campaign, now)
        record_action(connection, who, action, name, now=now)
    return True


_REMEDY: dict[State, str] = {
    "unapproved": "It waits for `newsletter campaign approve`.",
    "running": "It is running; pause or cancel it.",
    "paused": "Resume it with `newsletter campaign resume`.",
    "cancelled": "That is final; start one under another name.",
}


def _catch_up(connection: Connection, campaign: Campaign, now: int) -> None:
    if campaign.definition.limits.per_day or campaign.definition.limits.per_day_overall:
        # what other campaigns sent meanwhile counts: the daily limits are asked again
        take_back_planned(connection, campaign.id, campaign.planned_until)
    revive(connection, campaign.id, campaign.planned_until)
    mark_tzdata(connection, campaign.id, TO_BE_COMPUTED)
    mark_audience(connection, campaign.id, TO_BE_ENROLLED)


def _withdraw_all(connection: Connection, campaign: Campaign, now: int) -> None:
    cancel_deliveries(connection, campaign.id, now)


def known_campaign(connection: Connection, name: str) -> Campaign:
    """The campaign called `name`. Raises CampaignError naming those there are."""
    campaign = campaign_named(connection, name)
    if campaign is None:
        names = ", ".join(each.name for each in campaigns(connection))
        remedy = f"There are: {names}." if names else "There is none yet: newsletter campaign start SERIES --every 3d"
        raise CampaignError(f"there is no campaign {name!r}", remedy=remedy)
    return campaign


def known_page(connection: Connection, campaign: Campaign, page: str) -> CampaignPage:
    """The page with this id, or at this number in the order. Raises CampaignError naming those there are."""
    pages = pages_of(connection, campaign.id)
    for number, each in enumerate(pages, 1):
        if page in (each.page_id, str(number)):
            return each
    names = ", ".join(each.page_id for each in pages)
    raise CampaignError(f"campaign {campaign.name} has no page {page!r}", remedy=f"Its pages: {names}.")


def known_reader(connection: Connection, campaign: Campaign, address: str) -> Reader:
    """The enrolled reader with this address. Raises CampaignError when there is none."""
    reader = reader_at(connection, campaign.id, campaign.series, address)
    if reader is None:
        raise CampaignError(
            f"nobody has the address {address}", remedy="newsletter subscribers list  shows who is there."
        )
    if reader.state is None:
        raise CampaignError(
            f"{address} is not enrolled in {campaign.name}", remedy=f"newsletter campaign why {campaign.name} {address}"
        )
    return reader


def skip(database: Database, name: str, address: str, clock: Clock, *, who: str) -> str | None:
    """Pass over a reader's next page; the id of the page that comes next now (None: they have finished)."""
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        reader = known_reader(connection, campaign, address)
        if reader.next_page_id is None or reader.state == "finished":
            raise CampaignError(
                f"{address} has had every page of {name}",
                remedy=f"Start them again: newsletter campaign restart {name} {address}",
            )
        withdraw(connection, campaign.id, reader.subscriber_id, now)
        put_behind(connection, campaign.id, reader.subscriber_id, reader.next_page_id, now)
        record_action(connection, who, "skip", name, now=now, reader=reader.subscriber_id, page=reader.next_page_id)
        return _go_on(connection, campaign, reader.subscriber_id, now)


def move(database: Database, name: str, address: str, page: str, clock: Clock, *, who: str) -> str | None:
    """Make `page` a reader's next one: what comes before it is behind them, what comes after is ahead, also if they had
    it. Returns its id."""
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        target = known_page(connection, campaign, page)
        reader = known_reader(connection, campaign, address)
        if reader.next_page_id == target.page_id and reader.state != "finished":
            return target.page_id
        _start_at(connection, campaign, reader.subscriber_id, target.page_id, now)
        record_action(connection, who, "move", name, now=now, reader=reader.subscriber_id, page=target.page_id)
        return _go_on(connection, campaign, reader.subscriber_id, now)


def restart(database: Database, name: str, address: str, clock: Clock, *, who: str) -> str | None:
    """Start a reader again at the first page, as if they were enrolled now; the id of that page."""
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        reader = known_reader(connection, campaign, address)
        first = known_page(connection, campaign, "1")
        _start_at(connection, campaign, reader.subscriber_id, first.page_id, now)
        enroll_again(connection, campaign.id, reader.subscriber_id, now)
        record_action(connection, who, "restart", name, now=now, reader=reader.subscriber_id)
        return _go_on(connection, campaign, reader.subscriber_id, now)


def _start_at(connection: Connection, campaign: Campaign, subscriber_id: int, page_id: str, now: int) -> None:
    withdraw(connection, campaign.id, subscriber_id, now)
    order = [page.page_id for page in pages_of(connection, campaign.id)]
    ahead = order[order.index(page_id) :]
    if any(page in pages_behind(connection, campaign.id, subscriber_id) for page in ahead):
        begin_round(connection, campaign.id, subscriber_id)
    for page in order[: order.index(page_id)]:
        put_behind(connection, campaign.id, subscriber_id, page, now)


def _go_on(connection: Connection, campaign: Campaign, subscriber_id: int, now: int) -> str | None:
    people = People(ids=(subscriber_id,))
    make_active(connection, campaign.id, subscriber_id)
    find_next_pages(connection, campaign.id, people)
    readers = enrolled_among(connection, campaign.id, people)
    adapt(connection, campaign, readers, now)
    return readers[0].next_page_id


def send_again(database: Database, name: str, address: str, page: str, clock: Clock, *, who: str) -> str:
    """Send a reader one more copy of a page, as it is now; its id. Not idempotent by nature: each call is a mail."""
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        target = known_page(connection, campaign, page)
        reader = known_reader(connection, campaign, address)
        send_copy(
            connection,
            campaign.id,
            reader.subscriber_id,
            target.page_id,
            target.email_hash,
            now,
            now + KEEP_TRYING_SECONDS,
        )
        record_action(connection, who, "send-again", name, now=now, reader=reader.subscriber_id, page=target.page_id)
    return target.page_id


def errata(database: Database, name: str, page: str, clock: Clock, *, who: str) -> int:
    """Mail the corrected page to those whose last copy was another version, at an hour for mail; how many."""
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        target = known_page(connection, campaign, page)
        versions = _versions(connection, campaign, target)
        count = send_errata(connection, campaign.id, target.page_id, versions, now, now + KEEP_TRYING_SECONDS)
        if count:
            hold_backlog(connection, campaign, timetable_of(connection, campaign), now)
            record_action(connection, who, "errata", name, now=now, page=target.page_id, readers=count)
    return count


def count_errata_of(database: Database, name: str, page: str) -> int:
    """How many readers `errata` would mail."""
    with database.reading() as connection:
        campaign = known_campaign(connection, name)
        target = known_page(connection, campaign, page)
        return count_errata(connection, campaign.id, target.page_id, _versions(connection, campaign, target))


def _versions(connection: Connection, campaign: Campaign, page: CampaignPage) -> tuple[str, ...]:
    return versions_alike(connection, campaign.series, page, len(pages_of(connection, campaign.id)))


def resolve(database: Database, name: str, outcome: str, clock: Clock, *, who: str, address: str = "") -> int:
    """Decide about mails of which nobody knows whether they left: `sent`, `due` (send again, under the same Message-ID)
    or `failed`; those of one address, or all. Returns how many."""
    now = int(clock.now().timestamp())
    with planning(database) as connection:
        campaign = known_campaign(connection, name)
        found = [
            each.id
            for each in uncertain(connection, campaign.id)
            if not address or each.address.lower() == address.lower()
        ]
        count = resolve_uncertain(connection, found, outcome, now) if found else 0
        if count:  # the log is never changed, so whoever asks to be erased must not stand in it by address
            of = "one reader" if address else "all"
            record_action(connection, who, "resolve", name, now=now, outcome=outcome, mails=count, of=of)
    return count
