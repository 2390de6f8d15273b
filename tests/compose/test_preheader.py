from __future__ import annotations

import pytest

from newsletter.compose.preheader import FILLED, LENGTH, filler_for, preheader_of


def test_the_description_is_the_preheader() -> None:
    assert preheader_of("Title", " A  description. ", ["First."]) == "A description."


def test_without_a_description_the_first_sentences_are() -> None:
    long = f"This third sentence is {'very ' * 30}long."
    assert preheader_of("Title", "", ["", f"One. Two! {long}"]) == "One. Two!"


@pytest.mark.parametrize("description", ["", "the title", "THE TITLE!"])
def test_the_title_is_not_said_twice(description: str) -> None:
    assert preheader_of("The title", description, ["The title.", "The text."]) == "The text."


def test_a_long_sentence_is_cut_between_words() -> None:
    preheader = preheader_of("Title", "", ["word " * 60])
    assert len(preheader) <= LENGTH
    assert preheader.endswith("word…")


def test_a_sentence_in_a_script_without_blanks_is_cut_too() -> None:
    assert len(preheader_of("題", "", ["日" * 300])) <= LENGTH


def test_without_words_there_is_none() -> None:
    assert preheader_of("Title", "", ["  ", ""]) == ""


def test_the_filler_reaches_as_far_as_inboxes_look() -> None:
    for length in (0, 1, 100, 199, 200, 500):
        filled = length + len(filler_for("x" * length))
        assert max(length, FILLED - 3) <= filled <= max(length, FILLED)


def test_the_filler_shows_nothing() -> None:
    assert set(filler_for("")) <= set("\u034f\u2007 ")
