"""A public site on a real database, with people, a campaign and a mail that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import insert
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.audience.addresses import fold
from newsletter.compose.email import Email, EmbeddedPicture
from newsletter.config import PictureSettings, SenderSettings, Settings, SiteSettings, WebSettings
from newsletter.message.keys import Key, KeyRing, address_hash
from newsletter.message.links import Purpose, Target
from newsletter.store.database import Database
from newsletter.store.emails import save_email
from newsletter.store.subscribers import StoredSubscriber, add_subscriber, subscriber_by_hash
from newsletter.store.suppressions import Suppression, suppressions_of
from newsletter.store.tables import campaign, campaign_page, delivery, enrollment
from newsletter.subscriber import Subscriber
from newsletter.web.public.app import public_app
from newsletter.web.public.limits import RateLimit
from newsletter.web.public.site import Site
from newsletter.web.serving import bind, serving

WEB_URL = "https://letters.example"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Place:
    """The site, the browser, and what a test needs to know about Ann and her mail."""

    site: Site
    client: httpx.Client
    clock: MovableClock
    database: Database
    ring: KeyRing
    ann: int
    delivery: int

    def token(self, purpose: Purpose, target: Target | None = None) -> str:
        target = target or Target(self.ann, 1, self.delivery)
        return self.site.links.token(purpose, target, now=self.clock.now())

    def digest(self, address: str) -> bytes:
        return address_hash(self.ring, fold(address))

    def person(self, address: str = "ann@acme.example") -> StoredSubscriber | None:
        with self.database.reading() as connection:
            return subscriber_by_hash(connection, self.digest(address))

    def suppressions(self, address: str = "ann@acme.example") -> tuple[Suppression, ...]:
        with self.database.reading() as connection:
            return suppressions_of(connection, self.digest(address))


class Switch:
    """An application that hands on to the one a test has put in: one real server does for all tests."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def switch() -> Iterator[tuple[Switch, str]]:
    """The switch and the address it is served at."""
    switch = Switch()
    with serving(switch, bind("127.0.0.1", 0)) as url:
        yield switch, url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name, title in (("unions", "Union Dojo"), ("coops", "Co-op Dojo")):
        folder = tmp_path / "content" / name
        folder.mkdir(parents=True)
        (folder / "_index.md").write_text(f"---\ntitle: {title}\n---\n<p>Hello.</p>\n")
    return Settings(
        root=tmp_path,
        site=SiteSettings(name="Work Dojos", base_url="https://dojos.example"),
        sender=SenderSettings(address="letters@dojos.example", postal_address="1 Example Street"),
        web=WebSettings(url=WEB_URL, archive=("unions",)),
        pictures=PictureSettings(cache=Path("pictures")),
    )


@pytest.fixture
def place(sqlite_database: Database, settings: Settings, switch: tuple[Switch, str]) -> Iterator[Place]:
    database = sqlite_database
    clock = MovableClock()
    ring = KeyRing((Key(1, b"k" * 32),))
    now = int(clock.now().timestamp())
    email = Email(
        "unions",
        "first",
        "first",
        "Hello {{ first_name | default('reader') }}",
        "",
        '<!DOCTYPE html><html lang="en"><head><title>Hello</title></head><body style="color:#222">'
        "<p>Dear {{ first_name | default('reader') }}</p>"
        '<img src="cid:dot@dojos" alt=""><a href="{{ unsubscribe_url|href }}">Unsubscribe</a></body></html>',
        "Dear {{ first_name | default('reader') }}\n\nUnsubscribe: {{ unsubscribe_url }}\n",
        "en",
        "ltr",
        (EmbeddedPicture("dot@dojos", "image/png", PIXEL),),
    )
    with database.transaction() as connection:
        ann = add_subscriber(
            connection,
            Subscriber("ann@acme.example", "Ann Lee"),
            address_hash(ring, "ann@acme.example"),
            state="active",
            at=clock.now(),
        )
        digest = save_email(connection, email, now=now)
        for number, series in ((1, "unions"), (2, "coops")):
            values = {"definition": {}, "created_at": now, "updated_at": now}
            connection.execute(
                insert(campaign).values(id=number, name=series, series=series, state="running", **values)
            )
            connection.execute(
                insert(enrollment).values(
                    campaign_id=number, subscriber_id=ann, state="active", zone="UTC", enrolled_at=now
                )
            )
        for position, page in enumerate(("first", "second")):
            connection.execute(
                insert(campaign_page).values(campaign_id=1, page_id=page, position=position, email_hash=digest)
            )
        sent = connection.execute(
            insert(delivery)
            .values(
                campaign_id=1,
                subscriber_id=ann,
                page_id="first",
                email_hash=digest,
                state="sent",
                due_at=now,
                finished_at=now,
            )
            .returning(delivery.c.id)
        ).scalar_one()
    site = Site(settings, database, ring, clock, _limit(5, 1000), _limit(1000, 100_000), answer_seconds=0.0)
    switch[0].app = public_app(site)
    with httpx.Client(base_url=switch[1], timeout=20) as client:
        yield Place(site, client, clock, database, ring, ann, sent)


def _limit(per_client: int, overall: int) -> RateLimit:
    return RateLimit(per_client, overall, lambda: 0.0)
