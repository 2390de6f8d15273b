"""What the screen needs to know about the series and one page, as plain data: the browser and the export read the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from newsletter.build import EXAMPLE_KEYS
from newsletter.check.mail import CLIP
from newsletter.check.merging import line_at_fault
from newsletter.clock import Clock
from newsletter.compose.email import Email
from newsletter.config import FILE_NAME
from newsletter.content.page import Page, Series
from newsletter.errors import NewsletterError, TemplateError, UsageError
from newsletter.finding import Finding
from newsletter.message.builder import Message, MessageBuilder, identity_of, message_values
from newsletter.message.links import NOBODY, Links
from newsletter.message.merge import Template, compile_template, render
from newsletter.message.values import MESSAGE_NAMES, merge_values
from newsletter.subscriber import Subscriber
from newsletter.web.inbox.reading import read_mail
from newsletter.web.preview.composed import Composed
from newsletter.web.preview.display import weights, with_local_pictures
from newsletter.web.preview.personas import Persona
from newsletter.web.preview.revisions import content_at, last_sent, revisions_of
from newsletter.web.preview.timeline import Simulation, due_times
from newsletter.web.preview.workbench import Workbench

Json = dict[str, Any]
LAST_SENT = "sent"
"""The name of the version "as last sent" among git revisions."""


class Showing:
    """Turns what lies on the workbench into what the screen shows."""

    def __init__(self, workbench: Workbench, clock: Clock, people: Callable[[str], Persona]) -> None:
        """`people` finds a persona by key. Raises UsageError for one that is not there."""
        self._workbench, self._clock, self._people = workbench, clock, people
        self.latest = ""
        """The page that was asked for last: it is checked first."""

    def timeline(self, simulated: Simulation, persona: str, *, compose: bool = False) -> Json:
        """Every series with its pages on their days. Pages that were not composed yet have no size, unless `compose`."""
        bench, reader = self._workbench, self._people(persona).subscriber
        links = Links(EXAMPLE_KEYS, bench.settings.web_url)
        shown = []
        for series in bench.series.values():
            times, wishes = due_times(series, simulated)
            identity = identity_of(bench.settings, series)
            values = message_values(identity, links.for_mail(NOBODY))
            astray = {finding.path: finding for finding in series.findings if finding.code == "next-broken"}
            entries = [
                self._entry(series, page, times.get(page.id), astray.get(page.path), reader, values, compose)
                for page in series.pages
            ]
            shown.append(
                {
                    "name": series.name,
                    "title": _merged_or(series.title, reader, values),
                    "sender": identity.sender_name or identity.sender_address,
                    "address": identity.sender_address,
                    "pages": entries,
                    "broken": [_finding(finding) for finding in series.broken],
                    "findings": [_finding(bench.finding_of(error)) for error in wishes]
                    + [_finding(finding) for finding in series.findings if finding.code == "next-cycle"],
                }
            )
        trouble = bench.trouble
        return {
            "series": shown,
            "start": simulated.start.isoformat(timespec="minutes"),
            "zone": simulated.zone,
            "trouble": _finding(bench.finding_of(trouble)) if trouble else None,
            "project": [_finding(finding) for finding in self._about_the_project()],
        }

    def page(self, reference: str, persona: str, version: str = "") -> Json:
        """One page for one reader, every way it can be looked at; `version`: `sent` or a git revision."""
        bench, who = self._workbench, self._people(persona)
        self.latest = reference
        about: Json = {"page": reference, "persona": persona, "version": version, "error": None}
        series = page = None
        try:
            series, page = bench.page(reference)
            about |= _about(series, page) | {"page": f"{series.name}/{page.id}"}
            page, composed = self._version(series, page, version)
            about["findings"] = [_finding(finding) for finding in bench.findings_of(series, page, composed)]
            about["source"] = page.source
            if composed.email is None:
                raise composed.error or TemplateError("there is no email")
            about |= self._mail(series, composed.email, who.subscriber)
        except NewsletterError as error:
            if (
                page and isinstance(error, TemplateError) and error.where == f"{page.series}/{page.id}"
            ):  # what a merge lacks: named in the page
                error = TemplateError(
                    error.message, where=page.path, line=line_at_fault(page, error), remedy=error.remedy
                )
            about["error"] = _finding(bench.finding_of(error)) | {"excerpt": self._excerpt(error)}
            about["missing"] = isinstance(error, UsageError)  # a page that is gone is not one to be mended
            about.setdefault("findings", [about["error"]])
        if series and page and not version:
            file = bench.content / page.path
            about["revisions"] = [asdict(revision) for revision in _revisions(file, _touched(file))]
        return about

    def message(self, reference: str, persona: str) -> tuple[Page, Message]:
        """The exact message of a page for one reader. Raises ContentError, TemplateError, DataError, UsageError."""
        series, page = self._workbench.page(reference)
        composed = self._workbench.composed(series, page)
        if composed.email is None:
            raise composed.error or TemplateError("there is no email")
        return page, self._build(series, composed.email, self._people(persona).subscriber)

    def _version(self, series: Series, page: Page, version: str) -> tuple[Page, Composed]:
        bench = self._workbench
        if version == LAST_SENT:
            email = last_sent(bench.settings, series.name, page.id)
            if email is None:
                raise TemplateError("this page was never sent", where=page.path, remedy="Compare with a git revision.")
            bench.shelf.keep_embedded(email)
            return page, Composed(email, (), None, (page, (), 0))
        if version:
            return bench.composed_from(series, page, content_at(bench.content / page.path, version))
        return page, bench.composed(series, page)

    def _mail(self, series: Series, email: Email, reader: Subscriber) -> Json:
        message = self._build(series, email, reader)
        mail = read_mail(message.data)
        links = Links(EXAMPLE_KEYS, self._workbench.settings.web_url)
        identity = identity_of(self._workbench.settings, series)
        values = message_values(identity, links.for_mail(NOBODY))
        merged = {
            key: value
            for key, value in merge_values(reader, values).items()
            if key not in (*MESSAGE_NAMES, "subscriber")
        }
        return {
            "subject": _merged(email.subject, reader, values),
            "preheader": _merged(email.preheader, reader, values),
            "sender": identity.sender_name or identity.sender_address,
            "html": with_local_pictures(mail.html, self._workbench.shelf.address_of),
            "code": mail.html,
            "text": mail.text,
            "headers": [[name, value] for name, value in mail.headers],
            "parts": [asdict(part) for part in mail.parts],
            "envelope": {"sender": message.sender, "recipient": message.recipient},
            "bytes": len(message.data),
            "html_bytes": len(mail.html.encode()),
            "clips_at": CLIP,
            "weights": [asdict(weight) for weight in weights(mail.html)],
            "values": {key: str(value) for key, value in merged.items()},
        }

    def _build(self, series: Series, email: Email, reader: Subscriber) -> Message:
        settings = self._workbench.settings
        builder = MessageBuilder(email, identity_of(settings, series), Links(EXAMPLE_KEYS, settings.web_url), ())
        return builder.build(reader, NOBODY, now=self._clock.now())

    def _entry(
        self,
        series: Series,
        page: Page,
        due: datetime | None,
        astray: Finding | None,
        reader: Subscriber,
        values: Any,
        compose: bool,
    ) -> Json:
        entry: Json = {
            "page": f"{series.name}/{page.id}",
            "slug": page.slug,
            "title": page.title,
            "path": page.path,
            "draft": page.draft,
            "due": due.isoformat(timespec="minutes") if due else None,
            "astray": _finding(astray) if astray else None,
            "next": page.next.href if page.next else "",
            "subject": page.title,
            "preheader": page.description,
            "bytes": None,
            "counts": None,
        }
        bench = self._workbench
        if compose:
            bench.composed(series, page)
        glance = bench.glance(series, page)
        if glance is None:
            return entry
        found = [one for one in bench.findings_of(series, page, glance) if one.path != FILE_NAME]
        entry["counts"] = _counts(found)
        if not glance.failed:
            try:
                entry["subject"] = _merged(glance.subject, reader, values)
                entry["preheader"] = _merged(glance.preheader, reader, values)
            except TemplateError:
                # The page itself tells which value is missing.
                entry["counts"]["error"] += not any(one.code == "merge-missing" for one in found)
            # Before the merge: the few bytes of a name don't matter beside Gmail's limit, a merge of all pages does.
            entry["bytes"] = glance.size
        return entry

    def _about_the_project(self) -> Iterable[Finding]:
        """What is found in the settings, which each page shares: told once."""
        bench = self._workbench
        glances = (bench.glance(series, page) for series in bench.series.values() for page in series.mailable)
        found = (one for glance in glances if glance for one in glance.checked or () if one.path == FILE_NAME)
        return dict.fromkeys(found)

    def _excerpt(self, error: NewsletterError) -> list[Json]:
        """The lines around the place of an error, if the file is one of the author's."""
        if not error.where or not error.line:
            return []
        bench = self._workbench
        for folder in (bench.content, bench.settings.root, *bench.folders()):
            file = (folder / error.where).resolve()
            if file.is_file() and any(file.is_relative_to(root.resolve()) for root in bench.folders()):
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
                first = max(1, error.line - 2)
                return [
                    {"number": number, "text": text[:300], "hit": number == error.line}
                    for number, text in enumerate(lines[first - 1 : error.line + 2], start=first)
                ]
        return []


