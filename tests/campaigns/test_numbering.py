"""A page that is only numbered otherwise is the same page; anything else is another."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from newsletter.campaigns.numbering import same_but_for_number
from newsletter.compose.email import Email

WORDS = st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"]), max_size=30)
COUNTS = st.integers(1, 300)


def mail(text: str, subject: str = "Night watch") -> Email:
    return Email("captains", "watch", "watch", subject, "", f"<p>{text}</p>", text, "en", "ltr")


@given(WORDS, WORDS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_another_number_in_the_series_is_no_other_page(
    before: str, after: str, old: int, olds: int, part: int, parts: int
) -> None:
    first = mail(f"{before} {old} of {olds} {after} 14:30")
    assert same_but_for_number(first, mail(f"{before} {part} of {parts} {after} 14:30"), part, parts)


@given(WORDS, COUNTS, COUNTS)
def test_a_corrected_number_of_the_text_is_another_page(words: str, old: int, new: int) -> None:
    assume(old != new and new not in (2, 7))
    assert not same_but_for_number(mail(f"Part 2 of 6 {words} {old}"), mail(f"Part 2 of 7 {words} {new}"), 2, 7)


def test_another_subject_or_another_word_is_another_page() -> None:
    assert not same_but_for_number(mail("Part 2 of 6"), mail("Part 2 of 7", subject="Day watch"), 2, 7)
    assert not same_but_for_number(mail("Part 2 of 6: starbord"), mail("Part 2 of 7: starboard"), 2, 7)
