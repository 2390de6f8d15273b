"""`newsletter test`: one real mail, through the configured relay, with any subscriber's data."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from newsletter.audience.addresses import fold
from newsletter.audience.rows import read_example
from newsletter.compose.composer import Composer
from newsletter.compose.email import Email
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.content.reader import list_series, read_series
from newsletter.delivery.send_one import send_one
from newsletter.delivery.smtp.reply import Reply
from newsletter.errors import ContentError, RelayError, UsageError
from newsletter.message.builder import MessageBuilder, identity_of
from newsletter.message.keys import load_keys, load_signers
from newsletter.message.links import NOBODY, Links
from newsletter.subscriber import Subscriber

DRAFT_MARK = "[Draft] "


def send_trial(
    settings: Settings,
    reference: str,
    address: str,
    *,
    person: str | None,
    allow_draft: bool,
    relay: str,
    content: Path,
    examples: Path,
    now: datetime,
) -> Reply:
    """Send the page `reference` (SERIES/PAGE) to `address` with the data of `person`, else of the first example.

    Raises UsageError for a page or person that does not exist, ContentError for a draft that was not allowed
    or a page that can't be read, RelayError when the relay does not take the mail.
    """
    if relay not in settings.relays:
        raise UsageError(f"there is no relay {relay!r}", remedy=f"There are: {', '.join(settings.relays)}.")
    series, page = find_page(content, reference, settings.site.lang)
    if page.draft and not allow_draft:
        raise ContentError(
            "is a draft", where=page.path, remedy="Send it all the same with --draft; it will be marked."
        )
    email = Composer(settings).compose(page, series).email
    subscriber = replace(_find_person(person, examples), address=address)
    return deliver_trial(settings, series, page, email, subscriber, relay=relay, now=now)


def deliver_trial(
    settings: Settings,
    series: Series,
    page: Page,
    email: Email,
    subscriber: Subscriber,
    *,
    relay: str = "main",
    now: datetime,
) -> Reply:
    """Send `email` to one person as a campaign would; a draft's subject is marked. Raises RelayError if it is refused."""
    if page.draft:
        email = replace(email, subject=DRAFT_MARK + email.subject)
    message = _builder(settings, series, email).build(subscriber, NOBODY, now=now)
    reply = asyncio.run(send_one(message, settings.relays[relay]))
    if not reply.is_positive:
        raise RelayError(f"the relay did not take the mail: {reply.code} {reply.text}", where=subscriber.address)
    return reply


def find_page(content: Path, reference: str, lang: str) -> tuple[Series, Page]:
    """The page `SERIES/PAGE`, by id, slug or file name. Raises UsageError, or ContentError if it can't be read."""
    name, _, wanted = reference.partition("/")
    if name not in list_series(content):
        raise UsageError(f"there is no series {name!r}", where=content)
    series = read_series(content, name, lang=lang)
    for page in series.pages:
        if wanted in (page.id, page.slug, Path(page.path).stem, Path(page.path).name):
            return series, page
    for finding in series.broken:
        if Path(finding.path).stem == wanted:
            raise ContentError(finding.message, where=finding.path, line=finding.line, remedy=finding.remedy)
    known = ", ".join(page.id for page in series.pages)
    raise UsageError(f"there is no page {wanted!r} in {name}", remedy=f"There are: {known}.")


def _find_person(person: str | None, examples: Path) -> Subscriber:
    readers = read_example(examples)
    if person is None:
        return next(readers)
    for subscriber in readers:
        if fold(subscriber.address) == fold(person):
            return subscriber
    raise UsageError(f"{person} is not in the examples", where=examples, remedy="Add a row, or name another file.")


def _builder(settings: Settings, series: Series, email: Email) -> MessageBuilder:
    links = Links(load_keys(settings.path(settings.web.key_file)), settings.web_url)
    return MessageBuilder(email, identity_of(settings, series), links, load_signers(settings))
