"""Who a campaign is for, as a condition over subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, exists, true

from newsletter.campaigns.definition import Definition
from newsletter.store.segments import condition, words_of
from newsletter.store.tables import subscriber, subscriber_tag


@dataclass(frozen=True)
class Audience:
    """`condition` is over the table subscriber; `words` change whenever what it means changes."""

    condition: ColumnElement[bool]
    words: str


def audience_words(connection: Connection, definition: Definition) -> str:
    """What the audience means just now, in words. Raises SegmentError for a segment that is not there."""
    audience = definition.audience
    if audience.segment:
        return f"segment {words_of(connection, audience.segment)}"
    if audience.tags:
        return f"tagged {', '.join(sorted(audience.tags))}"
    return f"from {audience.csv}" if audience.csv else "everybody"


def audience_of(connection: Connection, definition: Definition, now: int) -> Audience:
    """The audience of a campaign. Raises SegmentError as `audience_words` does."""
    audience, words = definition.audience, audience_words(connection, definition)
    if audience.segment:
        return Audience(condition(connection, audience.segment, datetime.fromtimestamp(now, UTC)), words)
    tags = (csv_tag(audience.csv),) if audience.csv else audience.tags
    if tags:
        tagged = exists().where(subscriber_tag.c.subscriber_id == subscriber.c.id, subscriber_tag.c.tag.in_(tags))
        return Audience(tagged, words)
    return Audience(true(), words)


def csv_tag(name: str) -> str:
    """The tag that the people of a campaign's CSV file get when it is imported: they are its audience."""
    return f"csv:{name}"
