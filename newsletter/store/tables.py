"""The tables. SQLite and PostgreSQL share them; times are UTC, as whole seconds since 1970.

Why integers: SQLite has no time type, and the planner compares due times of a million rows.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's rowid alias wants INTEGER; PostgreSQL needs 64 bits for deliveries."""

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("address", Text, nullable=False),
    Column("address_hash", LargeBinary, nullable=False, unique=True),  # keyed hash of the folded address
    Column("name", Text, nullable=False, server_default=""),
    Column("zone", Text, nullable=False, server_default=""),
    Column("lang", Text, nullable=False, server_default=""),
    Column("attributes", JSON, nullable=False),
    Column("state", Text, nullable=False),  # pending (opt-in not confirmed) | active
    Column("created_at", BigInteger, nullable=False),
    # set by whoever changes the row, the tags or the preferences: that is how the scheduler hears of it
    Column("updated_at", BigInteger, nullable=False),
    Column("planned_at", BigInteger, nullable=False, server_default="0"),  # the `updated_at` the scheduler has seen
    CheckConstraint("state IN ('pending', 'active')", name="state"),
    Index(
        "ix_subscriber_changed",
        "id",
        sqlite_where=text("updated_at > planned_at"),
        postgresql_where=text("updated_at > planned_at"),
    ),
    sqlite_autoincrement=True,  # signed links live for years: the id of somebody erased must never be given again
)

