"""The web application of the preview."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter.compose.house_style import house_folder
from newsletter.errors import NewsletterError
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.guard import Guard

STATIC = Path(__file__).parent / "static"
HEARTBEAT_SECONDS = 15.0
PICTURE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "max-age=31536000, immutable",
}
"""An SVG opened by itself may not run anything either. Addresses of pictures change with their content."""


class PreviewPages:
    """The routes. Only `send` changes anything, and that is a POST."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def screen(self, request: Request) -> Response:
        """The one page that everything is shown on."""
        return HTMLResponse(screen_html(exported=False))

    async def timeline(self, request: Request) -> Response:
        """The series with their pages on the days of a simulated subscriber."""
        wanted = request.query_params

        def made() -> dict[str, Any]:
            return self._desk.timeline(
                start=wanted.get("start", ""),
                zone=wanted.get("zone", ""),
                cadence=wanted.get("cadence", ""),
                at=wanted.get("at", ""),
                persona=wanted.get("persona", ""),
            )

        return await self._answer(made)

    async def page(self, request: Request) -> Response:
        """One page for one reader."""
        wanted = request.query_params
        return await self._answer(
            lambda: self._desk.showing.page(
                wanted.get("page", ""), wanted.get("persona", ""), wanted.get("version", "")
            )
        )

    async def people(self, request: Request) -> Response:
        """Whom pages can be shown for; with `search`, subscribers of the database."""
        wanted = request.query_params.get("search", "").strip()
        return await self._answer(lambda: self._desk.people(wanted))

    async def message(self, request: Request) -> Response:
        """The exact message of a page as a file."""
        wanted = request.query_params
        try:
            page, message = await run_in_threadpool(
                self._desk.showing.message, wanted.get("page", ""), wanted.get("persona", "")
            )
        except NewsletterError as error:
            return self._refusal(error)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{page.series}-{page.slug}") or "page"
        headers = {"Content-Disposition": f'attachment; filename="{name}.eml"'}
        return Response(message.data, media_type="message/rfc822", headers=headers)

    async def send(self, request: Request) -> Response:
        """Send one page to one address through the configured relay."""
        try:
            body = json.loads(await request.body())
            page, persona, to = (str(body[key]) for key in ("page", "persona", "to"))
        except (ValueError, KeyError, TypeError) as error:
            raise HTTPException(400, "A send-test names page, persona and to.") from error
        return await self._answer(lambda: {"reply": self._desk.send(page, persona, to)})

    async def picture_file(self, request: Request) -> Response:
        """A picture of the author's."""
        file = self._desk.workbench.shelf.file(request.path_params["kind"], request.path_params["below"])
        if file is None:
            raise HTTPException(404, "There is no such picture.")
        return FileResponse(file, headers=PICTURE_HEADERS)

    async def made_picture(self, request: Request) -> Response:
        """A picture that was made or embedded while composing."""
        picture = self._desk.workbench.shelf.made(request.path_params["name"])
        if picture is None:
            raise HTTPException(404, "There is no such picture.")
        return Response(picture.data, media_type=picture.media_type, headers=PICTURE_HEADERS)

    async def events(self, request: Request) -> Response:
        """Tells the browser (server-sent events) what has changed."""
        return StreamingResponse(self._changes(), media_type="text/event-stream")

    async def _answer(self, made: Callable[[], dict[str, Any]]) -> Response:
        """What `made` gives as JSON; composing happens in a thread, so that the events go on."""
        known = self._desk.announcer.count  # before: what is saved meanwhile will be announced with a higher one
        try:
            return JSONResponse(await run_in_threadpool(made) | {"count": known})
        except NewsletterError as error:
            return self._refusal(error)

    def _refusal(self, error: NewsletterError) -> Response:
        found = self._desk.workbench.finding_of(error)
        told = {"message": found.message, "path": found.path, "line": found.line, "remedy": found.remedy}
        return JSONResponse({"error": told}, 422)

    async def _changes(self) -> AsyncIterator[str]:
        with self._desk.announcer.listening() as take:
            yield f"retry: 500\ndata: {json.dumps({'count': self._desk.announcer.count})}\n\n"
            while not self._desk.announcer.is_closed:
                news = await take(HEARTBEAT_SECONDS)
                yield ": still here\n\n" if news is None else f"data: {json.dumps(news)}\n\n"


def create_preview(desk: Desk, *, token: str = "") -> Starlette:
    """The preview of what lies on `desk`; with a `token` nobody sees it without."""
    pages = PreviewPages(desk)
    return Starlette(
        routes=[
            Route("/", pages.screen),
            Route("/data/timeline", pages.timeline),
            Route("/data/page", pages.page),
            Route("/data/people", pages.people),
            Route("/message.eml", pages.message),
            Route("/send", pages.send, methods=["POST"]),
            Route("/events", pages.events),
            Route("/pictures/made/{name}", pages.made_picture),
            Route("/pictures/{kind}/{below:path}", pages.picture_file),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, token=token)],
    )


def screen_html(*, exported: bool) -> str:
    """The page that everything is shown on, live or `exported` to files."""
    templates = Environment(
        loader=FileSystemLoader(house_folder() / "web" / "preview"), autoescape=True, trim_blocks=True
    )
    return templates.get_template("preview.html.j2").render(exported=exported)
