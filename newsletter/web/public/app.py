"""The public pages as one application."""

from __future__ import annotations

from functools import partial
from time import monotonic

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.errors import LinkError, StoreError
from newsletter.message.keys import KeyRing
from newsletter.store.database import Database
from newsletter.store.segments import list_segments
from newsletter.web.public.archive import ArchivePages
from newsletter.web.public.clicking import ClickPages
from newsletter.web.public.confirming import ConfirmPages
from newsletter.web.public.limits import RateLimit, client_of
from newsletter.web.public.preferences import PreferencesPages
from newsletter.web.public.security import HEADERS, BodyLimit, SecurityHeaders
from newsletter.web.public.site import Handler, Site, client_host
from newsletter.web.public.subscribing import SubscribePages
from newsletter.web.public.unsubscribe import UnsubscribePages
from newsletter.web.public.viewing import YEAR, ViewPages
from newsletter.web.webhooks import webhook_routes

SUBSCRIBES_PER_HOUR = 20
SUBSCRIBES_PER_HOUR_OVERALL = 2000
PAGES_PER_HOUR = 3600
PAGES_PER_HOUR_OVERALL = 1_000_000


def public_site(settings: Settings, database: Database, ring: KeyRing, clock: Clock) -> Site:
    """One installation's public pages with the usual limits."""
    return Site(
        settings,
        database,
        ring,
        clock,
        RateLimit(SUBSCRIBES_PER_HOUR, SUBSCRIBES_PER_HOUR_OVERALL, monotonic),
        RateLimit(PAGES_PER_HOUR, PAGES_PER_HOUR_OVERALL, monotonic),
    )


def public_app(site: Site, more: tuple[BaseRoute, ...] = ()) -> Starlette:
    """The application; `more` are routes of other rooms."""
    hooks = webhook_routes(site.settings, site.database, site.ring, site.clock)
    app = Starlette(
        routes=[*_routes(site), *hooks, *more],
        middleware=[
            Middleware(SecurityHeaders, secure=site.settings.web_url.startswith("https://")),
            Middleware(BodyLimit),
        ],
        exception_handlers={
            LinkError: partial(_link_problem, site),
            StoreError: partial(_store_problem, site),
            HTTPException: partial(_http_problem, site),
            Exception: partial(_fault, site),
        },
    )
    app.router.redirect_slashes = False  # RFC 8058 §3.1 forbids a redirect
    return app


def _routes(site: Site) -> list[BaseRoute]:
    leaving, choosing, confirming = UnsubscribePages(site), PreferencesPages(site), ConfirmPages(site)
    joining, viewing, archive = SubscribePages(site), ViewPages(site), ArchivePages(site)
    clicking = ClickPages(site, monotonic)

    def route(path: str, get: Handler, post: Handler | None = None, *, limited: bool = True) -> Route:
        return Route(path, _Methods(site, get, post, limited), methods=["GET", "POST"] if post else ["GET"])

    return [
        # Never limited: mail providers post one-click unsubscriptions for millions of readers from a few addresses.
        route("/u/{token}", leaving.ask, leaving.act, limited=False),
        route("/p/{token}", choosing.show, _from_here(site, choosing.act)),
        route("/p/{token}/data", choosing.data),
        route("/p/{token}/data.json", choosing.download),
        route("/c/{token}", confirming.ask, _from_here(site, confirming.act)),
        route("/v/{token}", viewing.mail),
        # Never limited: a link in a mail leads on, whoever shares the reader's address.
        route("/l/{token}", clicking.follow, limited=False),
        route("/pictures/{name}", viewing.picture),
        Route("/subscribe", joining.preflight, methods=["OPTIONS"]),
        Route("/subscribe/{series}", joining.preflight, methods=["OPTIONS"]),
        route("/subscribe", joining.form, joining.act),
        route("/subscribe/{series}", joining.form, joining.act),
        route("/archive", archive.all_series),
        route("/archive/{series}", archive.series),
        route("/archive/{series}/feed.atom", archive.feed),
        route("/archive/{series}/{page:path}", archive.page),
        route("/", partial(_home, site)),
        route(site.style_path, partial(_style, site)),
        route("/robots.txt", _robots),
        route("/health", partial(_health, site)),
    ]


class _Methods:
    """GET and HEAD to one handler, POST to another, within the limit for each client."""

    def __init__(self, site: Site, get: Handler, post: Handler | None, limited: bool) -> None:
        self.site = site
        self.get = get
        self.post = post
        self.limited = limited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        if self.limited and not self.site.page_limit.allows(client_of(client_host(request))):
            response = self.site.problem(request, "problem_busy", status=429, headers={"retry-after": "60"})
        elif request.method == "POST" and self.post is not None:
            response = await self.post(request)
        else:
            response = await self.get(request)
        await response(scope, receive, send)


def _from_here(site: Site, handler: Handler) -> Handler:
    """Refuse a form that another site sends. No cookie is at stake, and the token is secret; this is a second wall."""
    own = site.settings.web_url

    async def guarded(request: Request) -> Response:
        origin = request.headers.get("origin", "null")
        if origin not in ("null", own, f"{request.url.scheme}://{request.headers.get('host', '')}"):
            return site.problem(request, "problem_origin", status=403)
        return await handler(request)

    return guarded


async def _home(site: Site, request: Request) -> Response:
    """For whoever shortens the address of a link: whose place this is. It names no series and no reader."""
    return site.page("home.html.j2", site.texts(request))


async def _style(site: Site, request: Request) -> Response:
    return Response(site.style, media_type="text/css", headers={"cache-control": YEAR})


async def _robots(request: Request) -> Response:
    return PlainTextResponse(
        "User-agent: *\nDisallow: /u/\nDisallow: /p/\nDisallow: /c/\nDisallow: /v/\nDisallow: /l/\n"
    )


async def _health(site: Site, request: Request) -> Response:
    await run_in_threadpool(_ask_database, site)
    return PlainTextResponse("ok\n")


def _ask_database(site: Site) -> None:
    with site.database.reading() as connection:
        list_segments(connection)  # a small table: the question is whether there is an answer


async def _link_problem(site: Site, request: Request, error: Exception) -> Response:
    is_old = isinstance(error, LinkError) and "days" in error.message
    return site.problem(request, "problem_expired" if is_old else "problem_link", status=404)


async def _store_problem(site: Site, request: Request, error: Exception) -> Response:
    return site.problem(request, "problem_later", status=503, headers={"retry-after": "60"})


async def _http_problem(site: Site, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    key = "problem_method" if status == 405 else "problem_missing"
    return site.problem(request, key, status=status, headers=headers)


async def _fault(site: Site, request: Request, error: Exception) -> Response:
    """A fault of ours, which Starlette hands on to the log. It answers outside of all middleware: hence the headers."""
    return site.problem(request, "problem_fault", status=500, headers=HEADERS)
