"""Links that nobody can forge, cut, or use for something else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from newsletter.errors import LinkError, SettingsError
from newsletter.message.keys import Key, KeyRing
from newsletter.message.links import Links, Purpose, Target, bounce_address
from tests.message.samples import LINKS, NOW, RING, TARGET

IDS = st.integers(0, 2**36)
TARGETS = st.builds(Target, IDS, st.integers(0, 2**20), IDS)
LATER = NOW + timedelta(days=6, hours=23)


@given(TARGETS, st.sampled_from(Purpose))
def test_a_token_says_whom_it_is_about(target: Target, purpose: Purpose) -> None:
    token = LINKS.token(purpose, target, now=NOW)
    assert LINKS.read(token, purpose, now=LATER) == target
    assert LINKS.read(token.upper(), purpose, now=LATER) == target
    assert re.fullmatch(r"[0-9a-z-]+", token)


@given(TARGETS, st.sampled_from(Purpose), st.sampled_from(Purpose))
def test_a_token_is_good_for_its_purpose_only(target: Target, made_for: Purpose, used_for: Purpose) -> None:
    assume(made_for is not used_for)
    with pytest.raises(LinkError):
        LINKS.read(LINKS.token(made_for, target, now=NOW), used_for, now=NOW)


@given(st.sampled_from(Purpose), st.data())
def test_a_token_changed_in_any_place_is_refused(purpose: Purpose, data: st.DataObject) -> None:
    token = LINKS.token(purpose, TARGET, now=NOW)
    place = data.draw(st.integers(0, len(token)))
    instead = data.draw(st.text(max_size=3))
    length = data.draw(st.integers(0, 3))
    changed = token[:place] + instead + token[place + length :]
    assume(changed.lower() != token)
    with pytest.raises(LinkError):
        LINKS.read(changed, purpose, now=NOW)


@given(st.text(), st.sampled_from(Purpose))
def test_no_text_is_taken_for_a_token(text: str, purpose: Purpose) -> None:
    with pytest.raises(LinkError):
        LINKS.read(text, purpose, now=NOW)


@pytest.mark.parametrize(
    "token", ["0" * 5000 + "-1-1-1-" + "a" * 26, "1-" + "f" * 100_000 + "-1-1-" + "a" * 26, "İ-1-1-1-" + "a" * 26]
)
def test_a_monstrous_token_is_refused_quickly(token: str) -> None:
    with pytest.raises(LinkError):
        LINKS.read(token, Purpose.UNSUBSCRIBE)


def test_another_key_makes_other_tokens() -> None:
    stranger = Links(KeyRing((Key(1, b"x" * 32),)), LINKS.web_url)
    with pytest.raises(LinkError):
        stranger.read(LINKS.token(Purpose.UNSUBSCRIBE, TARGET), Purpose.UNSUBSCRIBE)


def test_old_links_stay_valid_after_a_rotation() -> None:
    old = LINKS.token(Purpose.UNSUBSCRIBE, TARGET)
    rotated = Links(KeyRing((Key(2, b"n" * 32), *RING.keys)), LINKS.web_url)
    assert rotated.read(old, Purpose.UNSUBSCRIBE) == TARGET
    assert rotated.token(Purpose.UNSUBSCRIBE, TARGET).startswith("2-")


def test_a_confirm_link_is_good_for_seven_days() -> None:
    token = LINKS.token(Purpose.CONFIRM, TARGET, now=NOW)
    assert LINKS.read(token, Purpose.CONFIRM, now=NOW + timedelta(days=7, seconds=-1)) == TARGET
    with pytest.raises(LinkError, match="7 days"):
        LINKS.read(token, Purpose.CONFIRM, now=NOW + timedelta(days=7))


def test_an_unsubscribe_link_never_expires() -> None:
    token = LINKS.token(Purpose.UNSUBSCRIBE, TARGET, now=NOW)
    assert LINKS.read(token, Purpose.UNSUBSCRIBE, now=datetime(2100, 1, 1, tzinfo=UTC)) == TARGET


def test_a_confirm_link_without_the_time_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="now"):
        LINKS.token(Purpose.CONFIRM, TARGET)


@given(TARGETS)
def test_the_links_of_a_mail_are_those_made_one_by_one(target: Target) -> None:
    assert LINKS.for_mail(target) == (
        LINKS.token(Purpose.UNSUBSCRIBE, target),
        LINKS.url(Purpose.UNSUBSCRIBE, target),
        LINKS.url(Purpose.PREFERENCES, target),
        LINKS.url(Purpose.VIEW, target),
        LINKS.token(Purpose.BOUNCE, target),
    )


@given(TARGETS)
def test_an_address_with_a_token_is_read_back_and_fits_64_octets(target: Target) -> None:
    sender = bounce_address(LINKS.token(Purpose.BOUNCE, target), "bounce.example.org")
    assert len(sender.partition("@")[0]) <= 64
    assert sender == sender.lower()
    assert LINKS.read_address(sender) == (Purpose.BOUNCE, target)
    assert LINKS.read_address(sender.upper()) == (Purpose.BOUNCE, target)
    leave = f"unsub+{LINKS.token(Purpose.UNSUBSCRIBE, target)}@bounce.example.org"
    assert LINKS.read_address(leave) == (Purpose.UNSUBSCRIBE, target)


def test_a_bounce_address_can_not_unsubscribe() -> None:
    token = LINKS.token(Purpose.BOUNCE, TARGET)
    with pytest.raises(LinkError):
        LINKS.read_address(f"unsub+{token}@bounce.example.org")
    with pytest.raises(LinkError):
        LINKS.read_address(f"letters+{token}@bounce.example.org")


def test_ids_too_large_for_an_envelope_are_refused() -> None:
    with pytest.raises(LinkError, match="64 octets"):
        bounce_address(LINKS.token(Purpose.BOUNCE, Target(2**63, 2**31, 2**63)), "example.org")


@pytest.mark.parametrize(
    "url",
    ["", "letters.example.org", "ftp://example.org", "https://a.example/?x=1", 'https://a.example/">', "https://é.org"],
)
def test_a_web_address_that_could_break_a_mail_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="https address"):
        Links(RING, url)


def test_a_public_page_has_its_letter_in_the_path() -> None:
    links = Links(RING, "https://letters.example.org/dojo/")
    token = links.token(Purpose.PREFERENCES, TARGET)
    assert links.url(Purpose.PREFERENCES, TARGET) == f"https://letters.example.org/dojo/p/{token}"
