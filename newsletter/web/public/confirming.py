"""/c/TOKEN: the one click that a double opt-in and a change of address wait for."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.addresses import shorten
from newsletter.audience.joining import confirm
from newsletter.message.links import Purpose, Target
from newsletter.store.confirmations import Confirmation, confirmation_by_id
from newsletter.web.public.site import Site, client_host


class ConfirmPages:
    """GET shows a button: link scanners must not confirm (RFC 9110 §9.2.1). POST confirms, as often as it comes."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def ask(self, request: Request) -> Response:
        """The page with the button."""
        wanted = await run_in_threadpool(self._look_up, self._target(request))
        if wanted is None:
            return self.site.problem(request, "problem_expired", status=404)
        values = {"kind": wanted.kind, "address": shorten(wanted.address)}
        return self.site.page("confirm.html.j2", self.site.texts(request, wanted.lang), values)

    async def act(self, request: Request) -> Response:
        """Confirm."""
        done = await run_in_threadpool(self._confirm, self._target(request), client_host(request))
        if done is None:
            return self.site.problem(request, "problem_expired", status=404)
        return self.site.page("confirmed.html.j2", self.site.texts(request, done.lang), {"kind": done.kind})

    def _target(self, request: Request) -> Target:
        token = request.path_params["token"]
        return self.site.links.read(token, Purpose.CONFIRM, now=self.site.clock.now())

    def _look_up(self, target: Target) -> Confirmation | None:
        with self.site.database.reading() as connection:
            wanted = confirmation_by_id(connection, target.delivery_id)
        return wanted if wanted and wanted.subscriber_id == target.subscriber_id else None

    def _confirm(self, target: Target, ip: str) -> Confirmation | None:
        if self._look_up(target) is None:
            return None
        with self.site.database.transaction() as connection:
            return confirm(connection, self.site.ring, target.delivery_id, at=self.site.clock.now(), ip=ip)
