"""/u/TOKEN: one-click unsubscribing (RFC 8058) and the page for people who follow the link."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.addresses import shorten
from newsletter.audience.leaving import leave
from newsletter.message.links import Purpose, Target
from newsletter.store.publications import series_of_campaign
from newsletter.store.subscribers import StoredSubscriber, subscriber_by_id
from newsletter.web.public.site import Site, client_host, read_form, text_of


class UnsubscribePages:
    """GET shows a button and changes nothing: link scanners follow each link. POST unsubscribes.

    RFC 8058 §3.1: the POST comes without cookies or login, is answered without a redirect, and the token says who
    and which list. It is answered alike for somebody already unsubscribed and for somebody erased.
    """

    def __init__(self, site: Site) -> None:
        self.site = site

    async def ask(self, request: Request) -> Response:
        """The page with the buttons."""
        person, series = await run_in_threadpool(self._look_up, self._target(request))
        texts = self.site.texts(request, person.subscriber.lang if person else "")
        values = {
            "address": shorten(person.subscriber.address) if person else "",
            "series": self.site.title_of(series) if series else "",
        }
        return self.site.page("unsubscribe.html.j2", texts, values)

    async def act(self, request: Request) -> Response:
        """Unsubscribe. Whatever the body holds, or fails to hold, the wish is clear: only `scope=all` adds to it."""
        target = self._target(request)
        form = await read_form(request)
        everything = text_of(form, "scope") == "all"
        is_one_click = text_of(form, "List-Unsubscribe") == "One-Click"
        source = "one-click unsubscribe" if is_one_click else "unsubscribe page"
        lang, series = await run_in_threadpool(self._leave, target, everything, source, client_host(request))
        texts = self.site.texts(request, lang)
        return self.site.page("unsubscribed.html.j2", texts, {"series": self.site.title_of(series) if series else ""})

    def _target(self, request: Request) -> Target:
        return self.site.links.read(request.path_params["token"], Purpose.UNSUBSCRIBE)

    def _look_up(self, target: Target) -> tuple[StoredSubscriber | None, str]:
        with self.site.database.reading() as connection:
            series = series_of_campaign(connection, target.campaign_id)
            return subscriber_by_id(connection, target.subscriber_id), series

    def _leave(self, target: Target, everything: bool, source: str, ip: str) -> tuple[str, str]:
        """Write it down; the person's language and the series they left ("" for everything)."""
        with self.site.database.transaction() as connection:
            person = subscriber_by_id(connection, target.subscriber_id)
            series = "" if everything else series_of_campaign(connection, target.campaign_id)
            if person is not None:
                leave(connection, person, series=series, source=source, at=self.site.clock.now(), ip=ip)
        return person.subscriber.lang if person else "", series
