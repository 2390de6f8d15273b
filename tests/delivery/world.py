"""A small world to send in: an email, people, a campaign, and deliveries that are due."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from newsletter.compose.email import Email
from newsletter.config import DatabaseSettings, RelaySettings, SenderSettings, Settings, WebSettings
from newsletter.message.keys import Key, KeyRing, address_hash
from newsletter.store.database import Database
from newsletter.store.emails import save_email

NOW = 1_700_000_000
RING = KeyRing((Key(1, bytes(32)),))


class StillClock:
    """A clock that a test sets."""

    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


def an_email(page_id: str = "welcome", subject: str = "Hello {{ first_name|default('you') }}", size: int = 0) -> Email:
    filler = "".join(f"<p>Line {number}: a dojo is a room for learning.</p>\n" for number in range(size // 55))
    return Email(
        series="unions",
        page_id=page_id,
        slug=page_id,
        subject=subject,
        preheader="",
        html=f'<html><body><p>Hello {{{{ name|default("you") }}}}</p>\n{filler}'
        '<a href="{{ unsubscribe_url|href }}">leave</a></body></html>\n',
        text="Hello {{ name|default('you') }}\n.a line that starts with a dot\n\nLeave: {{ unsubscribe_url }}\n",
        lang="en",
        direction="ltr",
    )


def a_campaign(
    connection: Connection, name: str = "unions", *, state: str = "running", policy: str = "hold", relay: str = ""
) -> int:
    return int(
        connection.execute(
            text(
                "INSERT INTO campaign (name, series, state, definition, relay, crash_policy, created_at, updated_at) "
                "VALUES (:name, 'unions', :state, :definition, :relay, :policy, 0, 0) RETURNING id"
            ),
            {
                "name": name,
                "state": state,
                "relay": relay,
                "policy": policy,
                "definition": '{"series": "unions", "cadence": {"every": "3d"}}',
            },
        ).scalar_one()
    )


def subscribers(connection: Connection, addresses: Sequence[str], *, state: str = "active") -> list[int]:
    rows = [
        {
            "address": address,
            "hash": address_hash(RING, address.lower()),
            "name": address.partition("@")[0].title(),
            "state": state,
            "attributes": "{}",
        }
        for address in addresses
    ]
    connection.execute(
        text(
            "INSERT INTO subscriber (address, address_hash, name, attributes, state, created_at, updated_at) "
            "VALUES (:address, :hash, :name, :attributes, :state, 0, 0)"
        ),
        rows,
    )
    ids = dict(connection.execute(text("SELECT address, id FROM subscriber")).all())
    return [ids[address] for address in addresses]


def due(
    connection: Connection,
    campaign: int,
    people: Sequence[int],
    email: Email,
    *,
    at: int = NOW - 60,
    give_up_at: int = 0,
) -> list[int]:
    content_hash = save_email(connection, email, now=0)
    connection.execute(
        text(
            "INSERT INTO delivery (campaign_id, subscriber_id, page_id, email_hash, state, due_at, give_up_at) "
            "VALUES (:campaign, :person, :page, :hash, 'due', :at, :give_up_at)"
        ),
        [
            {
                "campaign": campaign,
                "person": person,
                "page": email.page_id,
                "hash": content_hash,
                "at": at,
                "give_up_at": give_up_at,
            }
            for person in people
        ],
    )
    return list(
        connection.execute(
            text("SELECT id FROM delivery WHERE campaign_id = :campaign AND page_id = :page ORDER BY id"),
            {"campaign": campaign, "page": email.page_id},
        ).scalars()
    )


def seed(
    database: Database, count: int = 5, *, email: Email | None = None, policy: str = "hold", domain: str = "example.com"
) -> list[int]:
    """A running campaign with `count` due deliveries; their ids."""
    with database.transaction() as connection:
        campaign = a_campaign(connection, policy=policy)
        people = subscribers(connection, [f"reader{number}@{domain}" for number in range(count)])
        return due(connection, campaign, people, email or an_email())


def states(database: Database) -> dict[int, str]:
    with database.reading() as connection:
        return dict(connection.execute(text("SELECT id, state FROM delivery ORDER BY id")).all())


def row(database: Database, delivery: int) -> dict[str, object]:
    with database.reading() as connection:
        return dict(
            connection.execute(text("SELECT * FROM delivery WHERE id = :id"), {"id": delivery}).mappings().one()
        )


def run_sql(database: Database, statement: str, **values: object) -> None:
    with database.transaction() as connection:
        connection.execute(text(statement), values)


def scalars(database: Database, statement: str, **values: object) -> list[object]:
    with database.reading() as connection:
        return list(connection.execute(text(statement), values).scalars())


def a_relay(port: int, **changes: object) -> RelaySettings:
    return replace(RelaySettings(host="127.0.0.1", port=port, security="plain", connections=2), **changes)


def write_keys(folder: Path) -> None:
    """For a command that is run in `folder`."""
    (folder / "newsletter.key").touch(0o600)
    (folder / "newsletter.key").write_text(f"1 {RING.oldest.secret.hex()}\n")


def settings_for(database: Database, folder: Path, *relays: RelaySettings, **named: RelaySettings) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return Settings(
        root=folder,
        relays={**({"main": relays[0]} if relays else {}), **named},
        database=DatabaseSettings(url=url),
        sender=SenderSettings(address="letters@news.example.org", postal_address="1 Long Road"),
        web=WebSettings(url="https://news.example.org", key_file=Path("newsletter.key")),
    )


def as_json(value: object) -> str:
    return json.dumps(value)
