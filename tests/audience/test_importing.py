"""Importing into both databases: what is added, what stays, and who is never brought back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import newsletter.audience.importing as importing
from newsletter.audience.importing import Outcome, import_subscribers
from newsletter.message.keys import KeyRing
from newsletter.store.consents import Consent, ConsentKind, consents_of, record_consent
from newsletter.store.database import Database
from newsletter.store.subscribers import (
    StoredSubscriber,
    count_subscribers,
    list_subscribers,
    subscriber_by_hash,
    tags_of,
)
from newsletter.store.suppressions import forget_address, suppress, suppressions_of
from newsletter.suppression import Reason
from tests.audience.conftest import Importer, MovableClock

Hash = Callable[[str], bytes]
PEOPLE = "email,name,tags,seats\nann@acme.example,Ann,beta,3\nbob@acme.example,Bob,,\n"


def outcomes(rows: list[importing.RowOutcome]) -> list[str]:
    return [row.outcome.value for row in rows]


def everybody(database: Database) -> list[StoredSubscriber]:
    with database.transaction() as connection:
        return list(list_subscribers(connection))


def test_people_arrive_with_attributes_tags_and_consent(database: Database, import_text: Importer) -> None:
    report, rows = import_text(PEOPLE, tags=("founders",))
    assert outcomes(rows) == ["added", "added"]
    assert report.rows == 2
    ann, bob = everybody(database)
    assert (ann.subscriber.name, ann.subscriber.attributes, ann.state) == ("Ann", {"seats": 3}, "active")
    with database.transaction() as connection:
        assert tags_of(connection, [ann.id, bob.id]) == {ann.id: ("beta", "founders"), bob.id: ("founders",)}
        entry = consents_of(connection, ann.id)[0]
    assert (entry.kind, entry.source) == (ConsentKind.IMPORTED, "import of people.csv")


def test_importing_again_changes_nothing(database: Database, import_text: Importer, clock: MovableClock) -> None:
    import_text(PEOPLE)
    before = everybody(database)
    clock.move(days=1)
    _, rows = import_text(PEOPLE)
    assert outcomes(rows) == ["unchanged", "unchanged"]
    assert everybody(database) == before


def test_a_change_updates_and_an_empty_cell_erases_nothing(database: Database, import_text: Importer) -> None:
    import_text(PEOPLE)
    _, rows = import_text("email,name,seats,city\nANN@acme.example,,4,Lyon\nbob@ACME.example,Robert,,\n")
    assert outcomes(rows) == ["updated", "updated"]
    ann, bob = everybody(database)
    assert (ann.subscriber.address, ann.subscriber.name) == ("ann@acme.example", "Ann")
    assert ann.subscriber.attributes == {"seats": 4, "city": "Lyon"}
    assert bob.subscriber.name == "Robert"


def test_a_dry_run_says_the_same_and_writes_nothing(database: Database, import_text: Importer) -> None:
    text = PEOPLE + "nobody,,,\nann@acme.example,Ann,,\ncarl@acme.example,Carl,,\n"
    _, dry = import_text(text, dry_run=True)
    assert everybody(database) == []
    _, wet = import_text(text)
    assert dry == wet


def test_each_refused_row_is_reported_with_its_number_and_reason(import_text: Importer) -> None:
    _, rows = import_text("email\nann@acme.example\nnobody\nann@acme.example\n")
    assert [(row.row, row.outcome, row.reason) for row in rows[1:]] == [
        (3, Outcome.REFUSED, "is not an e-mail address: it has no @"),
        (4, Outcome.REFUSED, "repeats the address of row 2"),
    ]


@pytest.mark.parametrize("reason", [Reason.UNSUBSCRIBED, Reason.COMPLAINED, Reason.BOUNCED, Reason.BLOCKED])
def test_who_left_here_is_never_brought_back(
    database: Database, import_text: Importer, digest: Hash, clock: MovableClock, reason: Reason
) -> None:
    with database.transaction() as connection:
        suppress(connection, digest("ann@acme.example"), reason, at=clock.now(), address="ann@acme.example")
    _, rows = import_text(PEOPLE)
    assert outcomes(rows) == ["refused", "added"]
    assert "here on 2026-03-02" in rows[0].reason


def test_who_was_erased_is_known_by_hash_only_and_refused(
    database: Database, import_text: Importer, digest: Hash, clock: MovableClock
) -> None:
    with database.transaction() as connection:
        forget_address(connection, digest("ann@acme.example"), at=clock.now())
    for text in (PEOPLE, "email,status\nAnn@ACME.example,unsubscribed\n"):
        _, rows = import_text(text)
        assert rows[0].outcome in (Outcome.REFUSED, Outcome.UNCHANGED)
    with database.transaction() as connection:
        assert [row.address for row in suppressions_of(connection, digest("ann@acme.example"))] == [None]
        assert subscriber_by_hash(connection, digest("ann@acme.example")) is None


def test_who_left_there_is_suppressed_here(database: Database, import_text: Importer, digest: Hash) -> None:
    import_text("email\nann@acme.example\n")
    _, rows = import_text("email,status\nann@acme.example,unsubscribed\nbob@acme.example,cleaned\n")
    assert outcomes(rows) == ["suppressed", "suppressed"]
    with database.transaction() as connection:
        assert suppressions_of(connection, digest("ann@acme.example"))[0].reason is Reason.UNSUBSCRIBED
        assert suppressions_of(connection, digest("bob@acme.example"))[0].reason is Reason.BOUNCED
        ann = subscriber_by_hash(connection, digest("ann@acme.example"))
        assert ann is not None
        assert consents_of(connection, ann.id)[-1].kind is ConsentKind.WITHDRAWN


def test_one_row_that_says_left_outweighs_another_that_does_not(
    database: Database, import_text: Importer, digest: Hash
) -> None:
    for order in ("subscribed,unsubscribed", "unsubscribed,subscribed"):
        address = f"{order[:3]}@acme.example"
        lines = "".join(f"{address},{status}\n" for status in order.split(","))
        import_text(f"email,status\n{lines}")
        with database.transaction() as connection:
            assert suppressions_of(connection, digest(address))[0].reason is Reason.UNSUBSCRIBED


def test_what_a_person_chose_here_stands_against_an_old_file(
    database: Database, import_text: Importer, clock: MovableClock
) -> None:
    import_text("email,name,timezone\nann@acme.example,Ann,Europe/Paris\n")
    ann = everybody(database)[0]
    with database.transaction() as connection:
        record_consent(connection, Consent(ann.id, ConsentKind.CHANGED, clock.now(), source="preferences page"))
    _, rows = import_text("email,name,timezone\nann@acme.example,Anna,Asia/Tokyo\n")
    assert outcomes(rows) == ["unchanged"]
    assert everybody(database)[0].subscriber.zone == "Europe/Paris"


def test_an_interrupted_import_run_again_ends_the_same(
    database: Database, ring: KeyRing, clock: MovableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "ROWS_PER_TRANSACTION", 3)
    path = tmp_path / "people.csv"
    path.write_text("email,name\n" + "".join(f"p{number}@acme.example,P{number}\n" for number in range(10)))

    def pull_the_plug(row: importing.RowOutcome) -> None:
        if row.row == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_subscribers(database, ring, path, clock, on_row=pull_the_plug)
    assert 0 < len(everybody(database)) < 10
    report = import_subscribers(database, ring, path, clock)
    assert report.counts[Outcome.ADDED] + report.counts[Outcome.UNCHANGED] == 10
    assert [person.subscriber.name for person in everybody(database)] == [f"P{number}" for number in range(10)]
    with database.transaction() as connection:
        assert count_subscribers(connection) == 10
        assert all(len(consents_of(connection, person.id)) == 1 for person in list_subscribers(connection))


def test_repetitions_are_found_across_transactions(import_text: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "ROWS_PER_TRANSACTION", 2)
    _, rows = import_text("email\na@acme.example\nb@acme.example\nc@acme.example\nA@acme.example\n")
    assert rows[3].reason == "repeats the address of row 2"


def test_progress_runs_up_to_the_size_of_the_file(import_text: Importer) -> None:
    positions: list[tuple[int, int]] = []
    lines = "".join(f"p{number}@acme.example\n" for number in range(3000))
    import_text(f"email\n{lines}", on_position=lambda done, size: positions.append((done, size)))
    assert positions == sorted(positions)
    assert positions[-1][0] == positions[-1][1] > 0
