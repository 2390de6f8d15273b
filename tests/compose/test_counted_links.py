"""Links whose clicks are counted."""

from __future__ import annotations

import re

import pytest

from newsletter.compose.counted_links import with_counted_links
from newsletter.compose.email import Email

WEB = "https://letters.example"


def email(html: str) -> Email:
    return Email("unions", "first", "first", "Hello", "", html, "See https://union.example/join\n", "en", "ltr")


def test_each_address_gets_one_link_that_is_the_same_for_everybody() -> None:
    html = (
        '<a style="color:#234" href="https://union.example/join?a=1&amp;b=2" target="_blank">Join</a> '
        '<a href="https://union.example/join?a=1&amp;b=2"><img src="x.png" alt="Join"></a> '
        '<a href="http://coop.example/">Co-ops</a>'
    )
    counted, links = with_counted_links(email(html), "spring", WEB)
    assert [(link.position, link.url) for link in links] == [
        (1, "https://union.example/join?a=1&b=2"),
        (2, "http://coop.example/"),
    ]
    first, second = (f"{WEB}/l/{link.token}" for link in links)
    assert re.findall(r'href="([^"]*)"', counted.html) == [first, first, second]
    assert with_counted_links(email(html), "spring", WEB) == (counted, links)
    assert {link.token for link in with_counted_links(email(html), "autumn", WEB)[1]}.isdisjoint(
        link.token for link in links
    )


@pytest.mark.parametrize(
    "html",
    [
        '<a href="{{ unsubscribe_url|href }}">Unsubscribe</a>',
        '<a href="{{ preferences_url|href }}">Preferences</a>',
        '<a href="https://acme.example/?who={{ email|url }}">Yours</a>',
        f'<a href="{WEB}/archive/unions">Archive</a>',
        '<a href="mailto:ann@acme.example">Write</a>',
        '<a href="#top">Top</a>',
        '<a name="x">here</a>',
        '<a href="https://union.example/join">https://union.example/join</a>',
        '<a href="https://union.example/join"><b>www.union.example</b></a>',
        '<a href="https://union.example/join"> union.example/join </a>',
        '<link href="https://union.example/style.css" rel="stylesheet">',
    ],
)
def test_links_of_the_reader_and_links_that_show_their_address_are_left_alone(html: str) -> None:
    assert with_counted_links(email(html), "spring", WEB) == (email(html), ())


def test_nothing_but_the_addresses_changes() -> None:
    html = '<p>A &amp; B</p>\n<!--[if mso]><a href="https://union.example/a">x</a><![endif]--><a href="https://b.example/">y</a>'
    counted, links = with_counted_links(email(html), "spring", WEB)
    back = counted.html
    for link in links:
        back = back.replace(f"{WEB}/l/{link.token}", link.url)
    assert (back, counted.text) == (html, email(html).text)
