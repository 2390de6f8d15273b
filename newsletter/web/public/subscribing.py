"""/subscribe: the form, the endpoint for forms on other sites, and JSON.

Each of them can be used to bury somebody in confirmations, so: one mail for an address in 24 hours, limits for each
client and for all together, a field that only bots fill in, and a time no person is faster than. Whatever becomes of
an address, the answer is the same, and takes as long.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from hmac import compare_digest
from time import monotonic
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from newsletter.audience.addresses import validate
from newsletter.audience.joining import Wish, ask_to_join
from newsletter.errors import DataError
from newsletter.web.public.limits import client_of
from newsletter.web.public.site import Site, client_host, read_form, text_of
from newsletter.web.public.texts import Texts

SECONDS_OF_A_PERSON = 2
SECONDS_OF_A_FORM = 24 * 3600
LONGEST_NAME = 100
OPEN_TO_ALL = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type",
}
"""No cookies are involved, so any page may post here."""


class SubscribePages:
    """The form, and what happens with it."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def form(self, request: Request) -> Response:
        """An empty form."""
        series = request.path_params.get("series", "")
        if not self._is_known(series):
            return self.site.problem(request, "problem_missing", status=404)
        return self._show_form(request, series)

    async def act(self, request: Request) -> Response:
        """Take a filled form, ours or one on another site, or JSON."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            return await self._act_on_json(request)
        form = await read_form(request)
        series = request.path_params.get("series", "") or text_of(form, "series")
        if not self._is_known(series):
            return self.site.problem(request, "problem_missing", status=404)
        address, name = text_of(form, "email"), text_of(form, "name")[:LONGEST_NAME]
        texts = self.site.texts(request, text_of(form, "lang"))
        try:
            address = validate(address)
        except DataError:
            return self._show_form(request, series, email=address, name=name, error="error_address", status=400)
        if not self._is_stamped(text_of(form, "stamp")):
            # A form on another site has no stamp, and a person may be too quick: one more press shows who is who.
            return self._show_form(request, series, email=address, name=name, notice="subscribe_again")
        if not self.site.limit.allows(client_of(client_host(request))):
            return self.site.problem(request, "problem_busy", status=429, headers={"retry-after": "3600"})
        if not text_of(form, "website"):
            source = f"form {request.url.path}"
            await self._ask(
                Wish(address, series, name, texts.lang, self._wording(texts, series), source, client_host(request))
            )
        else:
            await asyncio.sleep(self.site.answer_seconds)
        return self.site.page("check_mail.html.j2", texts)

    async def preflight(self, request: Request) -> Response:
        """What a browser asks before it posts JSON from another site."""
        return Response(status_code=204, headers=OPEN_TO_ALL)

    async def _act_on_json(self, request: Request) -> Response:
        try:
            fields = json.loads(await request.body())
            wish = self._wish_in(fields, request)
        except (ValueError, RecursionError):
            return _json(400, error="The body is not a JSON object with the texts email, series, name and lang.")
        except DataError as error:
            return _json(400, error=f"email {error.message}")
        if not self._is_known(wish.series):
            return _json(404, error="There is no such series.")
        if not self.site.limit.allows(client_of(client_host(request))):
            return _json(429, error="Too many requests.")
        if not fields.get("website"):
            await self._ask(wish)
        else:
            await asyncio.sleep(self.site.answer_seconds)
        return _json(202, message=self.site.texts(request, wish.lang)("check_mail"))

    def _wish_in(self, fields: Any, request: Request) -> Wish:
        if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
            raise ValueError
        said = {key: " ".join(value.replace("\0", " ").split()) for key, value in fields.items()}
        series = request.path_params.get("series", "") or said.get("series", "")
        texts = self.site.texts(request, said.get("lang", ""))
        return Wish(
            validate(said.get("email", "")),
            series,
            said.get("name", "")[:LONGEST_NAME],
            texts.lang,
            self._wording(texts, series) if self._is_known(series) else "",
            "JSON /subscribe",
            client_host(request),
        )

    async def _ask(self, wish: Wish) -> None:
        """Note the wish. The work differs between known and unknown addresses, the time until the answer does not.

        It is a whole number of `answer_seconds`, also where the database is so busy that one does not suffice.
        """
        started = monotonic()
        await run_in_threadpool(self._note, wish)
        await asyncio.sleep(left_of_the_step(monotonic() - started, self.site.answer_seconds))

    def _note(self, wish: Wish) -> None:
        with self.site.database.transaction() as connection:
            ask_to_join(connection, self.site.ring, wish, at=self.site.clock.now())

    def _show_form(
        self,
        request: Request,
        series: str,
        *,
        email: str = "",
        name: str = "",
        error: str = "",
        notice: str = "",
        status: int = 200,
    ) -> Response:
        texts = self.site.texts(request)
        values = {
            "series": series,
            "title": self.site.title_of(series) if series else "",
            "wording": self._wording(texts, series),
            "email": email[:320],
            "name": name,
            "error": error,
            "notice": notice,
            "stamp": self._stamp(self.site.clock.now()),
        }
        return self.site.page("subscribe.html.j2", texts, values, status=status)

    def _wording(self, texts: Texts, series: str) -> str:
        site = self.site.settings.site.name
        if not series:
            return texts("subscribe_wording_all", site=site)
        return texts("subscribe_wording", series=self.site.title_of(series), site=site)

    def _is_known(self, series: str) -> bool:
        return not series or series in self.site.series

    def _stamp(self, now: datetime) -> str:
        """The time the form was shown, signed: the server keeps nothing."""
        seconds = f"{int(now.timestamp()):x}"
        keyed = self.site.ring.newest.derive(b"subscribe-form")
        keyed.update(seconds.encode())
        return f"{seconds}-{keyed.hexdigest()[:32]}"

    def _is_stamped(self, stamp: str) -> bool:
        """Whether a person had the form before them: not for less than two seconds, not since yesterday."""
        seconds = stamp.partition("-")[0]
        try:
            shown = datetime.fromtimestamp(int(seconds, 16), self.site.clock.now().tzinfo)
        except (ValueError, OverflowError, OSError):
            return False
        age = (self.site.clock.now() - shown).total_seconds()
        is_ours = compare_digest(stamp.encode("utf-8", "replace"), self._stamp(shown).encode())
        return is_ours and SECONDS_OF_A_PERSON <= age <= SECONDS_OF_A_FORM


def left_of_the_step(elapsed: float, step: float) -> float:
    """Seconds until the next whole number of steps, at least one; 0 where a step takes no time."""
    return step - elapsed % step if step else 0.0


def _json(status: int, **fields: str) -> Response:
    extra = {"retry-after": "3600"} if status == 429 else {}
    return JSONResponse(fields, status, {**OPEN_TO_ALL, **extra})
