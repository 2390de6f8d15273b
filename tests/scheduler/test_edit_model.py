"""Edits and operators' acts, mixed at random: two readers in two zones get what the pure rules say, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.campaigns.progress import next_page, passed_over
from newsletter.errors import CampaignError
from newsletter.scheduler import operate
from newsletter.scheduler.apply import apply
from newsletter.scheduler.newcomers import enroll_known
from newsletter.scheduler.prepared import Prepared
from newsletter.store.emails import load_email
from newsletter.store.looking import empty_database
from tests.scheduler.prepared_pages import HERE, page, ready
from tests.scheduler.world import World

LETTERS = "abcdefgh"
ZONES = ("UTC", "America/Lima")  # 06:00 and 11:00 UTC; both may be mailed at noon UTC, when everything is changed
DRAINED = 20
"""Days after which every reader has had every page."""


@dataclass
class Course:
    """What stands in the files: the order, and in which version each page is."""

    order: str
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LETTERS, 0))
    applied: int = 0

    def words(self, page_id: str) -> str:
        return page_id + "!" * self.versions[page_id]

    def prepared(self, evergreen: bool) -> Prepared:
        """As `prepare` hands it on. Each time every file has another name, which is nobody's business: ids stay."""
        self.applied += 1
        definition = definition_from(
            {"series": "course", "cadence": {"every": "1d", "at": "06:00", "default_zone": "UTC"}}, Source("test")
        )
        pages = [page(each, self.words(each)) for each in self.order]
        renamed = [
            replace(each, path=f"course/{self.applied}.md", email=replace(each.email, slug=f"{self.applied}"))
            for each in pages
        ]
        return replace(ready("", replace(definition, evergreen=evergreen)), pages=tuple(renamed))


@dataclass
class Reader:
    """What the pure rules say a reader gets: a page a day.

    Who has waited a day or more without a page to get has the next one at once when there is one, and the one behind
    it a day later. `copies` are errata and copies sent again, which move nobody.
    """

    address: str
    course: Course
    behind: set[str] = field(default_factory=set)
    got: list[str] = field(default_factory=list)
    copies: Counter[str] = field(default_factory=Counter)
    latest: dict[str, str] = field(default_factory=dict)
    leaving: list[str] = field(default_factory=list)
    finished: bool = False
    waited: bool = False
    overdue: bool = False

    @property
    def next(self) -> str | None:
        return None if self.finished else next_page(self.course.order, self.behind)

    def edit(self, before: str, evergreen: bool) -> None:
        order = self.course.order
        self.behind |= passed_over(set(order) - set(before), order, self.behind)
        self.leaving = [each for each in self.leaving if each in order]
        self.finished = self.finished and not (evergreen and next_page(order, self.behind))
        self.overdue = self.waited

    def put_behind(self, page_id: str) -> None:
        self.behind.add(page_id)
        self.finished = self.next is None

    def move(self, page_id: str) -> None:
        if page_id == self.next:
            return
        before, ahead = self.course.order.split(page_id)
        if self.behind & {page_id, *ahead}:
            self.behind = set()
        self.behind |= set(before)
        self.finished, self.overdue = False, self.waited

    def restart(self) -> None:
        if self.behind & set(self.course.order):
            self.behind = set()
        self.finished = self.waited = self.overdue = False

    def correct(self, page_id: str) -> None:
        if (
            page_id in self.latest
            and page_id not in self.leaving
            and self.latest[page_id] != self.course.words(page_id)
        ):
            self.leaving.append(page_id)

    def live_a_day(self) -> None:
        for page_id in self.leaving:
            self.latest[page_id] = self.course.words(page_id)
            self.copies[self.latest[page_id]] += 1
        self.leaving = []
        self.waited = self.next is None
        if self.overdue:
            self.overdue = False
            self._read()
        self._read()

    def _read(self) -> None:
        page_id = self.next
        if page_id is not None:
            self.latest[page_id] = self.course.words(page_id)
            self.got.append(self.latest[page_id])
            self.put_behind(page_id)


