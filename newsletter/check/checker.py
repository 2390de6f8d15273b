"""Runs the rules over a series: composes each page as it would be mailed, merges it, judges it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from newsletter.check import delivery, links, pictures, rendering, subjects, text
from newsletter.check.clients import ClientRules, features_of
from newsletter.check.mail import NOWHERE, TRACE, Mail
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
from newsletter.subscriber import Subscriber

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


class AnyValue(dict[str, Any]):
    """Attributes of a reader about whom everything is known: each has its own name as value."""

    def get(self, name: str, default: Any = None) -> Any:
        return NOWHERE if re.search("url|link|href", name) else name.replace("_", " ").capitalize()

    def __getitem__(self, name: str) -> Any:
        return self.get(name)


KNOWN = Subscriber("ann.lee@reader.example", "Ann Lee", attributes=AnyValue())
BARE = Subscriber("reader@reader.example")
PERSONAS: Mapping[str, Subscriber] = {
    "a reader of whom only the address is known": BARE,
    "a reader with a very long name": replace(BARE, name="Wolfeschlegelsteinhausen " * 8),
    "a reader whose name is written from right to left": replace(BARE, name="נועה אל־חסן"),
    "a reader with an emoji and markup in the name": replace(BARE, name='Zoë 😀 <b>"&'),
}


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

    `readers` are merged into each page (a whole CSV, if need be); without them only the personas are. Raises
    SettingsError for a client that does not exist, or a sender that is none.
    """

    def __init__(self, settings: Settings, everything: Sequence[Series], readers: Sequence[Subscriber] = ()) -> None:
        self._settings = settings
        self._composer = Composer(settings)
        self._links = Links(KEYS, settings.web_url)
        self._readers = readers
        self._ignored = frozenset(settings.check.ignore) - NEVER
        self._site_pages = frozenset(page.url.strip("/").lower() for series in everything for page in series.mailable)
        self._series_names = frozenset(series.name.lower() for series in everything)
        self._clients = ClientRules(settings.check.clients, house_features())

    def check(self, series: Series, now: datetime) -> CheckedSeries:
        """Check the pages of a series that would be mailed; `now` (aware) is the Date of the messages that are made."""
        project: dict[tuple[str, str], Finding] = {}
        pages = []
        subjects: dict[str, str] = {}
        for page in series.mailable:
            checked = self._page(page, series, now, subjects)
            for finding in checked.findings:
                if finding.code in ABOUT_THE_PROJECT:
                    project.setdefault((finding.code, finding.message), finding)
            own = [finding for finding in checked.findings if finding.code not in ABOUT_THE_PROJECT]
            pages.append(replace(checked, findings=tuple(silence(own, page))))
            subjects.setdefault(" ".join(page.title.lower().split()), page.path)
        of_series = [*series.broken, *series.findings, *project.values()]
        return CheckedSeries(series, tuple(self._not_ignored(of_series)), tuple(pages))

    def check_page(self, page: Page, series: Series, now: datetime) -> tuple[Finding, ...]:
        """What `check` would find about one page, a draft too; not what is about the project."""
        subjects: dict[str, str] = {}
        for other in series.mailable:
            if other.id == page.id:
                break
            subjects.setdefault(" ".join(other.title.lower().split()), other.path)
        findings = self._page(page, series, now, subjects).findings
        return tuple(silence([found for found in findings if found.code not in ABOUT_THE_PROJECT], page))

    def _not_ignored(self, findings: Iterable[Finding]) -> list[Finding]:
        return [finding for finding in findings if finding.code not in self._ignored]

    def _page(self, page: Page, series: Series, now: datetime, subjects: Mapping[str, str]) -> CheckedPage:
        findings = list(page.findings)
        try:
            composition = self._composer.compose(page, series, trace=True)
            findings += composition.findings
            traced = composition.email
            builder = MessageBuilder(
                replace(traced, html=TRACE.sub("", traced.html)), identity_of(self._settings, series), self._links, ()
            )
        except MaterialError as error:
            findings.append(_unmergeable(page, error, "no reader"))
            return CheckedPage(page, tuple(self._not_ignored(findings)))
        findings += self._merge_findings(page, builder, now)
        mail = self._mail(page, series, composition, builder, now, subjects)
        findings += self._judge(page, mail)
        return CheckedPage(page, tuple(self._not_ignored(findings)), mail)

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
        for reader in (*self._readers[:1], KNOWN, BARE):
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
            keys=page.keys,
            sender_address=self._settings.sender.address,
            postal_address=self._settings.sender.postal_address,
            signed=bool(self._settings.dkims),
            other_subjects=subjects,
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

    def _merge_findings(self, page: Page, builder: MessageBuilder, now: datetime) -> Iterator[Finding]:
        """What can't be merged, once for each reason, naming for how many readers."""
        failures: dict[str, tuple[MaterialError, list[str]]] = {}
        for who, reader in [*PERSONAS.items(), *((reader.address, reader) for reader in self._readers)]:
            try:
                builder.build(reader, NOBODY, now=now)
            except (TemplateError, DataError) as error:
                reason = error.message.replace(reader.address, "…")
                failures.setdefault(reason, (error, []))[1].append(who)
        for failure, readers in failures.values():
            given = len([who for who in readers if who not in PERSONAS])
            yield _unmergeable(page, failure, f"{readers[0]} and {given} of the readers given" if given else readers[0])


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


def _line(problem: Problem, code: str, page: Page) -> int | None:
    if code in ABOUT_THE_PROJECT:
        return None
    return problem.line if problem.line is not None else page.keys.get("title", 1)


def _unmergeable(page: Page, error: MaterialError, who: str) -> Finding:
    """An error of the merge, at the line of the page that names what is missing."""
    names = re.findall(r"[“'\"`]([A-Za-z_][\w.]*)[”'\"`]", error.message) + re.findall(
        r"\b([a-z]+_[a-z_]+|\w+)\b", error.message
    )
    rows = page.source.split("\n")
    line = next(
        (
            number
            for name in names
            for number, row in enumerate(rows, 1)
            if re.search(rf"\{{[{{%][^}}]*\b{re.escape(name)}\b", row)
        ),
        error.line or page.keys.get("title", 1),
    )
    return Finding(
        "merge-missing",
        Severity.ERROR,
        f"The mail can't be made for {who}: {error.message}.",
        page.path,
        line,
        error.remedy or 'Give the expression a default: {{ name | default("…") }}.',
    )
