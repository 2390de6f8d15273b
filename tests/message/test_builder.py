"""A message: what the standard library reads in it, and what no value can do to it."""

from __future__ import annotations

import email
import email.utils
import re
from dataclasses import replace
from datetime import datetime
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.compose.email import EmbeddedPicture
from newsletter.config import SenderSettings, Settings
from newsletter.errors import DataError, SettingsError, TemplateError
from newsletter.message.builder import Message, MessageBuilder, identity_of, transactional
from newsletter.message.links import Links, Purpose, Target
from newsletter.message.merge import merge
from tests.message.samples import ADA, IDENTITY, LINKS, NOW, RING, TARGET, build, parsed, part, sample, values

PNG = EmbeddedPicture("logo@news", "image/png", bytes(range(256)) * 3)
EMAIL = sample(
    html='<p>Dear {{ name|default("friend") }},</p>\n<p>.{{ company|default("you") }}</p>'
    '\n<a href="{{ unsubscribe_url|href }}">stop</a>\n',
    text='Dear {{ name|default("friend") }},\n\n{{ company|default("you") }}.\n{{ unsubscribe_url }}\n',
    subject='{{ first_name|default("Friend") }}, a page for {{ company|default("you") }}',
)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=60)


def test_a_message_has_the_headers_that_receivers_ask_for() -> None:
    message = build(EMAIL)
    read = parsed(message)
    token = LINKS.token(Purpose.UNSUBSCRIBE, TARGET)
    assert read["From"] == "Work Dojos <letters@news.example.org>"
    assert read["To"] == "Ada Lovelace <ada@example.com>"
    assert read["Subject"] == "Ada, a page for Engines & Co"
    assert read["Date"] == "Sun, 29 Mar 2026 07:05:09 +0000"
    assert re.fullmatch(r"<[0-9a-f]{32}@news\.example\.org>", read["Message-ID"])
    assert read["List-Id"] == '"A course on unions" <unions.news.example.org>'
    assert read["List-Unsubscribe"] == (
        f"<https://letters.example.org/u/{token}>, <mailto:unsub+{token}@bounce.example.org>"
    )
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read["Feedback-ID"] == "day-in-the-life:unions:campaign3:newsexampleorg"
    assert read["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert read["MIME-Version"] == "1.0"
    assert message.recipient == "ada@example.com"
    assert LINKS.read_address(message.sender) == (Purpose.BOUNCE, TARGET)
    assert not read.defects


def test_each_field_stands_in_a_message_once() -> None:
    names = [name.lower() for name in parsed(build(EMAIL))]
    assert len(names) == len(set(names))


def test_the_parts_are_plain_text_then_html() -> None:
    read = parsed(build(EMAIL))
    assert read.get_content_type() == "multipart/alternative"
    assert [child.get_content_type() for child in read.iter_parts()] == ["text/plain", "text/html"]


def test_embedded_pictures_are_related_to_the_html() -> None:
    read = parsed(build(sample(html='<img src="cid:logo@news">\n', embedded=(PNG,))))
    text, related = read.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert related.get_content_type() == "multipart/related"
    assert related.get_param("type") == "text/html"
    html, picture = related.iter_parts()
    assert html.get_content_type() == "text/html"
    assert picture["Content-ID"] == "<logo@news>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == PNG.data


def test_the_same_delivery_gives_the_same_bytes() -> None:
    assert build(EMAIL) == build(EMAIL)


def test_a_retry_keeps_its_message_id_and_a_second_copy_gets_its_own() -> None:
    later = NOW.replace(hour=23)
    first = parsed(build(EMAIL))["Message-ID"]
    assert parsed(build(EMAIL, now=later, target=TARGET._replace(delivery_id=99)))["Message-ID"] == first
    others = [
        build(EMAIL, copy=1),
        build(EMAIL, target=TARGET._replace(campaign_id=4)),
        build(EMAIL, target=TARGET._replace(subscriber_id=18)),
        build(replace(EMAIL, page_id="p-2")),
    ]
    assert len({first, *(parsed(message)["Message-ID"] for message in others)}) == 5


@given(name=WORDS, company=WORDS)
def test_whatever_the_values_the_parts_read_as_the_template_says(name: str, company: str) -> None:
    reader = replace(ADA, name=name, attributes={"company": company})
    message = build(EMAIL, reader)
    merged = merge(EMAIL, reader, values())
    assert part(message, "text/html") == merged.html
    assert part(message, "text/plain") == merged.text
    assert_fit_for_smtp(message.data)


@given(subject=WORDS, name=WORDS, site=WORDS)
def test_any_subject_and_names_survive_the_headers(subject: str, name: str, site: str) -> None:
    email = sample(subject="{{ company|default('') }}")
    identity = replace(IDENTITY, sender_name=site)
    message = build(email, replace(ADA, name=name, attributes={"company": subject}), identity=identity)
    read = parsed(message)
    assert read["Subject"] == subject
    assert name_and_address(message, "To") == (" ".join(name.split()), "ada@example.com")
    assert name_and_address(message, "From") == (" ".join(site.split()), "letters@news.example.org")
    assert not read["To"].defects
    assert_fit_for_smtp(message.data)


@pytest.mark.parametrize(
    "name",
    ["=?utf-8?q?x?=", 'Ada "the first" Lovelace', "back\\slash", "Lovelace, Ada", "ada@example.com", "(Ada)", "."],
)
def test_a_name_is_never_read_as_anything_but_a_name(name: str) -> None:
    message = build(EMAIL, replace(ADA, name=name))
    assert name_and_address(message, "To") == (name, "ada@example.com")
    assert parsed(message)["To"].addresses[0].display_name == name


def test_two_personas_have_two_message_ids() -> None:
    nobody = Target(0, 0, 0)
    first, second = (
        parsed(build(EMAIL, replace(ADA, id=0, address=address), target=nobody))["Message-ID"]
        for address in ("a@example.com", "b@example.com")
    )
    assert first != second


@pytest.mark.parametrize("forbidden", ["\r\nBcc: evil@example.com", "\n", "\r", "\0", "\x0b", "\x7f", "\u2028", "\x85"])
def test_a_control_character_never_reaches_a_header(forbidden: str) -> None:
    with pytest.raises(TemplateError, match="control character"):
        build(sample(subject="Hi {{ company }}"), replace(ADA, attributes={"company": f"a{forbidden}b"}))
    with pytest.raises(DataError, match="control character"):
        build(EMAIL, replace(ADA, name=f"Ada{forbidden}"))


def test_a_subject_that_no_header_may_hold_is_refused_before_the_first_mail() -> None:
    with pytest.raises(TemplateError, match="the subject has a control character"):
        MessageBuilder(sample(subject="a\nb"), IDENTITY, LINKS, [])


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com>\r\nRCPT TO:<evil@example.com",
        "ada@example.com\r\n",
        "ada @example.com",
        '"a b"@example.com',
        "ada@exa mple.com",
        "ada@[127.0.0.1]",
        "ada@-example.com",
        "ada@example..com",
        "ada",
        "@example.com",
        "a@b@example.com",
        "a" * 65 + "@example.com",
        "<ada@example.com>",
        "ada@example.com,evil@example.com",
        "",
    ],
)
def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(DataError):
        build(EMAIL, replace(ADA, address=address))


