"""/p/TOKEN: what a reader gets, how often and when; their address; their data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from newsletter.audience.addresses import fold, shorten, validate
from newsletter.audience.erasing import erase
from newsletter.audience.joining import ask_to_change_address
from newsletter.audience.leaving import come_back, leave
from newsletter.audience.personal_data import personal_data
from newsletter.audience.rows import find_zone
from newsletter.errors import DataError
from newsletter.message.links import Purpose, Target
from newsletter.store.consents import Consent, ConsentKind, record_consent
from newsletter.store.histories import History, history_of
from newsletter.store.preferences import PACES, WEEKDAYS, Preference, save_preference
from newsletter.store.subscribers import StoredSubscriber, subscriber_by_id, update_subscribers
from newsletter.suppression import THEIR_OWN_WISH
from newsletter.web.public.limits import client_of
from newsletter.web.public.site import Site, client_host, read_form, text_of
from newsletter.web.public.texts import Texts

SOURCE = "preferences page"


@dataclass(frozen=True)
class Dojo:
    """A series the reader is or was in."""

    name: str
    title: str
    is_wanted: bool


class _Refused(Exception):  # noqa: N818 - said to the reader
    """A field can't be used; `key` and `value` say why."""

    def __init__(self, key: str, value: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.value = value


class PreferencesPages:
    """GET shows, POST changes. The token is the login; there is no cookie that another site could misuse."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def show(self, request: Request) -> Response:
        """The form with what was chosen so far."""
        history = await self._history(request)
        return self._page(request, history) if history else self._gone(request)

    async def act(self, request: Request) -> Response:
        """Save, change the address, leave, or have everything erased: the button says which."""
        form = await read_form(request)
        history = await self._history(request)
        if history is None:
            return self._gone(request)
        action = text_of(form, "action")
        try:
            if action == "address":
                return await self._change_address(request, history, text_of(form, "email"))
            if action == "erase":
                return await self._erase(request, history, text_of(form, "email"))
            if action == "leave":
                await run_in_threadpool(self._leave, history.person, client_host(request))
                texts = self.site.texts(request, history.person.subscriber.lang)
                return self.site.page("unsubscribed.html.j2", texts, {"series": ""})
            await run_in_threadpool(self._save, history, form, client_host(request))
        except _Refused as refused:
            return self._page(request, history, error=refused.key, value=refused.value, status=400)
        changed = await self._history(request)
        return self._page(request, changed or history, notice="preferences_saved")

    async def data(self, request: Request) -> Response:
        """What we keep, to read."""
        history = await self._history(request)
        if history is None:
            return self._gone(request)
        texts = self.site.texts(request, history.person.subscriber.lang)
        values = {"data": personal_data(history), "token": request.path_params["token"]}
        return self.site.page("data.html.j2", texts, values)

    async def download(self, request: Request) -> Response:
        """What we keep, for machines."""
        history = await self._history(request)
        if history is None:
            return self._gone(request)
        return JSONResponse(
            personal_data(history), headers={"content-disposition": 'attachment; filename="my-data.json"'}
        )

    async def _history(self, request: Request) -> History | None:
        target = self.site.links.read(request.path_params["token"], Purpose.PREFERENCES)
        return await run_in_threadpool(self._look_up, target)

    def _look_up(self, target: Target) -> History | None:
        with self.site.database.reading() as connection:
            person = subscriber_by_id(connection, target.subscriber_id)
            return history_of(connection, person) if person else None

    def _gone(self, request: Request) -> Response:
        return self.site.problem(request, "problem_expired", status=404)

    def _page(
        self,
        request: Request,
        history: History,
        *,
        notice: str = "",
        error: str = "",
        value: str = "",
        status: int = 200,
    ) -> Response:
        who = history.person.subscriber
        until = history.preference.paused_until
        values = {
            "address": shorten(who.address),
            "zone": who.zone,
            "dojos": self._dojos(history),
            "is_blocked": any(item.reason not in THEIR_OWN_WISH and not item.scope for item in history.suppressions),
            "preference": history.preference,
            "paused_until": "" if until is None else until.astimezone(self._zone(who.zone)).date().isoformat(),
            "paces": PACES,
            "weekdays": WEEKDAYS,
            "zones": zones(),
            "notice": notice,
            "error": error,
            "value": value[:100],
            "token": request.path_params["token"],
        }
        return self.site.page("preferences.html.j2", self._texts(request, history), values, status=status)

    def _texts(self, request: Request, history: History) -> Texts:
        return self.site.texts(request, history.person.subscriber.lang)

    def _dojos(self, history: History) -> tuple[Dojo, ...]:
        """The series of the reader's campaigns, and those they left."""
        left = {item.scope for item in history.suppressions}
        names = {item.series for item in history.enrollments if item.campaign_state != "cancelled"}
        names |= {scope for scope in left if scope} | (set(history.tags) & set(self.site.series))
        return tuple(Dojo(name, self.site.title_of(name), not left & {"", name}) for name in sorted(names))

    def _zone(self, name: str) -> ZoneInfo:
        return ZoneInfo(find_zone(name) or self.site.settings.site.zone)

    def _save(self, history: History, form: FormData, ip: str) -> None:
        now = self.site.clock.now()
        who = history.person.subscriber
        zone = text_of(form, "zone")
        if zone and not find_zone(zone):
            raise _Refused("error_zone", zone)
        chosen = read_preference(form, self._zone(zone), now)
        wanted = {value for value in form.getlist("dojo") if isinstance(value, str)}
        with self.site.database.transaction() as connection:
            save_preference(connection, history.person.id, chosen, at=now)
            if zone != who.zone:
                update_subscribers(connection, [replace(who, zone=zone)], at=now)
            self._choose_dojos(connection, history, wanted, now, ip)
            record_consent(connection, Consent(history.person.id, ConsentKind.CHANGED, now, source=SOURCE, ip=ip))

    def _choose_dojos(self, connection: Connection, history: History, wanted: set[str], now: datetime, ip: str) -> None:
        """Leave what is no longer ticked, take back what is ticked anew."""
        dojos = self._dojos(history)
        for dojo in dojos:
            if dojo.is_wanted and dojo.name not in wanted:
                leave(connection, history.person, series=dojo.name, source=SOURCE, at=now, ip=ip)
        back = [dojo.name for dojo in dojos if not dojo.is_wanted and dojo.name in wanted]
        others = tuple(dojo.name for dojo in dojos if dojo.name not in wanted)
        for name in back:
            come_back(connection, history.person, series=name, others=others, at=now)
            entry = Consent(history.person.id, ConsentKind.CONFIRMED, now, scope=name, source=SOURCE, ip=ip)
            record_consent(connection, entry)

    def _leave(self, person: StoredSubscriber, ip: str) -> None:
        with self.site.database.transaction() as connection:
            leave(connection, person, series="", source=SOURCE, at=self.site.clock.now(), ip=ip)

    async def _change_address(self, request: Request, history: History, address: str) -> Response:
        try:
            address = validate(address)
        except DataError as error:
            raise _Refused("error_address") from error
        if not self.site.limit.allows(client_of(client_host(request))):
            return self.site.problem(request, "problem_busy", status=429, headers={"retry-after": "3600"})
        lang = self._texts(request, history).lang
        await run_in_threadpool(self._note_address, history.person, address, lang)
        return self._page(request, history, notice="preferences_address_sent")

    async def _erase(self, request: Request, history: History, address: str) -> Response:
        """Erase the reader, if they type their own address: a forwarded mail must not be enough for what can't be undone."""
        own = history.person.subscriber.address
        if "@" not in address or fold(address) != fold(own):
            raise _Refused("error_not_yours")
        texts = self._texts(request, history)
        await run_in_threadpool(erase, self.site.database, self.site.ring, own, self.site.clock)
        return self.site.page("erased.html.j2", texts)

    def _note_address(self, person: StoredSubscriber, address: str, lang: str) -> None:
        now = self.site.clock.now()
        with self.site.database.transaction() as connection:
            ask_to_change_address(connection, self.site.ring, person, address, lang=lang, at=now)


def read_preference(form: FormData, zone: ZoneInfo, now: datetime) -> Preference:
    """What the fields say. Raises _Refused for a choice that is not offered and for a day that is past."""
    pace, hour = text_of(form, "pace") or "100", text_of(form, "hour")
    days = [value for value in form.getlist("weekday") if isinstance(value, str)]
    if pace not in map(str, PACES) or (hour and hour not in map(str, range(24))) or set(days) - set(WEEKDAYS):
        raise _Refused("error_choice")
    weekdays = tuple(day for day in WEEKDAYS if day in days)
    return Preference(
        int(pace),
        _pause(text_of(form, "pause"), zone, now),
        () if len(weekdays) == len(WEEKDAYS) else weekdays,
        int(hour) if hour else None,
    )


def _pause(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The first moment of the day on which mail goes on, where the reader lives."""
    if not text:
        return None
    try:
        until = datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Refused("error_date", text) from error
    if not now < until < now + timedelta(days=3660):
        raise _Refused("error_date", text)
    return until


@cache
def zones() -> Sequence[str]:
    """The time zones to choose from: those that are places."""
    regions = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    return ("UTC", *sorted(name for name in available_timezones() if name.startswith(regions)))
