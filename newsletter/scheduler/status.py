"""How campaigns stand: `campaign status`, and why a reader has not got the next page: `campaign why`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from newsletter.campaigns.timetable import Timetable, moment
from newsletter.campaigns.wall_time import wall, zone_named
from newsletter.errors import CampaignError
from newsletter.scheduler.apply import TO_BE_COMPUTED
from newsletter.scheduler.audience import audience_of, audience_words
from newsletter.scheduler.calendar import timetable_of
from newsletter.scheduler.operate import known_campaign
from newsletter.store.campaigns import Campaign, CampaignPage, campaigns, pages_of
from newsletter.store.enrollments import People, enrolled_among
from newsletter.store.planning import next_due
from newsletter.store.readers import Reader, Sent, deliveries_of, is_among, reader_at
from newsletter.store.reports import count_deliveries, count_readers, count_sent_by_page
from newsletter.store.uncertain import Uncertain, uncertain

AT_ITS_NEXT_TICK = "the scheduler sees to it at its next tick (`newsletter run`)"


@dataclass(frozen=True)
class Status:
    """How one campaign stands. Times are seconds since 1970."""

    campaign: Campaign
    audience: str
    pages: tuple[CampaignPage, ...]
    readers: Mapping[str, int]
    deliveries: Mapping[str, int]
    sent_by_page: Mapping[str, int]
    next_due: int | None
    uncertain: tuple[Uncertain, ...]

    @property
    def all_readers(self) -> int:
        """Everybody enrolled."""
        return sum(self.readers.values())


def status_of(connection: Connection, campaign: Campaign) -> Status:
    """How `campaign` stands."""
    return Status(
        campaign=campaign,
        audience=audience_words(connection, campaign.definition),
        pages=tuple(pages_of(connection, campaign.id)),
        readers=count_readers(connection, campaign.id),
        deliveries=count_deliveries(connection, campaign.id),
        sent_by_page=count_sent_by_page(connection, campaign.id),
        next_due=next_due(connection, campaign.id, campaign.planned_until),
        uncertain=tuple(uncertain(connection, campaign.id, limit=20)),
    )


def all_status(connection: Connection) -> list[Status]:
    """How every campaign stands."""
    return [status_of(connection, campaign) for campaign in campaigns(connection)]


@dataclass(frozen=True)
class Reason:
    """Why a reader is where they are: sentences, the most important first, and what they had."""

    campaign: str
    address: str
    sentences: tuple[str, ...]
    had: tuple[Sent, ...]


def why(connection: Connection, name: str, address: str, now: int) -> Reason:
    """What is next for a reader, and why not now. Raises CampaignError for a campaign or an address nobody knows."""
    campaign = known_campaign(connection, name)
    reader = reader_at(connection, campaign.id, campaign.series, address)
    if reader is None:
        raise CampaignError(
            f"nobody has the address {address}", remedy="newsletter subscribers list  shows who is there."
        )
    had = deliveries_of(connection, campaign.id, reader.subscriber_id)
    sentences = [*_about_campaign(campaign), *_about_person(reader)]
    if reader.state is None:
        sentences.append(_not_enrolled(connection, campaign, reader, now))
    else:
        sentences += _about_next(connection, campaign, reader, had, now)
        sentences += _about_audience(connection, campaign, reader, now)
    return Reason(name, reader.address, tuple(sentences), tuple(had))


def _about_campaign(campaign: Campaign) -> list[str]:
    return {
        "running": [],
        "paused": ["The campaign is paused: nothing leaves until it is resumed."],
        "cancelled": ["The campaign was cancelled: nothing leaves any more."],
        "unapproved": ["The campaign waits for approval: nothing leaves until then."],
    }[campaign.state]


def _about_person(reader: Reader) -> list[str]:
    found = []
    if reader.subscriber_state != "active":
        found.append("They have not confirmed their subscription.")
    if reader.suppressed:
        found.append(f"They must not be mailed: {reader.suppressed}.")
    return found


def _not_enrolled(connection: Connection, campaign: Campaign, reader: Reader, now: int) -> str:
    audience = audience_of(connection, campaign.definition, now)
    if is_among(connection, audience.condition, reader.subscriber_id):
        return "They are not enrolled yet; the scheduler does that at its next tick (`newsletter run`)."
    return f"They are not in the audience ({audience.words})."


def _about_audience(connection: Connection, campaign: Campaign, reader: Reader, now: int) -> list[str]:
    audience = audience_of(connection, campaign.definition, now)
    if reader.state in ("finished", "left") or is_among(connection, audience.condition, reader.subscriber_id):
        return []
    return [f"They are not in the audience any more ({audience.words}): whoever has begun goes on to the end."]


def _about_next(connection: Connection, campaign: Campaign, reader: Reader, had: list[Sent], now: int) -> list[str]:
    if reader.state == "finished":
        return ["They have had every page."]
    if reader.next_page_id is None:
        return ["No page is left for them; they go on when there is one again."]
    if reader.state == "ended":
        return [f"Page {reader.next_page_id} would come after the campaign's end ({campaign.definition.end})."]
    if reader.state == "left":
        return ["They left the campaign when they were suppressed."]
    under_way = next((each for each in had if each.page_id == reader.next_page_id and each.finished_at is None), None)
    if under_way is not None:
        return [_about_delivery(under_way, now)]
    if reader.due_at is None or reader.zone is None:
        return [f"Page {reader.next_page_id} has no due time."]
    table = timetable_of(connection, campaign)
    if campaign.tzdata == TO_BE_COMPUTED:
        sentence = f"Page {reader.next_page_id} is next: {_rule(table)}. The calendar has changed: {AT_ITS_NEXT_TICK}."
    else:
        due = f"{local_time(reader.due_at, reader.zone)} ({reader.zone})"
        sentence = f"Page {reader.next_page_id} is due {due}: {_rule(table)}."
        if reader.due_at <= now and campaign.state == "running":
            sentence += f" It is overdue: {AT_ITS_NEXT_TICK}."
    return [sentence, *_own_wishes(connection, campaign, reader)]


def _about_delivery(delivery: Sent, now: int) -> str:
    page = f"Page {delivery.page_id}"
    if delivery.state == "uncertain":
        return f"{page} may or may not have arrived: the relay's answer was lost. Decide with `campaign resolve`."
    if delivery.state == "claimed":
        return f"{page} is being sent."
    if delivery.attempts:
        return f"{page} was refused for now ({delivery.reply}); it is tried again {local_time(delivery.due_at, 'UTC')} UTC."
    if delivery.due_at > now:
        return f"{page} waits for hours at which mail may go out, from {local_time(delivery.due_at, 'UTC')} UTC."
    return f"{page} is planned and waits for a sender (`newsletter run`)."


def _rule(table: Timetable) -> str:
    at = table.cadence.at
    return f"{table.cadence.rhythm}{f' at {at:%H:%M}' if at else ''}"


def _own_wishes(connection: Connection, campaign: Campaign, reader: Reader) -> list[str]:
    (enrolled,) = enrolled_among(connection, campaign.id, People(ids=(reader.subscriber_id,)))
    own = enrolled.preferences
    found = []
    if own.paused_until is not None:
        found.append(f"They asked for a pause until {own.paused_until:%Y-%m-%d}.")
    if own.pace != 100:
        found.append(f"They asked for {own.pace} per cent of the usual time between pages.")
    if own.hour is not None:
        found.append(f"They asked for mail at {own.hour:02}:00.")
    return found


def local_time(seconds: int, zone: str) -> str:
    """A moment as the clock on the wall of `zone` shows it."""
    return f"{wall(moment(seconds), zone_named(zone) or ZoneInfo('UTC')):%a %d %b %Y %H:%M}"
