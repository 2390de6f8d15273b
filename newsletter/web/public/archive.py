"""/archive: the pages of a series that have been mailed, for everybody, with an Atom feed (RFC 4287)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.errors import DataError, TemplateError
from newsletter.message.links import NOBODY
from newsletter.store.emails import load_email
from newsletter.store.publications import PublishedPage, published_pages
from newsletter.subscriber import Subscriber
from newsletter.web.public.security import MAIL_POLICY
from newsletter.web.public.site import Site
from newsletter.web.public.viewing import built, html_of

FRESH = timedelta(minutes=5)
SHORT = "public, max-age=300"
STRANGER = Subscriber("reader@newsletter.invalid")
"""For whom archive pages are merged: nobody. Links for leaving lead to a page that does nothing."""


@dataclass(frozen=True)
class _Listed:
    pages: tuple[PublishedPage, ...]
    at: datetime


class ArchivePages:
    """Only series that `[web] archive` names, and only what has been mailed to somebody."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._listed: dict[str, _Listed] = {}

    async def all_series(self, request: Request) -> Response:
        """The series with an archive."""
        names = [(name, self.site.title_of(name)) for name in self.site.settings.web.archive]
        values = {"names": names}
        return self.site.page("archive.html.j2", self.site.texts(request), values, headers={"cache-control": SHORT})

    async def series(self, request: Request) -> Response:
        """The pages of one series."""
        name = request.path_params["series"]
        if name not in self.site.settings.web.archive:
            return self.site.problem(request, "problem_missing", status=404)
        values = {"name": name, "title": self.site.title_of(name), "pages": await self._pages(name)}
        return self.site.page(
            "archive_series.html.j2", self.site.texts(request), values, headers={"cache-control": SHORT}
        )

    async def page(self, request: Request) -> Response:
        """One page as it is mailed, merged for nobody."""
        name, page_id = request.path_params["series"], request.path_params["page"]
        pages = await self._pages(name) if name in self.site.settings.web.archive else ()
        found = next((page for page in pages if page.page_id == page_id), None)
        if found is None:
            return self.site.problem(request, "problem_missing", status=404)
        html = await run_in_threadpool(self._html, name, found)
        return HTMLResponse(html, headers={"content-security-policy": MAIL_POLICY, "cache-control": SHORT})

    async def feed(self, request: Request) -> Response:
        """The Atom feed of one series, newest first."""
        name = request.path_params["series"]
        if name not in self.site.settings.web.archive:
            return self.site.problem(request, "problem_missing", status=404)
        pages = sorted(await self._pages(name), key=lambda page: page.at, reverse=True)
        values = {
            "url": f"{self.site.settings.web_url}/archive/{name}",
            "title": self.site.title_of(name),
            "pages": pages,
            "updated": pages[0].at if pages else self.site.clock.now(),
            "site": self.site.settings.site,
        }
        xml = self.site.templates.get_template("feed.atom.j2").render(values)
        return Response(xml, media_type="application/atom+xml", headers={"cache-control": SHORT})

    async def _pages(self, series: str) -> tuple[PublishedPage, ...]:
        """The list, asked of the database every five minutes: with many readers the question is a long one."""
        now = self.site.clock.now()
        listed = self._listed.get(series)
        if listed is None or now - listed.at > FRESH:
            listed = _Listed(await run_in_threadpool(self._ask, series), now)
            self._listed[series] = listed
        return listed.pages

    def _ask(self, series: str) -> tuple[PublishedPage, ...]:
        """The pages that can be shown, their subjects merged; those that speak to one reader only are left out."""
        with self.site.database.reading() as connection:
            pages = published_pages(connection, series)
            emails = [load_email(connection, page.email_hash) for page in pages]
        shown = []
        for page, email in zip(pages, emails, strict=True):
            try:
                subject = built(self.site, email, series, STRANGER, NOBODY)["subject"]
            except (TemplateError, DataError):
                continue
            shown.append(replace(page, subject=str(subject)))
        return tuple(shown)

    def _html(self, series: str, page: PublishedPage) -> str:
        with self.site.database.reading() as connection:
            email = load_email(connection, page.email_hash)
        return html_of(self.site, email, series, STRANGER, NOBODY)