subscriber_tag = Table(
    "subscriber_tag",
    metadata,
    Column("subscriber_id", RowId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("tag", Text, nullable=False),
    PrimaryKeyConstraint("subscriber_id", "tag"),
    Index(None, "tag", "subscriber_id"),
)

preference = Table(
    "preference",
    metadata,
    Column("subscriber_id", RowId, ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True),
    Column("pace", Integer, nullable=False, server_default="100"),  # per cent of the campaign's delay
    Column("paused_until", BigInteger),
    Column("weekdays", Text, nullable=False, server_default=""),  # "mo,we"; empty: the campaign's
    Column("hour", Integer),  # local hour 0–23; NULL: the campaign's
)

consent = Table(
    "consent",  # append-only
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("subscriber_id", RowId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # requested | confirmed | imported | changed | withdrawn
    Column("scope", Text, nullable=False, server_default=""),  # series, or "" for all
    Column("wording", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default=""),
    Column("ip", Text, nullable=False, server_default=""),
    Column("at", BigInteger, nullable=False),
)

confirmation = Table(
    "confirmation",  # a double opt-in or a change of address that waits for its one click; purged after 30 days
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("subscriber_id", RowId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # subscribe | address
    Column("series", Text, nullable=False, server_default=""),  # what is subscribed to, or "" for all
    Column("address", Text, nullable=False),  # where the mail goes: for `address` the new one
    Column("address_hash", LargeBinary, nullable=False, index=True),
    Column("lang", Text, nullable=False, server_default=""),
    Column("requested_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, index=True),  # when its next mail is due; NULL: no more mail
    Column("mails", Integer, nullable=False, server_default="0"),  # sent so far: the first and one reminder
    Column("confirmed_at", BigInteger),
    sqlite_autoincrement=True,
)

suppression = Table(
    "suppression",
    metadata,
    Column("address_hash", LargeBinary, nullable=False),
    Column("scope", Text, nullable=False, server_default=""),  # series, or "" for all
    Column("reason", Text, nullable=False),  # unsubscribed | bounced | complained | blocked | erased
    Column("source", Text, nullable=False, server_default=""),
    Column("address", Text),  # NULL once erased
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("address_hash", "scope"),
)

segment = Table(
    "segment",
    metadata,
    Column("name", Text, primary_key=True),
    Column("expression", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

email = Table(
    "email",  # what was composed, byte for byte; never changed
    metadata,
    Column("hash", Text, primary_key=True),
    Column("series", Text, nullable=False),
    Column("page_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # zlib of the JSON of newsletter.compose.email.Email
    Column("git_revision", Text, nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False),
)

campaign = Table(
    "campaign",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("series", Text, nullable=False),
    Column("state", Text, nullable=False),  # unapproved | running | paused | cancelled
    Column("definition", JSON, nullable=False),  # newsletter.campaigns.definition.Definition
    Column("relay", Text, nullable=False, server_default=""),
    Column("crash_policy", Text, nullable=False, server_default="hold"),  # hold | resend
    Column("git_revision", Text, nullable=False, server_default=""),
    Column("tzdata", Text, nullable=False, server_default=""),  # version the due times were computed with
    Column("audience", Text, nullable=False, server_default=""),  # the expression whose people are all enrolled
    # every active enrollment due until here has its delivery. Not a state of each enrollment: a million of those
    # updates took as long as the million inserts
    Column("planned_until", BigInteger, nullable=False, server_default="0"),
    Column(
        "hours_checked_at", BigInteger, nullable=False, server_default="0"
    ),  # when quiet hours last held back a backlog
    Column("started_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

campaign_page = Table(
    "campaign_page",  # the order in force
    metadata,
    Column("campaign_id", Integer, ForeignKey("campaign.id", ondelete="CASCADE"), nullable=False),
    Column("page_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("email_hash", Text, ForeignKey("email.hash"), nullable=False),
    Column("delay", Text, nullable=False, server_default=""),  # front matter `delay` / `send_on`
    Column("release", Text, nullable=False, server_default=""),  # cohort: the local time at which everyone gets it
    # before all readers: the seeds at `seeded_at`, the first few at `canary_at`, everyone from `opened_at`
    Column("seeded_at", BigInteger),
    Column("canary_at", BigInteger),
    Column("opened_at", BigInteger),
    PrimaryKeyConstraint("campaign_id", "page_id"),
    UniqueConstraint("campaign_id", "position"),
)

enrollment = Table(
    "enrollment",
    metadata,
    Column("subscriber_id", RowId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("campaign_id", Integer, ForeignKey("campaign.id", ondelete="CASCADE"), nullable=False),
    # active | paused | finished (no page left) | ended (the campaign's end came first) | left (suppressed).
    # An active one whose due_at has been planned waits for its delivery
    Column("state", Text, nullable=False),
    Column("zone", Text, nullable=False),  # the zone the due time was computed in
    Column("next_page_id", Text),
    Column("due_at", BigInteger),
    # how often the reader was started again: the deliveries of a round have copies from round × 100, so that a page
    # they get once more has another Message-ID, and what counts as behind them are this round's
    Column("round", Integer, nullable=False, server_default="0"),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("last_sent_at", BigInteger),  # what the next due time is counted from; NULL: enrolled_at
    PrimaryKeyConstraint("subscriber_id", "campaign_id"),
    Index(
        "ix_enrollment_due",
        "campaign_id",
        "due_at",
        sqlite_where=text("state = 'active'"),
        postgresql_where=text("state = 'active'"),
    ),
)

delivery = Table(
    "delivery",
    metadata,
    # no foreign keys: checking them doubled the time of planning a million; who deletes a subscriber deletes these too
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("campaign_id", Integer, nullable=False),
    Column("subscriber_id", RowId, nullable=False),
    Column("page_id", Text, nullable=False),
    Column("copy", Integer, nullable=False, server_default="0"),  # round × 100, then 1, 2 … more: errata, or sent again
    Column("email_hash", Text),  # table email; NULL for a page passed over
    # due → claimed → sent | failed | uncertain; due again after a 4xx; suppressed, cancelled, passed: never sent
    Column("state", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("give_up_at", BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("worker", Text),  # who has claimed it
    Column("relay", Text, nullable=False, server_default=""),
    Column("reply_code", Integer),
    Column("reply", Text),
    Column("finished_at", BigInteger),
    Column("moved", Integer, nullable=False, server_default="0"),  # 1: its enrollment has been moved on
    UniqueConstraint("subscriber_id", "campaign_id", "page_id", "copy"),
    # by campaign first: a claim takes from each running campaign in turn and never wades through a paused one. Only of
    # what is due: PostgreSQL plans a million in a fifth less time, and a mail that is sent writes to one index less
    Index(
        "ix_delivery_due",
        "campaign_id",
        "due_at",
        sqlite_where=text("state = 'due'"),
        postgresql_where=text("state = 'due'"),
    ),
    Index(
        "ix_delivery_claimed",
        "worker",
        sqlite_where=text("state = 'claimed'"),
        postgresql_where=text("state = 'claimed'"),
    ),
    Index(
        "ix_delivery_finished",
        "id",
        sqlite_where=text("finished_at IS NOT NULL AND moved = 0"),
        postgresql_where=text("finished_at IS NOT NULL AND moved = 0"),
    ),
    sqlite_autoincrement=True,  # an id stands in the Message-ID and in journals: it must never be given again
)

counted_link = Table(
    "counted_link",  # where the links of campaigns with `tracking = "clicks"` lead, and how often; not who clicked
    metadata,
    Column("token", Text, primary_key=True),
    Column("campaign_id", Integer, ForeignKey("campaign.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("page_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("people", Integer, nullable=False, server_default="0"),
    Column("scanners", Integer, nullable=False, server_default="0"),
)

traffic = Table(
    "traffic",  # messages handed to a relay by the hour: per-hour limits and warm-up survive a restart, workers share them
    metadata,
    Column("relay", Text, nullable=False),
    Column("hour", Integer, nullable=False),  # whole hours since 1970
    Column("sent", Integer, nullable=False),
    PrimaryKeyConstraint("relay", "hour"),
)

bounce = Table(
    "bounce",  # every report of a bounce or a complaint, tied to a delivery or kept for a person
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("event_id", Text, nullable=False, unique=True),  # the webhook's id or the hash of the message
    Column("kind", Text, nullable=False),  # bounce | complaint
    Column("severity", Text, nullable=False),  # hard | soft | sender | none
    Column("delivery_id", RowId, ForeignKey("delivery.id", ondelete="SET NULL")),
    Column("subscriber_id", RowId, ForeignKey("subscriber.id", ondelete="CASCADE"), index=True),
    Column("status", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("at", BigInteger, nullable=False),
)

alert = Table(
    "alert",  # what an operator must know: a relay paused, a domain refused, a canary stopped
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("subject", Text, nullable=False),  # relay:main, domain:example.com, campaign:unions
    Column("message", Text, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("cleared_at", BigInteger),
)

audit = Table(
    "audit",  # append-only: what operators did
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("detail", JSON, nullable=False),
)

lease = Table(
    "lease",  # who plans, who sends: one holder at a time
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)
