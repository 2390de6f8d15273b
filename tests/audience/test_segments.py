"""The language of segments, read and asked of both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from newsletter.errors import SegmentError
from newsletter.store.database import Database
from newsletter.store.segment_language import parse
from newsletter.store.segments import condition, delete_segment, list_segments, save_segment
from newsletter.store.subscribers import count_subscribers, list_subscribers, subscriber_by_hash
from newsletter.store.suppressions import suppress
from newsletter.store.tables import bounce, campaign, delivery, enrollment
from newsletter.suppression import Reason
from tests.audience.conftest import Importer, MovableClock

PEOPLE = """email,name,lang,tags,country,seats,member,joined,likes
ann@acme.example,Ann,en,"beta, gold",FR,12,true,2026-01-05,tea
bob@ACME.example,Bob,de,beta,DE,3,false,2025-06-01,"coffee, tea"
carl@coop.example,Carl,,,,,,,
"""


@pytest.fixture
def names(database: Database, import_text: Importer, clock: MovableClock) -> Callable[[str], list[str]]:
    """The names an expression finds among PEOPLE."""
    import_text(PEOPLE)

    def find(expression: str) -> list[str]:
        with database.transaction() as connection:
            where = condition(connection, expression, clock.now())
            return [person.subscriber.name for person in list_subscribers(connection, where)]

    return find


EXPECTED: list[tuple[str, list[str]]] = [
        ('country = "FR"', ["Ann"]), ("country = 'FR'", ["Ann"]), ('country == "FR"', ["Ann"]), ('country != "FR"', ["Bob", "Carl"]),
        ('not country = "FR"', ["Bob", "Carl"]), ('country in ("FR", "DE")', ["Ann", "Bob"]), ('country not in ("FR")', ["Bob", "Carl"]),
        ("seats >= 3", ["Ann", "Bob"]), ("seats > 3", ["Ann"]), ("seats = 12", ["Ann"]), ('seats = "12"', ["Ann"]), ("seats != 12", ["Bob", "Carl"]),
        ("seats < 11.5", ["Bob"]), ("seats in (3, 12)", ["Ann", "Bob"]), ("member = true", ["Ann"]), ("member = false", ["Bob"]), ('tag("beta")', ["Ann", "Bob"]),
        ('tag("beta") and not tag("gold")', ["Bob"]), ('tag("gold") or name = "Carl"', ["Ann", "Carl"]), ("has(country)", ["Ann", "Bob"]),
        ('not has("lang")', ["Carl"]), ('likes contains "TEA"', ["Ann", "Bob"]), ('likes not contains "coffee"', ["Ann", "Carl"]),
        ('domain = "acme.example"', ["Ann", "Bob"]), ('email contains "coop"', ["Carl"]), ('lang = "en"', ["Ann"]), ('joined >= "2026-01-01"', ["Ann"]),
        ("joined >= days_ago(90)", ["Ann"]), ('created >= "2026-03-02"', ["Ann", "Bob", "Carl"]), ("created < days_ago(1)", []), ('attribute("country") = "DE"', ["Bob"]),
        ('country = "FR" or country = "DE" and seats > 100', ["Ann"]), ('(country = "FR" or country = "DE") and seats < 100', ["Ann", "Bob"]),
        ('received("unions") >= 1', []), ("received() = 0", ["Ann", "Bob", "Carl"]), ('enrolled("unions")', []), ("bounces() > 0", []), ('nothing = "x"', []),
        ('NOT tag("beta") AND name = "Carl"', ["Carl"]), ("last_received() > days_ago(7)", []), ("suppressed()", []), ('name = "x\' OR 1=1 --"', []),
]  # fmt: skip


def test_an_expression_finds_whom_it_says(names: Callable[[str], list[str]]) -> None:
    assert [(expression, names(expression)) for expression, _ in EXPECTED] == EXPECTED


def test_progress_bounces_and_suppression_are_asked_of_what_happened(
    database: Database, names: Callable[[str], list[str]], clock: MovableClock, digest: Callable[[str], bytes]
) -> None:
    now = int(clock.now().timestamp())
    with database.transaction() as connection:
        ann = subscriber_by_hash(connection, digest("ann@acme.example"))
        assert ann is not None
        connection.execute(
            insert(campaign).values(
                id=1, name="u", series="unions", state="running", definition={}, created_at=now, updated_at=now
            )
        )
        connection.execute(
            insert(enrollment).values(
                campaign_id=1, subscriber_id=ann.id, state="finished", zone="UTC", enrolled_at=now
            )
        )
        for page, state in (("a", "sent"), ("b", "sent"), ("c", "failed")):
            connection.execute(
                insert(delivery).values(
                    campaign_id=1, subscriber_id=ann.id, page_id=page, state=state, due_at=now, finished_at=now
                )
            )
        connection.execute(
            insert(bounce).values(event_id="e", kind="bounce", severity="soft", subscriber_id=ann.id, at=now)
        )
        suppress(connection, digest("bob@acme.example"), Reason.UNSUBSCRIBED, at=clock.now(), scope="unions")
    assert names('received("unions") = 2') == ["Ann"]
    assert names('received("other") = 0') == ["Ann", "Bob", "Carl"]
    assert names('last_received("unions") >= days_ago(1)') == ["Ann"]
    assert names('finished("unions")') == ["Ann"]
    assert names('enrolled("unions")') == ["Ann"]
    assert names("bounces() = 1") == ["Ann"]
    assert names('suppressed("unions")') == ["Bob"]
    assert names("suppressed()") == []


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "is empty"), ("country =", "at character 10, a text in quotes, a number, true or false is expected, not the end"),
        ('country "FR"', "at character 9, a comparison"), ('country = "FR', "at character 11, there is a quote that is never closed"),
        ("tag(beta)", "at character 5, a text in quotes"), ("(a = 1", "`\\)` is expected"), ("a = 1 b = 2", "at character 7, `and`, `or` or the end"),
        ("drop(1)", "there is no function 'drop'"), ("a = 1; DROP TABLE subscriber", "';', which has no meaning"), ("a = 9999999999999999999", "too large"),
        ('received("u") = "x"', "can't be compared"), ('created > "soon"', "is not a date"), ("name > 3", "can't be compared with a number"),
        ("created > days_ago(99999999)", "before the year 1"), ("(" * 60 + "a = 1" + ")" * 60, "nested deeper"), ("a = 1 and " * 600 + "a = 1", "longer than"),
        ("and = 1", "a field or a function"), ("a not = 1", "`in` or `contains`"), ("nobody", "there is no segment 'nobody'"), ('attribute("a\\"b") = 1', "can't be the name"),
        ('x = "a\0b"', "NUL"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(
    sqlite_database: Database, clock: MovableClock, expression: str, message: str
) -> None:
    with sqlite_database.transaction() as connection, pytest.raises(SegmentError, match=message):
        condition(connection, expression, clock.now())


@given(st.text(max_size=40) | st.text(alphabet='ab="()<>!andornotin, 1.5', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except SegmentError as error:
        assert error.message


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
def test_a_quoted_text_is_a_value_and_nothing_else(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse(f"name = {quoted}").right == text  # type: ignore[union-attr]


def test_segments_are_saved_replaced_and_forgotten(
    database: Database, names: Callable[[str], list[str]], clock: MovableClock
) -> None:
    with database.transaction() as connection:
        save_segment(connection, "french", 'country = "DE"', at=clock.now())
        save_segment(connection, "french", 'country = "FR"', at=clock.now())
        with pytest.raises(SegmentError):
            save_segment(connection, "broken", "country =", at=clock.now())
        with pytest.raises(SegmentError):
            save_segment(connection, "Not A Name", "a = 1", at=clock.now())
        assert [item.expression for item in list_segments(connection)] == ['country = "FR"']
        assert count_subscribers(connection, condition(connection, "french", clock.now())) == 1
    assert names("french") == ["Ann"]
    with database.transaction() as connection:
        assert delete_segment(connection, "french")
        assert not delete_segment(connection, "french")
