"""Exports, suppression lists, histories and erasure, on both databases."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.audience.erasing import erase
from newsletter.audience.exporting import export_csv, export_json, export_suppressions
from newsletter.audience.personal_data import personal_data
from newsletter.audience.suppression_files import import_suppressions
from newsletter.errors import DataError
from newsletter.message.keys import KeyRing
from newsletter.store.consents import Consent, ConsentKind, record_consent
from newsletter.store.database import Database
from newsletter.store.histories import history_of
from newsletter.store.preferences import Preference, preference_of, save_preference
from newsletter.store.segments import condition
from newsletter.store.subscribers import count_subscribers, subscriber_by_hash, tag_where, untag_where
from newsletter.store.suppressions import count_suppressions, lift, suppress, suppressions_of
from newsletter.store.tables import consent, preference, subscriber, subscriber_tag
from newsletter.suppression import Reason
from tests.audience.conftest import Importer, MovableClock

Hash = Callable[[str], bytes]
PEOPLE = """email,name,lang,timezone,tags,company,seats,likes
ann@acme.example,Ann,en,Europe/Paris,"beta, gold",=HYPERLINK("http://evil.example"),12,"[""tea"", ""rye""]"
+tag@acme.example,@Bob,,,,-5+3,007,
zoë@acme.example,Zoë,,,,"+49 30 1234",-3,
"""


def exported(database: Database, expression: str = "") -> str:
    file = io.StringIO(newline="")
    with database.transaction() as connection:
        where = condition(connection, expression, MovableClock().now()) if expression else None
        export_csv(connection, file, where)
    return file.getvalue()


def test_an_export_imports_again_without_a_change(database: Database, import_text: Importer) -> None:
    import_text(PEOPLE)
    _, rows = import_text(exported(database))
    assert [row.outcome.value for row in rows] == ["unchanged"] * 3


def test_no_cell_of_an_export_runs_as_a_formula(database: Database, import_text: Importer) -> None:
    import_text(PEOPLE)
    for line in csv.DictReader(io.StringIO(exported(database))):
        numbers = {"seats"}
        assert not any(cell[:1] in "=+-@\t\r" and cell for key, cell in line.items() if key not in numbers), line
    assert "\"'=HYPERLINK" in exported(database)


def test_an_export_says_who_may_not_be_mailed(
    database: Database, import_text: Importer, digest: Hash, clock: MovableClock
) -> None:
    import_text(PEOPLE)
    with database.transaction() as connection:
        suppress(connection, digest("ann@acme.example"), Reason.COMPLAINED, at=clock.now())
    statuses = {line["name"]: line["status"] for line in csv.DictReader(io.StringIO(exported(database)))}
    assert statuses == {"Ann": "complained", "'@Bob": "subscribed", "Zoë": "subscribed"}


def test_a_segment_narrows_an_export(database: Database, import_text: Importer) -> None:
    import_text(PEOPLE)
    assert [line["email"] for line in csv.DictReader(io.StringIO(exported(database, 'tag("gold")')))] == [
        "ann@acme.example"
    ]


def test_json_keeps_types(database: Database, import_text: Importer) -> None:
    import_text(PEOPLE)
    file = io.StringIO()
    with database.transaction() as connection:
        assert export_json(connection, file) == 3
    ann = json.loads(file.getvalue())[0]
    assert ann["attributes"]["seats"] == 12
    assert ann["attributes"]["likes"] == ["tea", "rye"]
    assert ann["tags"] == ["beta", "gold"]


def test_an_empty_export_is_still_valid(database: Database) -> None:
    file = io.StringIO()
    with database.transaction() as connection:
        export_json(connection, file)
    assert json.loads(file.getvalue()) == []
    assert exported(database).startswith('"email"')


def test_suppressions_travel_with_reasons_and_hashes(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash, tmp_path: Path
) -> None:
    with database.transaction() as connection:
        suppress(connection, digest("ann@acme.example"), Reason.BOUNCED, at=clock.now(), address="ann@acme.example")
        suppress(
            connection,
            digest("bob@acme.example"),
            Reason.UNSUBSCRIBED,
            at=clock.now(),
            scope="unions",
            address="bob@acme.example",
        )
        suppress(connection, digest("gone@acme.example"), Reason.ERASED, at=clock.now())
        path = tmp_path / "suppressions.csv"
        with path.open("w", newline="") as file:
            assert export_suppressions(connection, file) == 3
        for name in ("ann", "bob", "gone"):
            lift(connection, digest(f"{name}@acme.example"), list(Reason))
    assert import_suppressions(database, ring, path, clock) == (3, 3)
    assert import_suppressions(database, ring, path, clock) == (0, 3)
    with database.transaction() as connection:
        assert count_suppressions(connection) == {Reason.BOUNCED: 1, Reason.UNSUBSCRIBED: 1, Reason.ERASED: 1}
        assert suppressions_of(connection, digest("bob@acme.example"))[0].scope == "unions"


@pytest.mark.parametrize(
    "text",
    [
        "ann@acme.example\n\nnobody\nBob@acme.example\n",
        "Email;Reason\nann@acme.example;spam\nnobody;\nbob@acme.example;\n",
    ],
)
def test_a_bare_list_of_addresses_is_a_suppression_list(
    database: Database, ring: KeyRing, clock: MovableClock, digest: Hash, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "left.txt"
    path.write_text(text)
    refused: list[str] = []
    changed, rows = import_suppressions(
        database, ring, path, clock, on_refused=lambda row, address, why: refused.append(address)
    )
    assert (changed, rows, refused) == (2, 3, ["nobody"])


def test_a_heavier_reason_stays(database: Database, digest: Hash, clock: MovableClock) -> None:
    with database.transaction() as connection:
        assert suppress(connection, digest("a@b.example"), Reason.UNSUBSCRIBED, at=clock.now())
        assert not suppress(connection, digest("a@b.example"), Reason.BOUNCED, at=clock.now())
        assert lift(connection, digest("a@b.example"), [Reason.BOUNCED]) == 0
        assert suppress(connection, digest("a@b.example"), Reason.COMPLAINED, at=clock.now())
        assert suppressions_of(connection, digest("a@b.example"))[0].reason is Reason.COMPLAINED


def test_erasing_leaves_nothing_but_a_hash(
    database: Database, ring: KeyRing, import_text: Importer, clock: MovableClock, digest: Hash
) -> None:
    import_text(PEOPLE)
    with database.transaction() as connection:
        ann = subscriber_by_hash(connection, digest("ann@acme.example"))
        assert ann is not None
        save_preference(connection, ann.id, Preference(pace=200), at=clock.now())
        suppress(
            connection, digest("ann@acme.example"), Reason.UNSUBSCRIBED, at=clock.now(), address="ann@acme.example"
        )
    assert erase(database, ring, "Ann@Acme.example", clock)
    assert not erase(database, ring, "ann@acme.example", clock)
    with database.transaction() as connection:
        for table in (subscriber, subscriber_tag, preference, consent):
            column = table.c.id if table is subscriber else table.c.subscriber_id
            assert connection.execute(table.select().where(column == ann.id)).all() == []
        assert [(item.reason, item.address) for item in suppressions_of(connection, digest("ann@acme.example"))] == [
            (Reason.ERASED, None)
        ]
    _, rows = import_text(PEOPLE)
    assert rows[0].reason.startswith("was erased here")


def test_erased_data_is_gone_from_the_file(
    sqlite_database: Database, ring: KeyRing, clock: MovableClock, tmp_path: Path
) -> None:
    from newsletter.audience.importing import import_subscribers

    path = tmp_path / "people.csv"
    path.write_text("email,name\nann@acme.example,Wilhelmina\n")
    import_subscribers(sqlite_database, ring, path, clock)
    erase(sqlite_database, ring, "ann@acme.example", clock)
    left = b"".join(file.read_bytes() for file in tmp_path.glob("newsletter.db*"))
    assert b"Wilhelmina" not in left
    assert b"ann@acme.example" not in left


def test_an_id_is_never_given_twice(
    database: Database, ring: KeyRing, import_text: Importer, clock: MovableClock, digest: Hash
) -> None:
    """A link in an old mail of somebody erased must not act on whoever comes next."""
    import_text("email\nann@acme.example\n")
    with database.transaction() as connection:
        ann = subscriber_by_hash(connection, digest("ann@acme.example"))
    erase(database, ring, "ann@acme.example", clock)
    import_text("email\nbob@acme.example\n")
    with database.transaction() as connection:
        bob = subscriber_by_hash(connection, digest("bob@acme.example"))
    assert ann is not None
    assert bob is not None
    assert bob.id > ann.id


def test_a_history_says_why_a_person_is_not_mailed(
    database: Database, import_text: Importer, clock: MovableClock, digest: Hash
) -> None:
    import_text(PEOPLE)
    with database.transaction() as connection:
        ann = subscriber_by_hash(connection, digest("ann@acme.example"))
        assert ann is not None
        assert history_of(connection, ann).obstacles == ()
        suppress(connection, ann.address_hash, Reason.UNSUBSCRIBED, at=clock.now(), scope="unions", source="one click")
        save_preference(connection, ann.id, Preference(paused_until=clock.now()), at=clock.now())
        record_consent(connection, Consent(ann.id, ConsentKind.WITHDRAWN, clock.now(), scope="unions"))
        history = history_of(connection, ann)
    assert history.obstacles == (
        "unsubscribed from the series unions on 2026-03-02 by one click",
        "has paused until 2026-03-02",
    )
    data = personal_data(history)
    assert json.dumps(data)
    assert data["email"] == "ann@acme.example"
    assert [entry["kind"] for entry in data["consents"]] == ["imported", "withdrawn"]


def test_preferences_are_kept_and_the_scheduler_hears_of_them(
    database: Database, import_text: Importer, clock: MovableClock, digest: Hash
) -> None:
    import_text(PEOPLE)
    clock.move(minutes=5)
    chosen = Preference(pace=50, weekdays=("mo", "we"), hour=7)
    with database.transaction() as connection:
        ann = subscriber_by_hash(connection, digest("ann@acme.example"))
        assert ann is not None
        assert preference_of(connection, ann.id) == Preference()
        save_preference(connection, ann.id, Preference(), at=clock.now())
        save_preference(connection, ann.id, chosen, at=clock.now())
        assert preference_of(connection, ann.id) == chosen
        later = subscriber_by_hash(connection, digest("ann@acme.example"))
        assert later is not None
        assert later.updated_at == clock.now()


def test_tags_are_given_and_taken_by_segment(
    database: Database, import_text: Importer, clock: MovableClock, digest: Hash
) -> None:
    import_text(PEOPLE)
    clock.move(minutes=5)
    with database.transaction() as connection:
        everybody = condition(connection, 'email contains "acme"', clock.now())
        assert tag_where(connection, "gold", everybody, at=clock.now()) == 2
        assert tag_where(connection, "gold", everybody, at=clock.now()) == 0
        assert count_subscribers(connection, condition(connection, 'tag("gold")', clock.now())) == 3
        assert untag_where(connection, "gold", everybody, at=clock.now()) == 3
        assert count_subscribers(connection, condition(connection, 'tag("gold")', clock.now())) == 0
        bob = subscriber_by_hash(connection, digest("+tag@acme.example"))
        assert bob is not None
        assert bob.updated_at == clock.now()


def test_what_is_no_address_can_not_be_erased(database: Database, ring: KeyRing, clock: MovableClock) -> None:
    with pytest.raises(DataError):
        erase(database, ring, "nobody", clock)


def test_a_row_of_a_suppression_list_that_can_not_be_read_is_reported_and_the_others_count(
    database: Database, ring: KeyRing, clock: MovableClock, tmp_path: Path
) -> None:
    path = tmp_path / "left.csv"
    path.write_text("email,reason\na@acme.example,spam\nb@acme.example,spam,x,y\nc@acme.example,\n")
    refused: list[tuple[int, str, str]] = []
    done = import_suppressions(database, ring, path, clock, on_refused=lambda *row: refused.append(row))
    assert done == (2, 3)
    assert [row for row, _, _ in refused] == [3]
