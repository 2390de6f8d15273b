"""Progress is a set of page ids: what edits midway do to each reader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.campaigns.progress import next_page, passed_over

PAGES = st.lists(st.sampled_from("abcdefghij"), unique=True)


def test_the_next_page_is_the_first_that_is_not_behind() -> None:
    assert next_page("abcd", {"a", "c"}) == "b"
    assert next_page("ab", {"a", "b"}) is None
    assert next_page("", set()) is None


def test_a_page_inserted_behind_a_reader_is_passed_over_and_one_ahead_is_received() -> None:
    assert passed_over({"x", "y"}, "axbcy", {"a", "b"}) == {"x"}


def test_a_page_moved_before_what_was_read_is_still_received() -> None:
    assert passed_over(set(), "cab", {"a"}) == set()
    assert next_page("cab", {"a"}) == "c"


@given(PAGES, st.data())
def test_reading_to_the_end_visits_each_page_once_in_order(order: list[str], data: st.DataObject) -> None:
    behind = data.draw(st.sets(st.sampled_from("abcdefghij")))
    seen, left = set(behind), []
    while (page := next_page(order, seen)) is not None:
        left.append(page)
        seen.add(page)
    assert left == [page for page in order if page not in behind]
