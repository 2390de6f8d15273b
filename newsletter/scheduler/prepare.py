"""A series made ready for a campaign: its pages read, composed and checked, before anything changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from newsletter.audience.importing import import_subscribers
from newsletter.campaigns.definition import Definition
from newsletter.campaigns.timetable import parse_wish
from newsletter.clock import Clock
from newsletter.compose.composer import Composer
from newsletter.compose.counted_links import with_counted_links
from newsletter.compose.email import Composition, Email
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.content.reader import read_series
from newsletter.errors import CampaignError
from newsletter.finding import Finding, Severity
from newsletter.message.keys import KeyRing
from newsletter.scheduler.audience import csv_tag
from newsletter.scheduler.git import git_revision
from newsletter.scheduler.prepared import Prepared, PreparedPage
from newsletter.store.database import Database


def prepare(settings: Settings, name: str, definition: Definition) -> Prepared:
    """Read and compose the series of a campaign.

    Raises CampaignError for pages that lead in a circle, an unknown relay, or a page whose `delay` or `send_on` can't be meant;
    ContentError and TemplateError as reading and composing do.
    """
    if definition.relay and definition.relay not in settings.relays:
        known = ", ".join(settings.relays)
        raise CampaignError(
            f"there is no relay {definition.relay!r} in the settings", where=name, remedy=f"Known: {known}."
        )
    content = settings.path(settings.site.content)
    series = read_series(content, definition.series, lang=settings.site.lang)
    for finding in series.findings:
        if finding.severity is Severity.ERROR:  # pages that lead in a circle have no order to be sent in
            raise CampaignError(finding.message, where=finding.path, line=finding.line, remedy=finding.remedy)
    wishes = {page.id: wish_of(page) for page in series.mailable}
    composer = Composer(settings)
    compositions = tuple(composer.compose(page, series) for page in series.mailable)
    return Prepared(
        name=name,
        definition=with_default_zone(definition, settings.site.zone),
        pages=tuple(
            _prepared(
                page, composition.email, wishes[page.id], name if definition.tracking == "clicks" else "", settings
            )
            for page, composition in zip(series.mailable, compositions, strict=True)
        ),
        drafts=tuple(page.path for page in series.pages if page.draft),
        broken=series.broken,
        findings=_findings(series, compositions),
        compositions=compositions,
        git_revision=git_revision(content),
    )


def _prepared(page: Page, email: Email, wish: str, counting: str, settings: Settings) -> PreparedPage:
    """`counting` is the campaign that counts clicks on its links, "" if it does not."""
    if not counting:
        return PreparedPage(page.id, page.title, page.path, email, wish)
    email, links = with_counted_links(email, counting, settings.web_url)
    return PreparedPage(page.id, page.title, page.path, email, wish, links)


def import_audience(database: Database, settings: Settings, ring: KeyRing, definition: Definition, clock: Clock) -> str:
    """Import the CSV file that the audience names, if it names one; says in a few words what came of it.

    Its people get a tag of the file's name, by which the campaign knows them. Raises DataError for a file that can't
    be read.
    """
    name = definition.audience.csv
    if not name:
        return ""
    report = import_subscribers(database, ring, settings.path(Path(name)), clock, tags=(csv_tag(name),))
    return ", ".join(f"{count:,} {outcome.value}" for outcome, count in report.counts.items() if count) or "no rows"


def with_default_zone(definition: Definition, zone: str) -> Definition:
    """The definition with the site's zone for readers who have none, unless it names one."""
    if definition.cadence.default_zone:
        return definition
    return replace(definition, cadence=replace(definition.cadence, default_zone=zone))


def wish_of(page: Page) -> str:
    """A page's own `delay` or `send_on`, as text; "" for neither. Raises CampaignError naming file and line."""
    delay, send_on = page.front_matter.get("delay"), page.front_matter.get("send_on")
    if delay is not None and send_on is not None:
        raise _bad_wish(page, "send_on", "stands beside `delay`; a page has one of them")
    key = "delay" if delay is not None else "send_on"
    text = _plain(delay if delay is not None else send_on)
    try:
        wish = parse_wish(text)
    except ValueError as error:
        raise _bad_wish(page, key, str(error)) from error
    if text and (wish.delay is None) == (key == "delay"):
        raise _bad_wish(page, key, f"{text!r} is not {'a time span like 3d' if key == 'delay' else 'a day'}")
    return text


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M") if value.time().isoformat() != "00:00:00" else value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _bad_wish(page: Page, key: str, message: str) -> CampaignError:
    line = next(
        (n for n, text in enumerate(page.source.splitlines(), 1) if text.startswith(f"{key}:")), page.keys.get(key)
    )
    return CampaignError(
        f"{key}: {message}", where=page.path, line=line, remedy="For example `delay: 3d` or `send_on: 2026-12-24`."
    )


def _findings(series: Series, compositions: tuple[Composition, ...]) -> tuple[Finding, ...]:
    pages = tuple(finding for page in series.mailable for finding in page.findings)
    composed = tuple(finding for composition in compositions for finding in composition.findings)
    return (*series.findings, *pages, *composed)
