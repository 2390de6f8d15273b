"""Who may talk to the preview: the author's own browser, and no page of another site through it."""

from __future__ import annotations

from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
COOKIE = "newsletter-preview"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Mails stand in frames made by this page, which inherit its policy: nothing in them may load from outside. Inline
styles are what mails are made of; scripts come from this server only, and the frames' sandbox runs none at all."""


class Guard:
    """ASGI middleware around the preview.

    Other Host headers are refused (a website could read the pages by DNS rebinding), also requests that change
    something and come from another origin. With a `token` each request must bring it, once in the address and from
    then on in a cookie; the Host may then be any.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._token and _name_of(host) not in LOOPBACK:
            return PlainTextResponse(f"This preview answers on this machine only, not as {host!r}.", 421)
        if scope["method"] not in ("GET", "HEAD"):
            origin = urlsplit(headers.get("origin", ""))
            if origin.netloc != host or headers.get("content-type", "").partition(";")[0] != "application/json":
                return PlainTextResponse("This request does not come from the preview's own page.", 403)
        if not self._token or self._knows(headers):
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not compare_digest(given.encode(), self._token.encode()):
            return PlainTextResponse("This preview needs the token that `newsletter preview` has printed.", 403)
        answer = RedirectResponse(scope["path"] or "/", 303)
        answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return answer

    def _knows(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and compare_digest(cookie.value.encode(), self._token.encode())


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
