"""Everything a preview needs, put together: workbench, readers, clock, and the threads that keep it fresh."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

from newsletter.audience.addresses import validate
from newsletter.campaigns.definition import Definition
from newsletter.clock import Clock
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.errors import CampaignError, NewsletterError, TemplateError
from newsletter.scheduler.campaign_files import list_campaign_files, read_campaign_file
from newsletter.trial import deliver_trial
from newsletter.web.preview.personas import Persona
from newsletter.web.preview.readers import Readers
from newsletter.web.preview.showing import Json, Showing
from newsletter.web.preview.timeline import simulation
from newsletter.web.preview.watching import WARM_AFTER_SECONDS, Announcer, watching
from newsletter.web.preview.workbench import Workbench

BREATH_SECONDS = 0.004
"""A pause between two pages in the background, in which whoever waits for the workbench gets its lock."""

TELL_EVERY_SECONDS = 2.0
"""How often the browser hears of progress while hundreds of pages are being checked."""


class Desk:
    """What the routes and the export ask."""

    def __init__(
        self,
        load: Callable[[], Settings],
        clock: Clock,
        *,
        content: Path | None,
        only: str | None,
        examples: Callable[[Settings], Path],
    ) -> None:
        """`load` reads the settings, `examples` names the example file. Raises SettingsError, UsageError."""
        self.workbench = Workbench(load, content, only)
        self.announcer = Announcer()
        self._clock, self._examples = clock, examples
        self._readers = Readers(self.workbench.settings, examples(self.workbench.settings))
        self.showing = Showing(self.workbench, clock, lambda key: self._readers.find(key))
        self._stale = threading.Event()
        self._complaint: NewsletterError | None = None

    def timeline(self, *, start: str, zone: str, cadence: str, at: str, persona: str, compose: bool = False) -> Json:
        """All series on the days of a simulated subscriber. Raises UsageError for controls that can't be meant."""
        campaigns, errors = self._campaigns()
        zone = zone or self._readers.find(persona).subscriber.zone or self.workbench.settings.site.zone
        simulated = simulation(start, zone, cadence, at, now=self._clock.now(), campaigns=campaigns)
        shown = self.showing.timeline(simulated, persona, compose=compose)
        troubles = [error for error in (*errors, self._readers.trouble, self._complaint) if error]
        return shown | {
            "cadence": cadence,
            "campaigns": [{"name": name, "series": definition.series} for name, definition in campaigns.items()],
            "notes": [
                {"message": note.message, "path": note.path, "line": note.line, "remedy": note.remedy}
                for note in map(self.workbench.finding_of, troubles)
            ],
        }

    def people(self, search: str = "") -> Json:
        """Personas; with `search`, subscribers of the database."""
        found = self._readers.search(search) if search else self._readers.personas
        return {"people": [_who(persona) for persona in found]}

    def send(self, reference: str, persona: str, address: str) -> str:
        """Send a page to `address` with a persona's data through the first relay; what the relay said.

        Raises DataError for an address that is none, RelayError when the relay does not take it.
        """
        series, page = self.workbench.page(reference)
        composed = self.workbench.composed(series, page)
        if composed.email is None:
            raise composed.error or TemplateError("there is no email")
        settings = self.workbench.settings
        person = replace(self._readers.find(persona).subscriber, address=validate(address), id=0)
        relay = next(iter(settings.relays))
        reply = deliver_trial(settings, series, page, composed.email, person, relay=relay, now=self._clock.now())
        return f"{reply.code} {reply.text}"

    @contextmanager
    def live(self) -> Iterator[None]:
        """While the block runs, saves are noticed and announced, and the timeline is completed in the background."""
        stop = threading.Event()
        warming = threading.Thread(target=self._warm, args=(stop,), name="warm", daemon=True)
        with watching(self.workbench.settings.root, self.workbench.folders, self._files, self._saved):
            self._stale.set()
            warming.start()
            try:
                yield
            finally:
                self.announcer.close()
                stop.set()
                self._stale.set()
                warming.join(5)

    def _files(self) -> list[Path]:
        settings = self.workbench.settings
        return [*([settings.file] if settings.file else []), self._examples(settings)]

    def _saved(self, files: set[Path]) -> None:
        self._stale.set()  # first of all: the work in the background makes way
        settings = self.workbench.settings
        examples = self._examples(settings).resolve()
        change = self.workbench.refresh(file for file in files if file.resolve() != examples)
        if self.workbench.settings is not settings:
            self._readers = Readers(self.workbench.settings, self._examples(self.workbench.settings))
        if any(file.resolve() == examples for file in files):
            self._readers.refresh()
            self.announcer.announce(everything=True)
        if change:
            self.announcer.announce(change.pages, everything=change.all)

    def _warm(self, stop: threading.Event) -> None:
        """Compose and check what nobody has looked at yet, so that the timeline can tell sizes and findings."""
        while not stop.is_set():
            self._stale.wait()
            self._stale.clear()
            if stop.wait(WARM_AFTER_SECONDS):
                return
            try:
                self._check_all(stop)
                self._complaint = None
            except NewsletterError as error:  # a client in [check] that nobody knows, a sender that is none
                self._complaint = error
            self.announcer.announce(rows=True)

    def check_everything(self) -> None:
        """Judge every page now. Raises SettingsError for a client that nobody knows."""
        for series, page in self._by_interest():
            self.workbench.check(series, page, self._clock.now())

    def _check_all(self, stop: threading.Event) -> None:
        told = monotonic()
        for series, page in self._by_interest():
            if stop.is_set() or self._stale.is_set():
                return
            is_news = self.workbench.check(series, page, self._clock.now())
            if is_news:
                self._stale.wait(BREATH_SECONDS)
            is_open = f"{series.name}/{page.id}" == self.showing.latest
            if is_news and (is_open or monotonic() - told > TELL_EVERY_SECONDS):
                self.announcer.announce(rows=True)
                told = monotonic()

    def _by_interest(self) -> list[tuple[Series, Page]]:
        """Every page: the one on the screen first, then what was saved last."""
        bench = self.workbench
        everything = [(series, page) for series in bench.series.values() for page in series.pages]
        return sorted(
            everything,
            key=lambda one: (f"{one[0].name}/{one[1].id}" != self.showing.latest, -bench.saved_at(one[1])),
        )

    def _campaigns(self) -> tuple[dict[str, Definition], list[CampaignError]]:
        settings, errors = self.workbench.settings, list[CampaignError]()
        found: dict[str, Definition] = {}
        for name in list_campaign_files(settings):
            try:
                found[name] = read_campaign_file(settings, name)
            except CampaignError as error:
                errors.append(error)
        return found, errors


def _who(persona: Persona) -> Json:
    reader = persona.subscriber
    return {
        "key": persona.key,
        "label": persona.label,
        "group": persona.group,
        "address": reader.address,
        "zone": reader.zone,
    }