def test_a_domain_in_another_script_goes_out_in_a_labels() -> None:
    message = build(EMAIL, replace(ADA, address="ada@münchen.example"))
    assert message.recipient == "ada@xn--mnchen-3ya.example"
    assert not message.needs_smtputf8


def test_a_local_part_in_another_script_needs_smtputf8() -> None:
    message = build(EMAIL, replace(ADA, address="用户@例子.example"))
    assert message.needs_smtputf8
    assert message.recipient == "用户@xn--fsqu00a.example"
    assert "<用户@xn--fsqu00a.example>\r\n".encode() in message.data


def test_a_value_that_is_half_a_character_is_refused() -> None:
    with pytest.raises(TemplateError, match="not text"):
        build(EMAIL, replace(ADA, attributes={"company": "\ud800"}, name=""))


def test_one_click_needs_https_or_this_machine() -> None:
    remote = build(EMAIL, links=Links(RING, "http://letters.example.org"))
    local = build(EMAIL, links=Links(RING, "http://127.0.0.1:8025"))
    assert parsed(remote)["List-Unsubscribe-Post"] is None
    assert parsed(local)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_list_in_another_script_keeps_a_plain_list_id() -> None:
    data = build(EMAIL, identity=replace(IDENTITY, series="דוג׳ו", series_title="דוג׳ו")).data
    field = re.search(rb"^List-Id: (.*)\r$", data, re.MULTILINE)
    assert field and re.fullmatch(rb"<[a-z0-9-]+\.news\.example\.org>", field[1])


