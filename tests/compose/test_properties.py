"""No input page makes a traceback, leaks a template tag, a script or a relative address."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsletter.compose.composer import Composer
from newsletter.compose.email import Email
from newsletter.content.page import Page, Series
from newsletter.content.reader import parse_page
from newsletter.errors import ContentError, TemplateError
from newsletter.message.merge import merge
from newsletter.subscriber import Subscriber
from tests.compose.pages import page, series, settings

PIECES = [
    "<p>", "</p>", "<b>", "</b>", "<a href='", "<a href=\"/x y?a=1&b=2\">", "</a>", "'>", "<script>alert(1)</script>", "<style>p{}</style>",
    "<img src='/uploads/a.png'>", "<img src=x onerror=alert(1)>", "<table><tr><td>", "</table>", "<figure>", "<ul><li>", "<pre><code>", "</div>",
    "<iframe src='x'>", "<!-- c -->", "<![CDATA[x]]>", "<h1>", "</h1>", "<h4>T</h4>", "<br><br>", "<blockquote>", "<svg onload=x>", "<a href='javascript:x'>",
    "{{ name }}", "{{ first_name|default('you') }}", "{{", "}}", "{%", "%}", "{#", "#}", "{% if name %}", "{% endif %}", "{% raw %}", "{{ 1/0 }}", "{{ x.__class__ }}",
    "{{< figure src='a.png' >}}", "&amp;", "&lt;script&gt;", "&#0;", "&nbsp;", "<", ">", "&", "\"", "'", "\x00", "\x92", "\u202e", "\ufeff", "\U0001f389", "שלום", "日本語",
    "next: x", "\n\n", "\r\n", "    ", "# Heading", "* item", "1. item", "> quote", "| a | b |\n|---|---|\n| c | d |", "```\ncode\n```", "[x](//y)", "![i](i.svg)", "slot0n0x", "]]>", "-->", "x" * 90,
]  # fmt: skip
BODIES = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
HOSTILE = "\"'><script>alert(1)</script>{{ 7*7 }}\r\nX: y\u202e"
PERSONA = Subscriber("a@example.com", HOSTILE, attributes={"first_name": HOSTILE, "company": HOSTILE, "url": HOSTILE})
LINKS = {
    "unsubscribe_url": "https://letters.example/u/1",
    "preferences_url": "https://letters.example/p/1",
    "web_url": "https://letters.example/v/1",
    "site_name": "Work Dojos",
    "postal_address": "1 Example Street",
}


class Reader(HTMLParser):
    """An independent reader that collects what must not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]


def assert_is_harmless(html: str) -> None:
    reader = Reader()
    reader.feed(html)
    assert not reader.tags & {"script", "iframe", "object", "embed", "form", "input", "svg", "base", "link"}
    assert not {name for name in reader.attributes if name.startswith("on") or "{" in name or "<" in name}
    relative = [
        address for address in reader.addresses if not re.match(r"(https?://[^/]|mailto:|tel:|sms:|cid:)", address)
    ]
    assert not relative
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", html)
    assert html.count("<!--[if") == html.count("<![endif]")


def merged(email: Email) -> tuple[str, str] | None:
    """Both parts for the hostile persona; None when the page asks for a value that nobody has."""
    try:
        done = merge(email, PERSONA, LINKS)
    except TemplateError:
        return None
    return done.html, done.text


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    return Composer(settings(tmp_path_factory.mktemp("project")))


def composed(composer: Composer, letter: Page) -> Email | None:
    try:
        return composer.compose(letter, Series("captains", "Captains", (letter,))).email
    except TemplateError as error:
        assert error.message
        assert error.where
        return None


@hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=BODIES, description=BODIES, body=BODIES)
@example(title="{% raw %}", description="{#", body="{{ first_name }}{")
@example(title="x", description="", body="<a href=\"{{ url }}\">x</a> <a href='https://x/?q={{ company }}'>y</a>")
@example(title="x", description="", body="<p><img src='/a.png' alt='{{ company }}'></p>")
def test_no_page_makes_a_traceback_or_leaks(composer: Composer, title: str, description: str, body: str) -> None:
    from json import dumps

    text = f"---\ntitle: {dumps(title)}\ndescription: {dumps(description)}\n---\n{body}\n"
    try:
        letter = parse_page(text.encode("utf-8", "surrogatepass"), path="captains/a.md", series="captains")
    except ContentError:
        return
    email = composed(composer, letter)
    parts = merged(email) if email else None
    if parts:
        assert_is_harmless(parts[0])
        assert "alert(1)</script>" not in parts[0]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(article=BODIES, caption=BODIES, title=BODIES)
def test_even_an_article_that_nobody_has_cleaned_does_no_harm(
    composer: Composer, article: str, caption: str, title: str
) -> None:
    from newsletter.content.page import Hero, Picture

    letter = page(article, title=title, hero=Hero(Picture("/a.png", title), caption))
    email = composed(composer, letter)
    parts = merged(email) if email else None
    if parts:
        assert_is_harmless(parts[0])


def test_a_subscribers_value_cant_leave_its_place(composer: Composer) -> None:
    letter = page(
        '<p title="{{ company }}">{{ company }}</p><p><a href="https://x.example/?q={{ company }}">{{ company }}</a></p>'
        '<p><img src="/uploads/a.png" alt="{{ company }}"/></p>',
        title="For {{ company }}",
        description="To {{ company }}",
    )
    email = composer.compose(letter, series(letter)).email
    html, text = merged(email) or ("", "")
    assert_is_harmless(html)
    assert "%22%27%3E%3Cscript%3E" in html
    assert "49" not in re.sub(r"#\w+", "", html.partition("<body")[2])
    assert "{{ 7*7 }}" in text


def test_an_address_from_a_subscriber_must_be_one(composer: Composer) -> None:
    letter = page('<p><a href="{{ url }}">x</a></p>')
    email = composer.compose(letter, series(letter)).email
    with pytest.raises(TemplateError):
        merge(email, Subscriber("a@example.com", attributes={"url": "javascript:alert(1)"}), LINKS)
    html = merge(email, Subscriber("a@example.com", attributes={"url": "https://x.example/?a=1&b=2"}), LINKS).html
    assert 'href="https://x.example/?a=1&amp;b=2"' in html


def test_composing_opens_no_connection(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refused(*arguments: object) -> None:
        raise AssertionError("composing asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    letter = page('<p><img src="https://elsewhere.example/x.png" alt=""/></p><p style="font-family:Roboto">x</p>')
    assert "fonts.googleapis" not in composer.compose(letter, series(letter)).email.html


def test_the_property_tests_would_notice(tmp_path: Path) -> None:
    for leak in ("<script>x</script>", '<a href="/x">y</a>', '<img src="">', "<p onclick=x>", "\x92"):
        with pytest.raises(AssertionError):
            assert_is_harmless(f"<html><body>{leak}</body></html>")