def _about(series: Series, page: Page) -> Json:
    return {
        "series": series.name,
        "title": page.title,
        "path": page.path,
        "draft": page.draft,
        "lang": page.lang,
    }


@lru_cache(maxsize=256)
def _revisions(file: Any, _touched: float) -> Sequence[Any]:
    return revisions_of(file)


def _touched(file: Any) -> float:
    """When git last wrote anything here: asking git itself takes longer than showing a page may."""
    for folder in file.parents:
        head = folder / ".git" / "logs" / "HEAD"
        if head.is_file():
            return float(head.stat().st_mtime)
    return 0.0


def _merged(template: str, reader: Subscriber, values: Any) -> str:
    return render(_compiled(template), reader, values)


def _merged_or(template: str, reader: Subscriber, values: Any) -> str:
    """A title as this reader would see it; as it is written, when that can't be."""
    try:
        return _merged(template, reader, values)
    except TemplateError:
        return template


@lru_cache(maxsize=4096)
def _compiled(template: str) -> Template:
    return compile_template(template, html=False, where="")


def _counts(findings: Iterable[Finding]) -> dict[str, int]:
    counts = {"error": 0, "warning": 0, "info": 0}
    for finding in findings:
        counts[finding.severity.value] += 1
    return counts


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "remedy": finding.remedy,
    }
