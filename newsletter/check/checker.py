"""Runs the rules over a series: composes each page as it would be mailed, merges it, judges it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

from lxml import etree

from newsletter.check import delivery, links, pictures, rendering, subjects, text
from newsletter.check.clients import ClientRules, features_of
from newsletter.check.mail import NOWHERE, TRACE, Mail
from newsletter.check.merging import BARE, KNOWN, NOBODY_GIVEN, GivenReaders, Merging, unmergeable
from newsletter.check.rule import RULES, Problem
from newsletter.check.silence import NEVER, silence
from newsletter.compose.composer import Composer
from newsletter.compose.email import Composition, Email
from newsletter.config import FILE_NAME, Settings
from newsletter.content.page import Page, Series
from newsletter.content.reader import parse_page
from newsletter.errors import DataError, MaterialError, TemplateError
from newsletter.finding import Finding, Severity
from newsletter.message.builder import MessageBuilder, identity_of, message_values
from newsletter.message.keys import Key, KeyRing
from newsletter.message.links import NOBODY, Links
from newsletter.message.merge import MergedEmail, merge, parts_of

RULE_FILES = (pictures, links, subjects, text, rendering, delivery)
"""Importing them registers their rules."""

ABOUT_THE_PROJECT = frozenset(["postal-address-missing", "sender-placeholder", "web-url-local", "dkim-missing"])
"""Codes that concern newsletter.toml and not a page, so that they are reported once."""

SLOT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
KEYS = KeyRing((Key(0, bytes(32)),))

EVERYTHING = """---
title: Bare
include_footer: true
---
<figure><img src="https://site.example/a.jpg" alt="a"><figcaption>A <a href="https://site.example/">b</a></figcaption></figure>

