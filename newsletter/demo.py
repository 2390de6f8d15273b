"""`newsletter demo`: the main job from pages to inbox, in fast motion, on this machine only.

Everything is the real thing (pages, campaign, scheduler, engine, SMTP) but the clock, which jumps to the next
moment at which something is due.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from email.utils import parsedate_to_datetime
from pathlib import Path

from sqlalchemy import text

from newsletter.audience.importing import ImportReport, import_subscribers
from newsletter.campaigns.definition import Definition, Timetable
from newsletter.campaigns.rhythm import Interval
from newsletter.clock import Clock
from newsletter.config import DatabaseSettings, RelaySettings, Settings
from newsletter.delivery.service import Options, Service
from newsletter.message.keys import load_keys
from newsletter.scheduler.apply import apply
from newsletter.scheduler.prepare import prepare
from newsletter.scheduler.prepared import Prepared
from newsletter.scheduler.tick import tick
from newsletter.store.campaigns import campaigns
from newsletter.store.database import Database, open_database
from newsletter.store.migrations import upgrade
from newsletter.store.planning import next_due
from newsletter.web.inbox.mailbox import Mailbox, header
from newsletter.web.inbox.reading import parse

DAYS_BETWEEN_PAGES = 3
HOUR = clock_time(9)


class JumpingClock:
    """A clock that stands still until it is told to jump."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Where the clock stands."""
        return self._now

    def jump(self, moment: datetime) -> None:
        """Go forward to `moment`; a clock never goes back."""
        self._now = max(self._now, moment)


@dataclass(frozen=True)
class Arrival:
    """One mail as it was read back from the inbox. `sent` is in the reader's own zone, as its Date says in UTC."""

    recipient: str
    subject: str
    sent: datetime


class Demo:
    """A campaign of its own: database, keys and journal lie in `folder`, mails go to `relay_port`."""

    def __init__(self, settings: Settings, folder: Path, relay_port: int, start: datetime) -> None:
        self._settings = replace(
            settings,
            file=None,
            relays={"main": RelaySettings(host="127.0.0.1", port=relay_port, security="plain", connections=2)},
            dkims={},
            database=DatabaseSettings(url=f"sqlite:///{folder / 'newsletter.db'}"),
            web=replace(settings.web, key_file=folder / "newsletter.key"),
        )
        self._ring = load_keys(self._settings.web.key_file)
        self.clock = JumpingClock(start)
        self._planning = threading.Lock()  # the service plans from two threads; the clock must jump once

    def prepare(self, series: str) -> Prepared:
        """Read and compose the pages. Raises what `newsletter.scheduler.prepare.prepare` raises."""
        cadence = Timetable(every=Interval(DAYS_BETWEEN_PAGES, "d"), at=HOUR)
        return prepare(self._settings, series, Definition(series=series, cadence=cadence))

    def enroll(self, prepared: Prepared, subscribers: Path) -> ImportReport:
        """Import the subscribers and start the campaign."""
        with self._database() as database:
            report = import_subscribers(database, self._ring, subscribers, self.clock)
            apply(database, self._settings, prepared, self.clock, who="demo")
        return report

    def run(self, on_jump: Callable[[datetime], None]) -> int:
        """Send until every reader has had every page; how many mails were sent. `on_jump` hears of each new moment."""
        with self._database() as database:
            service = Service(
                self._settings,
                database,
                self._ring,
                self.clock,
                plan=lambda: self._plan_in_turn(database, on_jump),
                options=Options(until_idle=True),
                log=None,
                environment={},
            )
            return service.run().sent

    def _plan_in_turn(self, database: Database, on_jump: Callable[[datetime], None]) -> None:
        with self._planning:
            self._plan(database, on_jump)

    def _plan(self, database: Database, on_jump: Callable[[datetime], None]) -> None:
        tick(database, self.clock)
        while states := self._in_hand(database):
            if "claimed" not in states:
                return
            time.sleep(0.01)
        with database.reading() as connection:
            now = int(self.clock.now().timestamp())
            moments = [next_due(connection, campaign.id, now) for campaign in campaigns(connection, "running")]
        coming = [moment for moment in moments if moment is not None]
        if coming:
            self.clock.jump(datetime.fromtimestamp(min(coming), UTC))
            on_jump(self.clock.now())
        tick(database, self.clock)

    def _in_hand(self, database: Database) -> set[str]:
        """The states of deliveries that are due now or under way, seen at one moment: one that is claimed between two
        looks must not escape both. While there is any the clock stands still, else a mail would leave days late."""
        with database.reading() as connection:
            found = connection.execute(
                text(
                    "SELECT DISTINCT state FROM delivery WHERE state = 'claimed' OR (state = 'due' AND due_at <= :now)"
                ),
                {"now": int(self.clock.now().timestamp())},
            )
            return set(found.scalars())

    @contextmanager
    def _database(self) -> Iterator[Database]:
        database = open_database(self._settings.database_url)
        try:
            upgrade(database)
            yield database
        finally:
            database.close()


def read_back(mailbox: Mailbox) -> dict[str, list[Arrival]]:
    """What each reader got, oldest first, as a parser that knows nothing of this project reads it."""
    arrived: dict[str, list[Arrival]] = defaultdict(list)
    for summary in mailbox.summaries():
        message = parse(summary.path.read_bytes())
        sent = parsedate_to_datetime(header(message, "Date"))
        for recipient in summary.recipients:
            arrived[recipient].insert(0, Arrival(recipient, summary.subject, sent))
    return dict(arrived)


def demo_start(clock: Clock) -> datetime:
    """Midnight (UTC) of tomorrow: the first mails are due at nine."""
    return datetime.combine(clock.now().date() + timedelta(days=1), clock_time(0), UTC)
