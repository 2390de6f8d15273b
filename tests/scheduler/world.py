"""A small world for the scheduler: subscribers, a campaign, a clock to move, and a relay that takes everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from newsletter.campaigns.definition import Definition
from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.compose.email import Email
from newsletter.scheduler.calendar import tzdata_version
from newsletter.scheduler.tick import TickReport, tick
from newsletter.store.campaigns import Campaign, CampaignPage, add_campaign, campaign_named, planning, replace_pages
from newsletter.store.database import Database
from newsletter.store.emails import save_email
from newsletter.store.planning import next_due


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@dataclass
class World:
    """Everything a test of the scheduler moves."""

    database: Database
    at: datetime = field(default_factory=lambda: utc("2026-12-01 00:00"))

    def now(self) -> datetime:
        return self.at

    @property
    def seconds(self) -> int:
        return int(self.at.timestamp())

    def add_people(self, zones: Iterable[str], *, tag: str = "") -> list[int]:
        """One active subscriber for each zone; their ids."""
        ids = []
        with self.database.transaction() as connection:
            for zone in zones:
                number = connection.execute(text("SELECT coalesce(max(id), 0) + 1 FROM subscriber")).scalar_one()
                connection.execute(
                    text(
                        "INSERT INTO subscriber (id, address, address_hash, zone, attributes, state, created_at, updated_at)"
                        " VALUES (:id, :address, :hash, :zone, '{}', 'active', :now, :now)"
                    ),
                    {
                        "id": number,
                        "address": f"reader{number}@example.com",
                        "hash": b"%d" % number,
                        "zone": zone,
                        "now": self.seconds,
                    },
                )
                if tag:
                    connection.execute(
                        text("INSERT INTO subscriber_tag VALUES (:id, :tag)"), {"id": number, "tag": tag}
                    )
                ids.append(number)
        return ids

    def add_campaign(
        self, pages: str = "abc", *, name: str = "course", waits: Mapping[str, str] | None = None, **document: Any
    ) -> Definition:
        """A running campaign whose pages have one-letter ids."""
        document = {"series": "course", "cadence": {"every": "3d", "at": "09:00"}} | document
        definition = definition_from(document, Source("test"))
        with planning(self.database) as connection:
            campaign_id = add_campaign(
                connection, name, definition, "running", git_revision="", tzdata=tzdata_version(), now=self.seconds
            )
            hashes = {
                page: save_email(
                    connection,
                    Email("course", page, page, page, "", f"<p>{page}</p>", page, "en", "ltr"),
                    now=self.seconds,
                )
                for page in pages
            }
            replace_pages(
                connection,
                campaign_id,
                [
                    CampaignPage(page, position, hashes[page], (waits or {}).get(page, ""))
                    for position, page in enumerate(pages)
                ],
            )
        return definition

    def campaign(self, name: str = "course") -> Campaign:
        with self.database.reading() as connection:
            found = campaign_named(connection, name)
        assert found is not None
        return found

    def tick(self) -> TickReport:
        return tick(self.database, self)

    def send(self, state: str = "sent") -> int:
        """What the engine does, without a relay: every due delivery of running campaigns is final at once."""
        with self.database.transaction() as connection:
            return connection.execute(
                text(
                    "UPDATE delivery SET state = :state, finished_at = :now WHERE state = 'due' AND due_at <= :now "
                    "AND campaign_id IN (SELECT id FROM campaign WHERE state = 'running')"
                ),
                {"state": state, "now": self.seconds},
            ).rowcount

    def live(self, until: str) -> None:
        """Tick and send at every moment at which somebody is due, until `until`."""
        end = utc(until)
        while True:
            self.tick()
            self.send()
            self.tick()
            moments = [due for due in self.next_moments() if due is not None]
            if not moments or utc_of(min(moments)) > end:
                self.at = end
                return
            self.at = max(utc_of(min(moments)), self.at + timedelta(seconds=1))

    def next_moments(self) -> list[int | None]:
        with self.database.reading() as connection:
            rows = connection.execute(text("SELECT id, planned_until FROM campaign WHERE state = 'running'")).all()
            held = connection.execute(
                text(
                    "SELECT min(due_at) FROM delivery WHERE state = 'due' AND campaign_id IN (SELECT id FROM campaign WHERE state = 'running')"
                )
            ).scalar_one()
            return [held, *(next_due(connection, row.id, row.planned_until) for row in rows)]

    def sent(self, subscriber: int | None = None, campaign: str = "course") -> list[tuple[str, str]]:
        """(page, when it went out in UTC) in order, of one reader or of all."""
        return [(page, f"{moment:%m-%d %H:%M}") for page, moment in self.sent_at(subscriber, campaign)]

    def sent_at(self, subscriber: int | None = None, campaign: str = "course") -> list[tuple[str, datetime]]:
        """As `sent`, with the moments."""
        with self.database.reading() as connection:
            rows = connection.execute(
                text(
                    "SELECT d.subscriber_id, d.page_id, d.finished_at FROM delivery d JOIN campaign c ON c.id = d.campaign_id "
                    "WHERE d.state = 'sent' AND c.name = :name ORDER BY d.finished_at, d.id"
                ),
                {"name": campaign},
            ).all()
        return [
            (row.page_id, utc_of(row.finished_at))
            for row in rows
            if subscriber is None or row.subscriber_id == subscriber
        ]

    def states(self) -> dict[int, tuple[str, str | None]]:
        """Subscriber → (state of the enrollment, next page)."""
        with self.database.reading() as connection:
            rows = connection.execute(
                text("SELECT subscriber_id, state, next_page_id FROM enrollment ORDER BY 1")
            ).all()
        return {row.subscriber_id: (row.state, row.next_page_id) for row in rows}

    def change(self, statement: str, **values: Any) -> None:
        """Change a row as another room would."""
        with self.database.transaction() as connection:
            connection.execute(text(statement), values)


def utc_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
