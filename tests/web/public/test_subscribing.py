"""Subscribing: double opt-in, and everything that is tried with such a form."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email import message_from_bytes, policy
from time import monotonic

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.joining import Wish
from newsletter.config import RelaySettings
from newsletter.delivery.smtp.reply import Reply
from newsletter.message.builder import Message
from newsletter.store.confirmations import due_confirmations
from newsletter.store.consents import ConsentKind, consents_of
from newsletter.store.leases import take
from newsletter.store.subscribers import tags_of
from newsletter.store.suppressions import suppress
from newsletter.suppression import Reason
from newsletter.web.public.confirmation_mail import ConfirmationMailer, compose
from newsletter.web.public.subscribing import SubscribePages, left_of_the_step
from tests.web.public.conftest import Place

NEW = "zoe@acme.example"


def fields(place: Place, path: str = "/subscribe/unions") -> dict[str, str]:
    """The form as a person has it before them, two seconds after it was shown."""
    page = place.client.get(path).text
    place.clock.move(seconds=5)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))


def submit(place: Place, address: str = NEW, path: str = "/subscribe/unions", **more: str) -> str:
    answer = place.client.post(path, data={**fields(place, path), "email": address, **more})
    assert answer.status_code == 200, answer.text
    return answer.text


def mails(place: Place, reply: int = 250) -> list[Message]:
    """What the mailer sends now, to a relay that gives this reply."""
    sent: list[Message] = []

    async def send(message: Message, relay: RelaySettings) -> Reply:
        sent.append(message)
        return Reply(reply, "told so")

    mailer = ConfirmationMailer(place.site, (), send=send)
    with ThreadPoolExecutor(1) as thread:  # a browser test has a loop of its own running in this one
        thread.submit(lambda: asyncio.run(mailer.send_due())).result()
    return sent


def link_in(message: Message) -> str:
    mail = message_from_bytes(message.data, policy=policy.default)
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return re.search(r"https://letters\.example(/c/\S+)", text)[1]  # type: ignore[index]


def test_a_form_a_mail_and_one_press_make_a_subscriber(place: Place) -> None:
    assert "Look into your mailbox" in submit(place, name="Zoë")
    person = place.person(NEW)
    assert person is not None
    assert person.state == "pending"
    link = link_in(mails(place)[0])
    assert place.client.get(link).status_code == 200
    still = place.person(NEW)
    assert still is not None
    assert still.state == "pending", "GET must not confirm"
    assert "You are subscribed" in place.client.post(link).text
    person = place.person(NEW)
    assert person is not None
    assert (person.state, person.subscriber.name) == ("active", "Zoë")
    with place.database.reading() as connection:
        log = consents_of(connection, person.id)
        assert tags_of(connection, [person.id]) == {person.id: ("unions",)}
    assert [entry.kind for entry in log] == [ConsentKind.REQUESTED, ConsentKind.CONFIRMED]
    assert log[0].wording == "I want to get “Union Dojo” from Work Dojos by e-mail. I can leave at any time."
    assert (log[0].source, log[0].ip, log[0].scope) == ("form /subscribe/unions", "127.0.0.1", "unions")


def test_confirming_twice_is_answered_alike(place: Place) -> None:
    submit(place)
    link = link_in(mails(place)[0])
    assert place.client.post(link).text == place.client.post(link).text
    with place.database.reading() as connection:
        person = place.person(NEW)
        assert person is not None
        assert len(consents_of(connection, person.id)) == 2


def test_the_mail_holds_nothing_that_was_typed_in(place: Place) -> None:
    submit(place, name="Win now http://evil.example", lang="de")
    message = mails(place)[0]
    assert b"evil" not in message.data
    assert b"Auto-Submitted: auto-generated" in message.data
    assert message.recipient == NEW


def test_every_state_of_an_address_gets_the_same_answer(place: Place) -> None:
    with place.database.transaction() as connection:
        for name, reason in (
            ("left", Reason.UNSUBSCRIBED),
            ("spam", Reason.COMPLAINED),
            ("gone", Reason.ERASED),
            ("dead", Reason.BOUNCED),
        ):
            suppress(connection, place.digest(f"{name}@acme.example"), reason, at=place.clock.now())
    answers = {submit(place, f"{name}@acme.example") for name in ("ann", "new", "left", "spam")}
    place.site.limit._buckets.clear()
    answers |= {submit(place, f"{name}@acme.example") for name in ("gone", "dead", "new")}
    assert len(answers) == 1
    asked = {message.recipient.partition("@")[0] for message in mails(place)}
    assert asked == {"ann", "new", "left", "gone"}, "complainers and dead addresses get no mail"


@given(st.floats(0, 60), st.floats(0.01, 1))
def test_an_answer_comes_after_a_whole_number_of_steps(elapsed: float, step: float) -> None:
    left = left_of_the_step(elapsed, step)
    assert 0 < left <= step
    steps = (elapsed + left) / step
    assert steps == pytest.approx(round(steps), abs=1e-3)
    assert round(steps) >= 1


def test_no_address_is_answered_before_the_step_is_over_however_little_there_is_to_do(place: Place) -> None:
    with place.database.transaction() as connection:
        suppress(connection, place.digest("spam@acme.example"), Reason.COMPLAINED, at=place.clock.now())
    patient = replace(place.site, answer_seconds=0.2)
    for address in ("spam@acme.example", NEW):
        wish = Wish(address, "unions", "", "en", "", "form /subscribe", "192.0.2.1")
        started = monotonic()
        asyncio.run(SubscribePages(patient)._ask(wish))
        assert monotonic() - started >= 0.2


def test_an_address_gets_one_confirmation_a_day(place: Place) -> None:
    for _ in range(3):
        submit(place)
    assert len(mails(place)) == 1
    place.clock.move(hours=25)
    submit(place)
    assert len(mails(place)) == 1


def test_one_reminder_and_no_more(place: Place) -> None:
    submit(place)
    assert len(mails(place)) == 1
    place.clock.move(days=3)
    reminder = mails(place)
    assert b"only reminder" in reminder[0].data
    place.clock.move(days=20)
    assert mails(place) == []


def test_no_reminder_for_whoever_has_confirmed(place: Place) -> None:
    submit(place)
    place.client.post(link_in(mails(place)[0]))
    place.clock.move(days=4)
    assert mails(place) == []


def test_a_mail_refused_for_now_is_tried_again_and_one_refused_for_good_is_not(place: Place) -> None:
    submit(place)
    assert len(mails(place, 451)) == 1
    assert mails(place) == []
    place.clock.move(minutes=16)
    assert len(mails(place, 550)) == 1
    place.clock.move(days=5)
    assert mails(place) == []


def test_a_link_expires_after_a_week(place: Place) -> None:
    submit(place)
    link = link_in(mails(place)[0])
    place.clock.move(days=8)
    answer = place.client.post(link)
    assert answer.status_code == 404
    assert "This link has expired" in answer.text


def test_who_never_confirms_is_purged(place: Place) -> None:
    submit(place)
    mails(place)
    place.clock.move(days=29)
    mailer = ConfirmationMailer(place.site, ())
    mailer._purge()
    assert place.person(NEW) is not None
    place.clock.move(days=2)
    mailer._purge()
    assert place.person(NEW) is None
    assert place.person() is not None


def test_who_had_left_everything_comes_back_for_one_series_only(place: Place) -> None:
    with place.database.transaction() as connection:
        suppress(connection, place.digest("ann@acme.example"), Reason.UNSUBSCRIBED, at=place.clock.now())
    submit(place, "ann@acme.example")
    place.client.post(link_in(mails(place)[0]))
    assert [(item.scope, item.reason) for item in place.suppressions()] == [("coops", Reason.UNSUBSCRIBED)]


def test_a_bot_that_fills_the_hidden_field_is_told_the_same_and_does_nothing(place: Place) -> None:
    assert submit(place, website="http://spam.example") == submit(place, "real@acme.example")
    assert place.person(NEW) is None


def test_who_is_faster_than_a_person_has_to_press_again(place: Place) -> None:
    page = place.client.get("/subscribe/unions").text
    stamp = re.search(r'name="stamp" value="([^"]+)"', page)[1]  # type: ignore[index]
    answer = place.client.post("/subscribe/unions", data={"email": NEW, "stamp": stamp})
    assert "One more press" in answer.text
    assert f'value="{NEW}"' in answer.text
    assert place.person(NEW) is None


@pytest.mark.parametrize("stamp", ["", "0-0", "zzz", "65e2b3f0-" + "0" * 32, "-" * 300, "ffffffffffffffff-x"])
def test_a_stamp_that_is_not_ours_counts_for_nothing(place: Place, stamp: str) -> None:
    answer = place.client.post("/subscribe/unions", data={"email": NEW, "stamp": stamp})
    assert answer.status_code == 200
    assert place.person(NEW) is None


def test_a_form_on_another_site_works_with_one_more_press(place: Place) -> None:
    first = place.client.post(
        "/subscribe", data={"email": NEW, "series": "unions"}, headers={"origin": "https://blog.example"}
    )
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', first.text))
    assert 'action="/subscribe/unions"' in first.text
    place.clock.move(seconds=3)
    place.client.post("/subscribe/unions", data=hidden)
    assert place.person(NEW) is not None


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example"])
def test_what_is_no_address_is_said_so(place: Place, address: str) -> None:
    answer = place.client.post("/subscribe/unions", data={**fields(place), "email": address})
    assert answer.status_code in (200, 400)
    assert "not an e-mail address" in answer.text or "Look into" not in answer.text
    assert mails(place) == []


def test_json_is_answered_alike_for_all(place: Place) -> None:
    answers = [
        place.client.post("/subscribe", json={"email": address, "series": "unions", "lang": "de"})
        for address in (NEW, "ann@acme.example", NEW)
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].headers["access-control-allow-origin"] == "*"
    assert "unterwegs" in answers[0].json()["message"]
    assert len(mails(place)) == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"[]", 400), (b'{"email": 3}', 400), (b'{"email": "x"}', 400), (b'{"email": "a@b.example", "series": "nope"}', 404),
        (b"\xff", 400), (b"[" * 20000, 400), (b'{"email": "a@b.example", "name": ["x"]}', 400), (b"null", 400),
    ],
)  # fmt: skip
def test_json_that_is_unfit_is_refused(place: Place, body: bytes, status: int) -> None:
    answer = place.client.post("/subscribe", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_browser_may_ask_before_it_posts_json(place: Place) -> None:
    answer = place.client.options("/subscribe", headers={"origin": "https://blog.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "POST"


def test_a_flood_from_one_client_is_stopped(place: Place) -> None:
    codes = [
        place.client.post("/subscribe", json={"email": f"p{number}@acme.example"}).status_code for number in range(8)
    ]
    assert codes == [202] * 5 + [429] * 3
    with place.database.reading() as connection:
        assert len(list(due_confirmations(connection, now=place.clock.now(), limit=99))) == 5


def test_a_flood_of_many_connections_gets_no_more_through(place: Place) -> None:
    def post(number: int) -> int:
        with httpx.Client(base_url=place.client.base_url) as client:
            return client.post("/subscribe", json={"email": f"p{number}@acme.example"}).status_code

    with ThreadPoolExecutor(16) as threads:
        codes = list(threads.map(post, range(80)))
    assert (codes.count(202), codes.count(429)) == (5, 75)


def test_two_servers_send_one_mail(place: Place) -> None:
    submit(place)
    with place.database.transaction() as connection:
        assert take(connection, "confirmations", "another server", 60)
    assert mails(place) == []


def test_a_series_that_is_not_there_is_not_subscribed_to(place: Place) -> None:
    assert place.client.get("/subscribe/nope").status_code == 404
    assert place.client.post("/subscribe/nope", data={"email": NEW}).status_code == 404


def test_the_mail_is_written_in_the_language_of_the_form(place: Place) -> None:
    submit(place, lang="fr")
    with place.database.reading() as connection:
        wanted = next(due_confirmations(connection, now=place.clock.now(), limit=1))
    text = message_from_bytes(compose(place.site, wanted, ()).data, policy=policy.default)
    assert text["subject"] == "Merci de confirmer votre inscription"
