"""The pages on an author's desk: read, composed and merged on demand, remembered until a file they came from changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from newsletter.check.checker import Checker
from newsletter.compose.composer import Composer
from newsletter.compose.email import Composition, Email
from newsletter.compose.house_style import house_folder
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.content.reader import list_series, parse_page, read_page, read_series
from newsletter.errors import ContentError, MaterialError, NewsletterError, UsageError
from newsletter.finding import Finding, Severity
from newsletter.web.preview.pictures import PictureShelf

COMPOSITIONS_KEPT = 200
"""Emails in memory: some 40 kB each, with their pictures on the shelf."""

MadeFrom: TypeAlias = tuple[Page, tuple[str, ...], int]
"""The page, the order of its series, and the number of the settings and templates: while they stay, so does an email."""


@dataclass(frozen=True)
class Composed:
    """What became of a page: an email, or the error that prevented it. `made_from` tells whether it is still good."""

    email: Email | None
    findings: tuple[Finding, ...]
    error: MaterialError | None
    made_from: MadeFrom


@dataclass(frozen=True)
class Glance:
    """What the timeline tells of a page: kept for every page, when its email has long made room for others.

    `subject` and `preheader` are templates still, `size` counts the bytes of the HTML. `checked` holds what
    `newsletter check` finds, None while it has not been asked, `known` what it knew of the other pages.
    """

    made_from: MadeFrom
    subject: str
    preheader: str
    size: int | None
    findings: tuple[Finding, ...]
    checked: tuple[Finding, ...] | None = None
    known: object = None

    @property
    def failed(self) -> bool:
        """Whether there is no email."""
        return self.size is None


@dataclass(frozen=True)
class Change:
    """What a save did: `pages` (as `series/id`) look different; `all` when anything may."""

    pages: tuple[str, ...] = ()
    all: bool = False

    def __bool__(self) -> bool:
        return self.all or bool(self.pages)


class Workbench:
    """Keeps the series read and the emails composed. One lock: browsers ask from several threads."""

    def __init__(self, load: Callable[[], Settings], content: Path | None, only: str | None) -> None:
        """`load` reads the settings anew; `content` stands in for [site] content, `only` names the one series shown.

        Raises SettingsError, UsageError for a series that does not exist.
        """
        self._load, self._content, self._only = load, content, only
        self._lock = threading.RLock()
        self._pages: dict[str, tuple[tuple[int, int, int], Page | ContentError]] = {}
        self._composed: OrderedDict[str, Composed] = OrderedDict()
        self._glances: dict[str, Glance] = {}
        self._orders: dict[str, tuple[Series, tuple[str, ...], Mapping[str, str]]] = {}
        self._generation = 0
        self._checker: tuple[tuple[int, tuple[str, ...]], Checker] | None = None
        self.trouble: NewsletterError | None = None
        self.series: Mapping[str, Series] = {}
        self.settings = self._settings()
        self._begin()
        self._read_all()
        if only is not None and only not in self.series:
            known = ", ".join(list_series(self.content))
            raise UsageError(f"there is no series {only!r}", where=self.content, remedy=f"There are: {known}.")

    @property
    def content(self) -> Path:
        """The folder of series."""
        return self.settings.path(self.settings.site.content)

    def folders(self) -> tuple[Path, ...]:
        """The folders whose files a mail is made from."""
        site = self.settings.site
        own = (self.content, self.settings.path(site.templates), self.settings.path(site.static))
        return (*own, house_folder(), self.settings.path(site.campaigns))

    def page(self, reference: str) -> tuple[Series, Page]:
        """The page `series/id`. Raises ContentError for one that can't be read, UsageError for one that is not there."""
        name, _, wanted = reference.partition("/")
        with self._lock:
            series = self.series.get(name)
        if series is None:
            raise UsageError(f"there is no series {name!r}", remedy=f"There are: {', '.join(self.series)}.")
        for page in series.pages:
            if wanted == page.id:
                return series, page
        for finding in series.broken:
            if wanted == finding.path:
                raise ContentError(finding.message, where=finding.path, line=finding.line, remedy=finding.remedy)
        raise UsageError(f"there is no page {wanted!r} in {name}", remedy="It may have got another name.")

    def composed(self, series: Series, page: Page) -> Composed:
        """The email of a page, made now unless nothing it came from has changed."""
        with self._lock:
            reference = f"{series.name}/{page.id}"
            made_from = self._made_from(series, page)
            known = self._composed.get(reference)
            if known and known.made_from == made_from:
                self._composed.move_to_end(reference)
                return known
            fresh = self._composed[reference] = self._compose(page, series, made_from)
            before = self.glance(series, page)
            self._glances[reference] = before or _glance_of(fresh)
            while len(self._composed) > COMPOSITIONS_KEPT:
                self._composed.popitem(last=False)
            return fresh

    def glance(self, series: Series, page: Page) -> Glance | None:
        """What is known of a page without composing it."""
        known = self._glances.get(f"{series.name}/{page.id}")
        return known if known and known.made_from == self._made_from(series, page) else None

    def check(self, series: Series, page: Page, now: datetime) -> bool:
        """Judge a page by all rules, unless that has been done; whether it was news. Only one thread may call this."""
        if self.glance(series, page) is None:
            self.composed(series, page)
        glance = self.glance(series, page)
        checker, addresses = self._checker_of()
        known = (addresses, self._order(series)[2].get(page.id))
        if glance is None or glance.failed or glance.known == known:
            return False
        # Outside the lock: rules take longer than composing, and an author waits for that.
        found = checker.check_page(page, series, now)
        with self._lock:
            reference = f"{series.name}/{page.id}"
            if self._glances.get(reference) is glance:
                self._glances[reference] = replace(glance, checked=found, known=known)
        return found != glance.checked

    def saved_at(self, page: Page) -> int:
        """When the file of a page was saved, in nanoseconds; 0 when that is not known."""
        known = self._pages.get(page.path)
        return known[0][0] if known else 0

    def _glance_of(composed: Composed) -> Glance:
    email, error = composed.email, composed.error
    if email is None:
        broken = Finding("not-composed", Severity.ERROR, error.message if error else "")
        return Glance(composed.made_from, "", "", None, (*composed.findings, broken))
    return Glance(composed.made_from, email.subject, email.preheader, len(email.html.encode()), composed.findings)
