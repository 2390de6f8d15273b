from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.compose.addresses import Site

SITE = Site("https://workdojos.com/", "/unions/learning/")


@pytest.mark.parametrize(
    ("address", "absolute"),
    [
        ("/uploads/x.jpg", "https://workdojos.com/uploads/x.jpg"),
        ("x.jpg", "https://workdojos.com/unions/learning/x.jpg"),
        ("../other/", "https://workdojos.com/unions/other/"),
        ("../../../../etc/passwd", "https://workdojos.com/etc/passwd"),
        ("#top", "https://workdojos.com/unions/learning/#top"),
        ("?a=1", "https://workdojos.com/unions/learning/?a=1"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("http://example.com/a b", "http://example.com/a%20b"),
        ("HTTPS://Example.com/", "HTTPS://Example.com/"),
        (" \n https://example.com/ü ", "https://example.com/ü"),
        ("mailto:a@example.com?subject=Hi there", "mailto:a@example.com?subject=Hi%20there"),
        ("tel:+1 234", "tel:+1234"),
        ("\\uploads\\x.jpg", "https://workdojos.com/uploads/x.jpg"),
        ("/a/\u202egpj.exe", "https://workdojos.com/a/%E2%80%AEgpj.exe"),
    ],
)
def test_addresses_become_absolute(address: str, absolute: str) -> None:
    assert SITE.absolute(address) == absolute


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScript:x", "java\nscript:x", "\x01javascript:x", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "cid:x", "https://", "http://[", "https://x:99999/", "about:blank"],
)  # fmt: skip
def test_what_cant_stand_in_a_mail_is_refused(address: str) -> None:
    assert SITE.absolute(address) == ""


def test_paths_on_the_site_are_told_from_those_elsewhere() -> None:
    assert SITE.path_on_site("https://WORKDOJOS.com/uploads/x.jpg?v=2") == "/uploads/x.jpg"
    assert SITE.path_on_site("/uploads/x.jpg") == "/uploads/x.jpg"
    assert SITE.path_on_site("https://unions.workdojos.com/x.jpg") is None
    assert SITE.path_on_site("mailto:a@workdojos.com") is None


def test_a_site_below_a_folder_keeps_to_it() -> None:
    site = Site("https://example.com/dojos", "/unions/")
    assert site.path_on_site("https://example.com/dojos/uploads/x.jpg") == "/uploads/x.jpg"
    assert site.path_on_site("https://example.com/uploads/x.jpg") is None


@given(st.text(max_size=60))
def test_any_text_gives_an_absolute_address_or_none(text: str) -> None:
    address = SITE.absolute(text)
    assert not address or urlsplit(address).scheme.lower() in ("http", "https", "mailto", "tel", "sms")
    assert not set(address) & set("\"'<> \n\r\t{}`")