class Both:
    """The rules and the real thing, side by side."""

    def __init__(self, order: str, evergreen: bool) -> None:
        self.world = World(empty_database())
        self.world.add_people(ZONES)
        self.course = Course(order)
        self.evergreen = evergreen
        self.readers = [Reader(f"reader{number}@example.com", self.course) for number in (1, 2)]
        self.day = 0
        self._apply()
        enroll_known(self.world.database, "course", self.world)

    def _apply(self) -> None:
        apply(self.world.database, HERE, self.course.prepared(self.evergreen), self.world, who="test")

    def _operate(self, act: Callable[..., Any], *about: str) -> Any:
        return act(self.world.database, "course", *about, self.world, who="test")

    def live(self, days: int) -> None:
        for _ in range(days):
            self.day += 1
            self.world.live(f"{'2026-12' if self.day <= 31 else '2027-01'}-{(self.day - 1) % 31 + 1:02} 12:00")
            for reader in self.readers:
                reader.live_a_day()

    def edit(self, order: str) -> None:
        before, self.course.order = self.course.order, order
        self._apply()
        for reader in self.readers:
            reader.edit(before, self.evergreen)

    def reword(self, page_id: str) -> None:
        self.course.versions[page_id] += 1
        self._apply()

    def errata(self, page_id: str) -> None:
        if page_id in self.course.order:
            mailed = self._operate(operate.errata, page_id)
            before = [len(reader.leaving) for reader in self.readers]
            for reader in self.readers:
                reader.correct(page_id)
            assert mailed == sum(len(reader.leaving) for reader in self.readers) - sum(before)

    def send_again(self, reader: Reader, page_id: str) -> None:
        if page_id in self.course.order and page_id in reader.latest:
            self._operate(operate.send_again, reader.address, page_id)
            reader.leaving.append(page_id)

    def skip(self, reader: Reader) -> None:
        if reader.next is None:
            with pytest.raises(CampaignError, match="has had every page"):
                self._operate(operate.skip, reader.address)
        else:
            reader.put_behind(reader.next)
            assert self._operate(operate.skip, reader.address) == reader.next

    def move(self, reader: Reader, page_id: str) -> None:
        if page_id in self.course.order:
            reader.move(page_id)
            assert self._operate(operate.move, reader.address, page_id) == reader.next == page_id

    def restart(self, reader: Reader) -> None:
        if self.course.order:
            reader.restart()
            assert self._operate(operate.restart, reader.address) == reader.next

    def act(self, act: tuple[Any, ...]) -> None:
        kind, *about = act
        if kind in ("skip", "move", "restart", "send_again"):
            about[0] = self.readers[about[0]]
        getattr(self, kind)(*about)

    def received(self, reader: Reader) -> tuple[list[str], Counter[str]]:
        """(pages in order, copies besides) as the ledger has them, in the words that were mailed."""
        with self.world.database.reading() as connection:
            rows = connection.execute(
                text(
                    "SELECT d.copy, d.email_hash FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id "
                    "WHERE d.state = 'sent' AND s.address = :address ORDER BY d.finished_at, d.id"
                ),
                {"address": reader.address},
            ).all()
            mails = [(copy, load_email(connection, email_hash).text) for copy, email_hash in rows]
        return [words for copy, words in mails if copy % 100 == 0], Counter(
            words for copy, words in mails if copy % 100
        )


ORDERS = st.lists(st.sampled_from(LETTERS), unique=True, max_size=6).map("".join)
PAGES = st.sampled_from(LETTERS[:5])
READERS = st.integers(0, 1)
ACTS = st.one_of(
    st.tuples(st.just("edit"), ORDERS),
    st.tuples(st.just("reword"), PAGES),
    st.tuples(st.just("errata"), PAGES),
    st.tuples(st.just("live"), st.integers(1, 3)),
    st.tuples(st.just("skip"), READERS),
    st.tuples(st.just("move"), READERS, PAGES),
    st.tuples(st.just("restart"), READERS),
    st.tuples(st.just("send_again"), READERS, PAGES),
)


@example(acts=[("live", 2), ("edit", "abc"), ("live", 1), ("edit", "a")], order="a", evergreen=True)
@example(acts=[("live", 1), ("edit", ""), ("live", 2), ("edit", "bca")], order="abc", evergreen=False)
@example(
    acts=[("live", 2), ("reword", "a"), ("errata", "a"), ("skip", 0), ("edit", "dabc")], order="abcd", evergreen=False
)
@example(
    acts=[("live", 2), ("move", 1, "b"), ("reword", "a"), ("errata", "a"), ("live", 1), ("restart", 1)],
    order="abc",
    evergreen=False,
)
@example(
    acts=[("live", 2), ("reword", "a"), ("errata", "a"), ("edit", "b"), ("edit", "ab"), ("errata", "a")],
    order="ab",
    evergreen=False,
)
@example(acts=[("live", 1), ("edit", "ab"), ("skip", 0), ("move", 1, "b")], order="a", evergreen=False)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTS, min_size=2, max_size=10), ORDERS.filter(bool), st.booleans())
def test_whatever_is_edited_and_operated_each_reader_gets_the_pages_that_the_rules_say(
    acts: list[tuple[Any, ...]], order: str, evergreen: bool
) -> None:
    both = Both(order, evergreen)
    for act in [*acts, ("live", DRAINED)]:
        both.act(act)
    for reader in both.readers:
        assert both.received(reader) == (reader.got, reader.copies)
    both.world.database.close()
