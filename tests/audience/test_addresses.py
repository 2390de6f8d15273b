"""What is an address, and which two are one."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.addresses import fold, shorten, validate
from newsletter.errors import DataError


@pytest.mark.parametrize(
    "address",
    [
        "ann@acme.example", "ann@mail.test", "ann@nowhere.invalid", "Ann.Lee+dojo@Acme.EXAMPLE", "ü@acme.example",
        "ann@bücher.example", "ann@xn--bcher-kva.example", "o'neil@acme.example", "用户@例子.example", "=a@acme.example",
    ],
)  # fmt: skip
def test_an_address_is_kept_as_written(address: str) -> None:
    assert validate(f" {address}\t") == address


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ann", "ann@", "@acme.example", "ann@acme", "ann@@acme.example", "ann lee@acme.example", "ann@acme..example",
        ".ann@acme.example", "ann.@acme.example", "ann@-acme.example", "Ann <ann@acme.example>", "ann@acme.example.",
        "ann@[127.0.0.1]", "ann@127.0.0.1", '"ann"@acme.example', "a@acme.example,b@acme.example", "ann@acme.example\n",
        "ann@acme.example\r\nRCPT TO:<eve@evil.example>", "ann\0@acme.example", "ann@acme\0.example", "\u2028ann@acme.example",
        f"{'a' * 65}@acme.example", f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}.example", "mailto:ann@acme.example?cc=b@c.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(DataError, match=r"address"):
        validate(text)


@given(st.from_regex(r"[a-z.+_'-]{1,8}@[a-z.-]{1,10}", fullmatch=True))
def test_the_short_cut_says_what_email_validator_says(address: str) -> None:
    try:
        validate_email(address, strict=True, check_deliverability=False)
        valid = "." in address.rpartition("@")[2]
    except EmailNotValidError:
        valid = False
    try:
        validate(address)
    except DataError:
        assert not valid
    else:
        assert valid


@given(st.text(max_size=30))
def test_whatever_is_accepted_is_safe_in_a_header_and_folds_stably(text: str) -> None:
    try:
        address = validate(text)
    except DataError:
        return
    assert not any(sign in address for sign in "\r\n\0<> ,;\u2028")
    assert fold(fold(address)) == fold(address)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@ACME.example", "ann@acme.example"),
        ("Ann@acme.example", "ann@acme.example"),
        ("ann@bücher.example", "ann@XN--BCHER-KVA.example"),
        ("ann@BÜCHER.example", "ann@bücher.example"),
        ("u\u0308@acme.example", "ü@acme.example"),
    ],
)
def test_two_spellings_of_one_address_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize("other", ["ann+dojo@acme.example", "a.nn@acme.example", "ann@acme2.example"])
def test_plus_tags_and_dots_tell_people_apart(other: str) -> None:
    assert fold("ann@acme.example") != fold(other)


def test_a_shortened_address_shows_the_domain_only() -> None:
    assert shorten("ann.lee@acme.example") == "a…@acme.example"