def test_reply_to_stands_when_it_is_set() -> None:
    assert parsed(build(EMAIL))["Reply-To"] is None
    assert parsed(build(EMAIL, identity=replace(IDENTITY, reply_to="us@example.org")))["Reply-To"] == "us@example.org"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        build(EMAIL, now=datetime(2026, 1, 1))


def test_identity_comes_from_the_settings() -> None:
    sender = SenderSettings(address="letters@münchen.example", bounce_domain="b.example.org")
    identity = identity_of(Settings(sender=sender), "unions")
    assert identity.sender_name == "Work Dojos"
    assert identity.sender_address == "letters@xn--mnchen-3ya.example"
    assert identity.list_domain == "xn--mnchen-3ya.example"
    assert identity.bounce_domain == "b.example.org"


@pytest.mark.parametrize("address", ["letters", "briefe\r\nX: y@example.org", "привет@example.org"])
def test_a_sender_that_mail_systems_refuse_is_a_settings_error(address: str) -> None:
    with pytest.raises(SettingsError):
        identity_of(Settings(sender=SenderSettings(address=address)), "unions")


def test_a_transactional_mail_is_on_no_list() -> None:
    message = transactional(
        IDENTITY,
        LINKS,
        [],
        recipient="ada@example.com",
        subject="Please confirm — שלום",
        text="Yes?\nhttps://letters.example.org/c/abc\n",
        html="<p>Yes? 100 %</p>",
        target=Target(17, 0, 0),
        now=NOW,
    )
    read = parsed(message)
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Subject"] == "Please confirm — שלום"
    assert not [name for name in read if name.lower().startswith("list-")]
    assert part(message, "text/html") == "<p>Yes? 100 %</p>"
    assert LINKS.read_address(message.sender) == (Purpose.BOUNCE, Target(17, 0, 0))
    assert_fit_for_smtp(message.data)


def name_and_address(message: Message, field: str) -> tuple[str, str]:
    """Read with the older parser: the newer one, up to 3.12, keeps blanks between encoded words of a name."""
    raw = email.message_from_bytes(message.data)[field]
    name, address = email.utils.parseaddr(re.sub(r"\r?\n", "", raw))
    return str(make_header(decode_header(name))), address


def assert_fit_for_smtp(data: bytes) -> None:
    """CRLF only, no line over 998 octets, none that starts with a dot, ASCII, and short lines in the body."""
    lines = data.split(b"\r\n")
    assert lines.pop() == b""
    assert all(b"\r" not in line and b"\n" not in line for line in lines)
    assert data.isascii()
    assert max(map(len, lines)) <= 998
    assert not any(line.startswith((b".", b"From ")) for line in lines)
    body = data.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert max(map(len, body)) <= 78
