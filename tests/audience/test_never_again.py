"""Who left, complained or was blocked is not mailed again by a way round, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select

from newsletter.audience.importing import ImportReport, Outcome, import_subscribers
from newsletter.audience.joining import ask_to_change_address, ask_to_join, confirm
from newsletter.audience.leaving import leave
from newsletter.audience.suppression_files import import_suppressions
from newsletter.message.keys import KeyRing
from newsletter.store.confirmations import due_confirmations, schedule_mail
from newsletter.store.database import Database
from newsletter.store.subscribers import count_subscribers, subscriber_by_hash
from newsletter.store.suppressions import suppress, suppressions_of
from newsletter.store.tables import confirmation
from newsletter.suppression import Reason
from tests.audience.conftest import MovableClock
from tests.audience.test_joining import ANN, join, wish

Hash = Callable[[str], bytes]
NEW = "ann@new.example"


@pytest.mark.parametrize("reason", [Reason.COMPLAINED, Reason.BOUNCED, Reason.BLOCKED])
def test_no_reminder_goes_to_whom_the_first_mail_made_complain(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash, reason: Reason
) -> None:
    with database.transaction() as connection:
        assert ask_to_join(connection, ring, wish(), at=clock.now())
        [first] = due_confirmations(connection, now=clock.now(), limit=9)
        schedule_mail(connection, first.id, due=clock.now(), sent=True)
        suppress(connection, digest(ANN), reason, at=clock.now())
        assert not list(due_confirmations(connection, now=clock.now(), limit=9))


@pytest.mark.parametrize("words", [("complained", "bounced"), ("bounced", "complained")])
def test_of_two_reasons_in_one_file_the_graver_stands(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash, tmp_path: Path, words: tuple[str, str]
) -> None:
    path = tmp_path / "left.csv"
    path.write_text("email,reason\n" + "".join(f"{ANN},{word}\n" for word in words))
    assert import_suppressions(database, ring, path, clock) == (1, 2)
    with database.transaction() as connection:
        [item] = suppressions_of(connection, digest(ANN))
    assert item.reason is Reason.COMPLAINED


def test_a_link_in_the_old_mailbox_joins_nobody_once_the_address_has_changed(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash
) -> None:
    with database.transaction() as connection:
        ann = join(connection, ring, clock)
        clock.move(hours=25)
        assert ask_to_join(connection, ring, wish(), at=clock.now())
        [old] = due_confirmations(connection, now=clock.now(), limit=9)
        schedule_mail(connection, old.id, due=None, sent=True)
        assert ask_to_change_address(connection, ring, ann, NEW, lang="en", at=clock.now())
        [change] = due_confirmations(connection, now=clock.now(), limit=9)
        assert confirm(connection, ring, change.id, at=clock.now(), ip="")
        moved = subscriber_by_hash(connection, digest(NEW))
        assert moved is not None
        leave(connection, moved, series="", source="test", at=clock.now())
        assert confirm(connection, ring, old.id, at=clock.now(), ip="") is None
        assert suppressions_of(connection, digest(NEW))


@pytest.mark.parametrize("reason", [Reason.COMPLAINED, Reason.BLOCKED])
def test_another_address_is_no_way_round_a_complaint_or_a_block(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash, reason: Reason
) -> None:
    with database.transaction() as connection:
        ann = join(connection, ring, clock)
        assert ask_to_change_address(connection, ring, ann, NEW, lang="en", at=clock.now())
        [change] = due_confirmations(connection, now=clock.now(), limit=9)
        suppress(connection, digest(ANN), reason, at=clock.now())
        assert confirm(connection, ring, change.id, at=clock.now(), ip="")
        assert [item.reason for item in suppressions_of(connection, digest(NEW))] == [reason]


def test_the_newest_wish_gives_the_name_while_nobody_has_confirmed(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash
) -> None:
    with database.transaction() as connection:
        ask_to_join(connection, ring, replace(wish(), name="Buy at evil.example"), at=clock.now())
        clock.move(hours=25)
        ask_to_join(connection, ring, wish(), at=clock.now())
        person = subscriber_by_hash(connection, digest(ANN))
    assert person is not None
    assert person.subscriber.name == "Ann"


def test_eight_who_ask_at_once_for_one_address_cause_one_mail(
    database: Database, ring: KeyRing, clock: MovableClock
) -> None:
    with database.transaction() as connection:
        join(connection, ring, clock)
    clock.move(hours=25)
    start = Barrier(8)

    def ask(_number: int) -> bool:
        start.wait()
        with database.transaction() as connection:
            return ask_to_join(connection, ring, wish(), at=clock.now())

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(8))) == 1
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(confirmation)).scalar_one() == 2


def test_two_imports_of_the_same_people_at_once_both_end(
    database: Database, ring: KeyRing, clock: MovableClock, tmp_path: Path
) -> None:
    people = [f"p{number}@example.com,x{number}" for number in range(4000)]
    paths = [tmp_path / "up.csv", tmp_path / "down.csv"]
    for path, rows in zip(paths, (people, people[::-1]), strict=True):
        path.write_text("\n".join(["email,name", *rows]))
    start = Barrier(2)

    def run(path: Path) -> ImportReport:
        start.wait()
        return import_subscribers(database, ring, path, clock)

    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(run, paths))
    assert sum(report.counts[Outcome.ADDED] for report in reports) == 4000
    assert [report.rows for report in reports] == [4000, 4000]
    with database.reading() as connection:
        assert count_subscribers(connection) == 4000


def test_two_suppression_lists_of_the_same_people_at_once_both_end(
    database: Database, ring: KeyRing, clock: MovableClock, tmp_path: Path
) -> None:
    people = [f"p{number}@example.com" for number in range(4000)]
    paths = [tmp_path / "up.csv", tmp_path / "down.csv"]
    for path, rows in zip(paths, (people, people[::-1]), strict=True):
        path.write_text("\n".join(["email", *rows]))
    with ThreadPoolExecutor(2) as threads:
        assert [rows for _, rows in threads.map(lambda p: import_suppressions(database, ring, p, clock), paths)] == [
            4000,
            4000,
        ]
