"""The web page of the inbox."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from newsletter.compose.house_style import house_folder
from newsletter.web.inbox.mailbox import Mailbox
from newsletter.web.inbox.reading import embedded, preheader, read_mail

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox allow-popups"
)
"""A mail may show its own pictures and styles; it may not run, load from outside or send anything."""

LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
"""Refusing other Host headers keeps a website from reading the inbox by DNS rebinding."""

SHOWN = 500
VIEWS = ("mail", "text", "headers", "source")
CID = re.compile(r"cid:([^\"'\s)>]+)")
HEARTBEAT_SECONDS = 15.0


class InboxPages:
    """The routes. Everything is read-only: GET changes nothing."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._templates = Environment(
            loader=FileSystemLoader(house_folder() / "web" / "inbox"), autoescape=True, trim_blocks=True
        )
        self._preheaders: dict[Path, str] = {}

    async def page(self, request: Request) -> Response:
        """The list, and beside it the mail that `?mail=` names."""
        search = request.query_params.get("search", "")
        found = list(self._mailbox.summaries(search))
        wanted = request.query_params.get("mail", "")
        number = int(wanted) if wanted.isdecimal() and len(wanted) < 9 else 0
        opened = self._mailbox.read(number) if number else None
        view = request.query_params.get("view", "mail")
        html = self._templates.get_template("inbox.html.j2").render(
            mails=[(summary, self._preheader(summary.path)) for summary in found[:SHOWN]],
            found=len(found),
            search=search,
            opened=opened[0] if opened else None,
            reading=read_mail(opened[1]) if opened else None,
            source=opened[1].decode("utf-8", "replace") if opened and view == "source" else "",
            view=view if view in VIEWS else "mail",
            views=VIEWS,
            width=request.query_params.get("width", "full"),
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "no-referrer"})

    async def body(self, request: Request) -> Response:
        """The HTML of a mail, for the frame."""
        opened = self._mailbox.read(request.path_params["number"])
        if opened is None:
            return PlainTextResponse("no such mail", 404)
        html = CID.sub(lambda match: f"embedded/{quote(match[1], safe='')}", read_mail(opened[1]).html)
        return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY, "X-Content-Type-Options": "nosniff"})

    async def embedded(self, request: Request) -> Response:
        """A picture that travels inside the mail."""
        opened = self._mailbox.read(request.path_params["number"])
        found = embedded(opened[1], request.path_params["content_id"]) if opened else None
        if found is None or not found[0].startswith("image/") or "svg" in found[0]:
            return PlainTextResponse("no such picture", 404)
        return Response(found[1], media_type=found[0], headers={"X-Content-Type-Options": "nosniff"})

    async def source(self, request: Request) -> Response:
        """The mail as a file."""
        opened = self._mailbox.read(request.path_params["number"])
        if opened is None:
            return PlainTextResponse("no such mail", 404)
        disposition = f'attachment; filename="{opened[0].path.name}"'
        return Response(opened[1], media_type="message/rfc822", headers={"Content-Disposition": disposition})

    async def listing(self, request: Request) -> Response:
        """What arrived, for programs."""
        return JSONResponse(self._mailbox.listing(request.query_params.get("search", "")))

    async def events(self, request: Request) -> Response:
        """Tells the page (server-sent events) that mail has come."""
        return StreamingResponse(
            self._announce(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _announce(self) -> AsyncIterator[str]:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        stop = self._mailbox.listen(lambda: loop.call_soon_threadsafe(arrived.set))
        try:
            yield ": hello\n\n"
            while True:
                try:
                    await asyncio.wait_for(arrived.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                arrived.clear()
                yield f"data: {len(self._mailbox)}\n\n"
        finally:
            stop()

    def _preheader(self, path: Path) -> str:
        if path not in self._preheaders:
            self._preheaders[path] = preheader(read_mail(path.read_bytes()).html)
        return self._preheaders[path]


def create_inbox(mailbox: Mailbox) -> Starlette:
    """The web application of the inbox."""
    pages = InboxPages(mailbox)
    static = StaticFiles(directory=Path(__file__).parent / "static")
    app = Starlette(
        routes=[
            Route("/", pages.page),
            Route("/mails.json", pages.listing),
            Route("/mails/{number:int}/body", pages.body),
            Route("/mails/{number:int}/embedded/{content_id:path}", pages.embedded),
            Route("/mails/{number:int}/source", pages.source),
            Route("/events", pages.events),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_HOSTS, www_redirect=False)],
    )
    app.mount("/static", static)
    return app
