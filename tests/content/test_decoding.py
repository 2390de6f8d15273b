from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content.decoding import LIMIT, decode
from newsletter.errors import ContentError

TEXT = "---\ntitle: Größe\n---\nЗдравствуй, 世界 😀\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_arrives_whole_with_or_without_a_mark(encoding: str) -> None:
    assert decode(TEXT.encode(encoding), "a.md").text == TEXT


def test_utf16_without_a_mark_is_recognised() -> None:
    text = "---\ntitle: A long enough page to be told apart, with ñ\n---\n"
    assert decode(text.encode("utf-16-le"), "a.md").text == text
    assert decode(text.encode("utf-16-be"), "a.md").text == text


def test_windows_1252_is_converted() -> None:
    assert decode("---\ntitle: Café\n---\n“Ça va”, 5 €\n".encode("cp1252"), "a.md").text.endswith("“Ça va”, 5 €\n")


def test_shift_jis_is_converted() -> None:
    text = "---\ntitle: 港\n---\nこれはテストです。日本語のページです。船の話をします。\n"
    assert decode(text.encode("shift_jis"), "a.md").text == text


def test_utf8_with_a_damaged_byte_is_refused_with_its_line_rather_than_garbled() -> None:
    data = "---\ntitle: Größe und Länge, Übermaß\n---\nschön ".encode() + b"\xff\n"
    with pytest.raises(ContentError) as error:
        decode(data, "a.md")
    assert (error.value.where, error.value.line) == ("a.md", 4)
    assert "UTF-8" in error.value.remedy


def test_a_picture_named_md_is_refused() -> None:
    with pytest.raises(ContentError, match="not text"):
        decode(b"\x89PNG\r\n\x1a\n" + bytes(100), "a.md")


def test_a_false_mark_is_refused_by_name() -> None:
    with pytest.raises(ContentError, match="UTF-8"):
        decode(codecs.BOM_UTF8 + b"abc\n\xe9t\xe9", "a.md")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_become_lf(end: str) -> None:
    assert decode(f"a{end}b{end}".encode(), "a.md").text == "a\nb\n"


def test_an_oversized_file_is_refused() -> None:
    with pytest.raises(ContentError, match="may have"):
        decode(b"x" * (LIMIT + 1), "a.md")


def test_references_to_control_characters_are_read_as_browsers_read_them() -> None:
    assert decode(b"it&#146;s&#1; &#169; &#8217;", "a.md").text == "it’s &#169; &#8217;"


@given(st.binary(max_size=400))
def test_any_bytes_become_clean_text_or_an_error_that_names_the_file(data: bytes) -> None:
    try:
        text = decode(data, "a.md").text
    except ContentError as error:
        assert error.where == "a.md"
    else:
        assert "\x00" not in text
        assert "\r" not in text
        text.encode()
