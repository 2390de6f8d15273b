"""/l/TOKEN: on to the page behind a link of a mail, and one more on its count. Nothing is kept about who clicked."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.compose.counted_links import TOKEN_LENGTH
from newsletter.store.clicks import count_clicks, link_of
from newsletter.web.public.limits import RateLimit, client_of
from newsletter.web.public.site import Site, client_host

CLICKS_PER_HOUR = 60
CLICKS_PER_HOUR_OVERALL = 100_000
"""Beyond these a link still leads on, but is no longer counted: a flood must not keep the database from the sender."""
BURST_LINKS = 3
BURST_SECONDS = 10.0
"""Nobody opens three links of one mail in ten seconds; what checks a mail on arrival opens all of them."""

_TOKEN = re.compile(rf"[a-z2-7]{{{TOKEN_LENGTH}}}")
_PROGRAM = re.compile(
    r"bot\b|bot/|crawl|spider|scan|preview|prefetch|fetch|proxy|monitor|check|validat|curl|wget|python|java/|okhttp|httpclient|"
    r"go-http|libwww|ruby|perl|php|axios|node|headless|phantom|facebookexternalhit|whatsapp|slack|skype|telegram|discord|"
    r"barracuda|mimecast|proofpoint|symantec|fireeye|trend ?micro|sophos|forcepoint|cisco|safelinks|zscaler|urldefense",
    re.IGNORECASE,
)
"""Programs that look at links for people: mail gateways, chats that draw a preview, crawlers."""
_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")


class Bursts:
    """Which links each client has just followed: how a scanner without a name of its own is told from a reader.

    It lives in memory, for seconds, and is never written anywhere.
    """

    def __init__(self, now: Callable[[], float], *, clients: int = 10_000) -> None:
        self.now = now
        self.clients = clients
        self._recent: OrderedDict[tuple[str, str], dict[str, float]] = OrderedDict()

    def follow(self, client: str, mail: str, token: str) -> tuple[bool, tuple[str, ...]]:
        """Whether this is a scanner's, and which links it followed just before that were taken for a reader's."""
        now = self.now()
        links = self._recent.pop((client, mail), {})
        links = {link: at for link, at in links.items() if now - at < BURST_SECONDS}
        before = () if token in links else tuple(links)
        links[token] = now
        self._recent[client, mail] = links
        if len(self._recent) > self.clients:
            self._recent.popitem(last=False)
        if len(links) < BURST_LINKS:
            return False, ()
        return True, before if len(links) == BURST_LINKS else ()


class ClickPages:
    """Leads on to where a link of a mail leads. Only addresses that stand in a mail are known here."""

    def __init__(self, site: Site, now: Callable[[], float]) -> None:
        self.site = site
        self.limit = RateLimit(CLICKS_PER_HOUR, CLICKS_PER_HOUR_OVERALL, now)
        self.bursts = Bursts(now)

    async def follow(self, request: Request) -> Response:
        """Lead on; HEAD counts nothing."""
        token = request.path_params["token"].lower()
        link = await run_in_threadpool(self._find, token) if _TOKEN.fullmatch(token) else None
        if link is None:
            return self.site.problem(request, "problem_missing", status=404)
        url, mail = link
        client = client_of(client_host(request))
        if request.method == "GET" and self.limit.allows(client):
            if _by_program(request):
                await run_in_threadpool(self._count, token, 0, 1, ())
            else:
                scanner, before = self.bursts.follow(client, mail, token)
                await run_in_threadpool(self._count, token, int(not scanner), int(scanner), before)
        return RedirectResponse(url, 302, {"x-robots-tag": "noindex"})

    def _find(self, token: str) -> tuple[str, str] | None:
        with self.site.database.reading() as connection:
            return link_of(connection, token)

    def _count(self, token: str, people: int, scanners: int, before: tuple[str, ...]) -> None:
        with self.site.database.transaction() as connection:
            count_clicks(connection, token, people=people, scanners=scanners)
            for link in before:  # they were the scanner's too
                count_clicks(connection, link, people=-1, scanners=1)


def _by_program(request: Request) -> bool:
    agent = request.headers.get("user-agent", "")
    ahead = any(
        request.headers.get(name, "").lower().startswith(("prefetch", "preview", "prerender")) for name in _AHEAD
    )
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return ahead or mode != "navigate" or not agent or _PROGRAM.search(agent) is not None