Text with [a link](https://site.example/), **strong**, *emphasis*, `code`, <small>small</small>, <mark>mark</mark>,
<sup>a</sup>, <sub>b</sub>, ~~struck~~, <u>u</u>, <q>q</q>, <kbd>k</kbd>, <abbr title="a">b</abbr>, <cite>c</cite>,
<bdi>d</bdi>, <dfn>e</dfn>, <ins>f</ins>, <del>g</del>, <samp>h</samp>, <time>i</time>, <var>j</var>.

<figure><img src="https://site.example/e.jpg" alt="e"><figcaption>E</figcaption></figure>

## Two
### Three
#### Four

> Quote

* one
* two

1. one

Term
: meaning

---

    code

| a | b |
|---|---|
| 1 | 2 |

Text.

![a](https://site.example/b.png)

[next: more](https://site.example/x)

<table><tr><td><a href="https://site.example/"><img src="https://site.example/c.png" alt="c"></a></td><td>
<a href="https://site.example/"><img src="https://site.example/d.gif" alt="d"></a></td></tr></table>
"""
"""A page with each element once: what it uses of clients' features belongs to the house style, not to an author."""


@dataclass(frozen=True)
class CheckedPage:
    """One page after checking. `mail` is None when it can't be composed; its `data` is b"" when nobody can get it."""

    page: Page
    findings: tuple[Finding, ...]
    mail: Mail | None = None


@dataclass(frozen=True)
class CheckedSeries:
    """A series after checking: `findings` are those about its order, unreadable files and the project's settings."""

    series: Series
    findings: tuple[Finding, ...]
    pages: tuple[CheckedPage, ...]

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Every finding: of the series, then of its pages in order."""
        return (*self.findings, *(finding for page in self.pages for finding in page.findings))


class Checker:
    """Checks series. `everything` are all series of the content folder, against which links of the site are resolved.

    Each of `readers` is merged into each page, one at a time (a whole CSV, if need be); without them only the
    personas are. Raises SettingsError for a client that does not exist, or a sender that is none.
    """

    def __init__(self, settings: Settings, everything: Sequence[Series], readers: GivenReaders = NOBODY_GIVEN) -> None:
        self._settings = settings
        self._composer = Composer(settings)
        self._links = Links(KEYS, settings.web_url)
        self._readers = readers
        self._first = (*(reader.subscriber for reader in islice(readers.read(), 1)), KNOWN, BARE)
        self._ignored = frozenset(settings.check.ignore) - NEVER
        self._site_pages = frozenset(page.url.strip("/").lower() for series in everything for page in series.mailable)
        self._series_names = frozenset(series.name.lower() for series in everything)
        self._clients = ClientRules(settings.check.clients, house_features())

    def check(
        self, chosen: Sequence[Series], now: datetime, only: Container[tuple[str, str]] | None = None
    ) -> list[CheckedSeries]:
        """Check the pages of each series that would be mailed, or `only` those (name of the series, id of the page).

        `now` (aware) is the Date of the messages that are made. The readers are read once, and to the end.
        """
        judged = [self._judged(series, now, only) for series in chosen]
        mergings = [merging for pages in judged for _, merging in pages if merging]
        for reader in self._readers.read():
            for merging in mergings:
                merging.attempt(reader)
        return [self._checked(series, pages) for series, pages in zip(chosen, judged, strict=True)]

    def _judged(
        self, series: Series, now: datetime, only: Container[tuple[str, str]] | None
    ) -> list[tuple[CheckedPage, Merging | None]]:
        pages: list[tuple[CheckedPage, Merging | None]] = []
        subjects: dict[str, str] = {}
        for page in series.mailable:
            if only is None or (series.name, page.id) in only:
                pages.append(self._page(page, series, now, subjects))
            subjects.setdefault(" ".join(page.title.lower().split()), page.path)
        return pages

    def _checked(self, series: Series, pages: Iterable[tuple[CheckedPage, Merging | None]]) -> CheckedSeries:
        whole = [self._whole(checked, merging) for checked, merging in pages]
        project = {
            (finding.code, finding.message): finding
            for page in whole
            for finding in page.findings
            if finding.code in ABOUT_THE_PROJECT
        }
        of_series = [*series.broken, *series.findings, *project.values()]
        return CheckedSeries(series, tuple(self._not_ignored(of_series)), tuple(map(_own, whole)))

    def check_page(self, page: Page, series: Series, now: datetime) -> tuple[Finding, ...]:
        """What `check` would find about one page, a draft too, and about the project."""
        subjects: dict[str, str] = {}
        for other in series.mailable:
            if other.id == page.id:
                break
            subjects.setdefault(" ".join(other.title.lower().split()), other.path)
        return self._whole(*self._page(page, series, now, subjects)).findings

    def _not_ignored(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in findings if finding.code not in self._ignored]

    def _whole(self, checked: CheckedPage, merging: Merging | None) -> CheckedPage:
        """A page with what merging it has brought to light, without what its author or the settings silence."""
        found = [*(merging.findings(self._readers.file) if merging else ()), *checked.findings]
        about = [finding for finding in found if finding.code in ABOUT_THE_PROJECT]
        own = [finding for finding in found if finding.code not in ABOUT_THE_PROJECT]
        left = self._not_ignored([*silence(own, checked.page), *about])
        return replace(checked, findings=tuple(left))

    def _page(
        self, page: Page, series: Series, now: datetime, subjects: Mapping[str, str]
    ) -> tuple[CheckedPage, Merging | None]:
        findings = list(page.findings)
        try:
            composition = self._composer.compose(page, series, trace=True)
            findings += composition.findings
            traced = composition.email
            builder = MessageBuilder(
                replace(traced, html=TRACE.sub("", traced.html)), identity_of(self._settings, series), self._links, ()
            )
        except MaterialError as error:
            return CheckedPage(page, (*findings, unmergeable(page, error, error.message, "any reader"))), None
        mail = self._mail(page, series, composition, builder, now, subjects)
        findings += self._judge(page, mail)
        # The parsed trees go: hundreds of them keep the garbage collector busy.
        return CheckedPage(page, tuple(findings), replace(mail)), Merging(page, builder, now)

    def _mail(
        self,
        page: Page,
        series: Series,
        composition: Composition,
        builder: MessageBuilder,
        now: datetime,
        subjects: Mapping[str, str],
    ) -> Mail:
        """The mail as the first reader would get it who can get it; if nobody can, dots stand for what they lack."""
        email = composition.email
        values = message_values(identity_of(self._settings, series), self._links.for_mail(NOBODY))
        merged, data = MergedEmail(*(_dotted(source, values) for _, source, _ in parts_of(email))), b""
        for reader in self._first:
            try:
                merged, data = merge(email, reader, values), builder.build(reader, NOBODY, now=now).data
                break
            except (TemplateError, DataError):
                continue
        return Mail(
            traced=merged.html,
            article=_as_written(page),
            text=merged.text,
            subject=merged.subject,
            preheader=merged.preheader,
            lang=email.lang,
            data=data,
            pictures=self._picture_sizes(email, composition),
            base_url=self._settings.site.base_url,
            web_url=self._settings.web_url,
            next_href=page.next.href if page.next else "",
            site_pages=self._site_pages,
            series_names=self._series_names,
            keys=dict(page.keys),
            sender_address=self._settings.sender.address,
            postal_address=self._settings.sender.postal_address,
            signed=bool(self._settings.dkims),
            other_subjects=dict(subjects),
        )

    def _picture_sizes(self, email: Email, composition: Composition) -> dict[str, int]:
        start = self._settings.pictures.url or f"{self._settings.web_url}/pictures"
        sizes = {f"cid:{picture.content_id}": len(picture.data) for picture in email.embedded}
        return sizes | {f"{start}/{picture.name}": len(picture.data) for picture in composition.published}

    def _judge(self, page: Page, mail: Mail) -> Iterator[Finding]:
        for code, rule in RULES.items():
            for problem in rule.judge(mail):
                severity = problem.severity or rule.severity
                path = FILE_NAME if code in ABOUT_THE_PROJECT else page.path
                yield Finding(code, severity, problem.message, path, _line(problem, code, page), rule.remedy)
        for code, problem in self._clients.judge(mail):
            severity = problem.severity or Severity.WARNING
            remedy = "Do without it, or make sure that the mail still reads well where it does not work."
            yield Finding(code, severity, problem.message, page.path, _line(problem, code, page), remedy)


@lru_cache(maxsize=1)
def house_features() -> frozenset[str]:
    """What the house style that comes with the program uses by itself, whatever templates a project has."""
    page = parse_page(EVERYTHING.encode(), path="bare/_index.md", series="bare")
    settings = Settings(root=Path("house-style-only"))
    composition = Composer(settings).compose(page, Series("bare", "Bare", (page,)))
    return frozenset(features_of(Mail(traced=composition.email.html)))


def _dotted(source: str, values: Mapping[str, str]) -> str:
    """A template with its expressions filled as far as every mail fills them, dots for the rest."""

    def fill(slot: re.Match[str]) -> str:
        name = re.search(r"\w+", slot[0])
        known = values.get(name[0]) if name else None
        return known or (NOWHERE if "href" in slot[0] else "…")

    return SLOT.sub(fill, source)


def _as_written(page: Page) -> str:
    """The page's article with its hero. The footer's pictures are left out: their links say what they are."""
    if page.hero is None:
        return page.article
    picture = page.hero.picture
    hero = etree.Element("img", {"src": picture.src, "data-line": str(picture.line or 1)})
    if picture.alt is not None:
        hero.set("alt", picture.alt)
    return f"{etree.tostring(hero, encoding='unicode')}{page.hero.caption}{page.article}"


def _own(page: CheckedPage) -> CheckedPage:
    """A page without what is about the project, which is told once for all."""
    return replace(page, findings=tuple(one for one in page.findings if one.code not in ABOUT_THE_PROJECT))


def _line(problem: Problem, code: str, page: Page) -> int | None:
    if code in ABOUT_THE_PROJECT:
        return None
    return problem.line if problem.line is not None else page.keys.get("title", 1)
