"""Quoted-printable in pieces: whatever stands next to what, it decodes to the text and never breaks a rule."""

from __future__ import annotations

import quopri
import re

from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.message.quoted_printable import encode, encode_value

TEXT = st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from(" .=\t\n\rFrom é"), max_size=200)


@given(st.lists(TEXT, max_size=6))
@example(["a" * 74, "é", ".", "From ", " ", "\n", ".\n", "  \n"])
@example(["é" * 40 + "=" * 40, "x" * 76, "x" * 75 + ".", "x" * 75 + "From here"])
def test_pieces_decode_to_the_text_and_keep_every_rule(texts: list[str]) -> None:
    encoded = b"".join(encode_value(text) if index % 2 else encode(text) for index, text in enumerate(texts))
    expected = "".join(re.sub("\r\n?", "\n", text) for text in texts)
    assert quopri.decodestring(encoded).replace(b"\r\n", b"\n").decode() == expected
    lines = encoded.split(b"\r\n")
    assert lines.pop() == b""
    for line in lines:
        assert len(line) <= 76
        assert re.fullmatch(rb"(?:=[0-9A-F]{2}|[!-<>-~ ])*=?", line)
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
        assert b"  " not in line


@given(TEXT)
def test_a_value_is_encoded_as_any_text_is(text: str) -> None:
    assert encode_value(text) == encode(text)


def test_an_empty_value_leaves_no_trace() -> None:
    assert encode_value("") == b""


def test_plain_text_stays_readable() -> None:
    assert encode("Dear Ada,\nhow are you?\n") == b"Dear Ada,\r\nhow are you?\r\n"
