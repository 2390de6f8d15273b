"""The pages on an author's desk: read, composed and merged on demand, remembered until a file they came from changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from newsletter.check.checker import Checker
from newsletter.compose.composer import Composer
from newsletter.compose.email import Composition
from newsletter.compose.house_style import house_folder
from newsletter.config import Settings
from newsletter.content.page import Page, Series
from newsletter.content.page_file import file_name
from newsletter.content.reader import list_series, parse_page, read_page, read_series
from newsletter.errors import ContentError, MaterialError, NewsletterError, UsageError
from newsletter.finding import Finding, Severity
from newsletter.web.preview.composed import Composed, Glance, MadeFrom, glance_of
from newsletter.web.preview.pictures import PictureShelf

COMPOSITIONS_KEPT = 200
"""Emails in memory: some 40 kB each, with their pictures on the shelf."""


@dataclass(frozen=True)
class Change:
    """What a save did: `pages` (as `series/id`) look different; `all` when anything may."""

    pages: tuple[str, ...] = ()
    all: bool = False

    def __bool__(self) -> bool:
        return self.all or bool(self.pages)


class Workbench:
    """Keeps the series read and the emails composed. One lock: browsers ask from several threads."""

    def __init__(self, load: Callable[[], Settings], content: Path | None, only: str | None) -> None:
        """`load` reads the settings anew; `content` stands in for [site] content, `only` names the one series shown.

        Raises SettingsError, UsageError for a series that does not exist.
        """
        self._load, self._content, self._only = load, content, only
        self._lock = threading.RLock()
        self._pages: dict[str, tuple[tuple[int, int, int], Page | ContentError]] = {}
        self._paths: dict[str, str] = {}
        self._composed: OrderedDict[str, Composed] = OrderedDict()
        self._glances: dict[str, Glance] = {}
        self._orders: dict[str, tuple[Series, tuple[str, ...], Mapping[str, str]]] = {}
        self._generation = 0
        self._checker: tuple[tuple[int, tuple[str, ...]], Checker] | None = None
        self.trouble: NewsletterError | None = None
        self.series: Mapping[str, Series] = {}
        self.settings = self._settings()
        self._begin()
        self._read_all()
        if only is not None and only not in self.series:
            known = ", ".join(list_series(self.content))
            raise UsageError(f"there is no series {only!r}", where=self.content, remedy=f"There are: {known}.")

    @property
    def content(self) -> Path:
        """The folder of series."""
        return self.settings.path(self.settings.site.content)

    def folders(self) -> tuple[Path, ...]:
        """The folders whose files a mail is made from."""
        site = self.settings.site
        own = (self.content, self.settings.path(site.templates), self.settings.path(site.static))
        return (*own, house_folder(), self.settings.path(site.campaigns))

    def page(self, reference: str) -> tuple[Series, Page]:
        """The page `series/id`, or `series/path`, by which one is known that could not be read.

        Raises ContentError for one that can't be read, also if it could before, UsageError for one that is not there.
        """
        name, _, wanted = reference.partition("/")
        with self._lock:
            series = self.series.get(name)
            path = self._paths.get(reference, wanted)
        if series is None:
            raise UsageError(f"there is no series {name!r}", remedy=f"There are: {', '.join(self.series)}.")
        for page in series.pages:
            if wanted in (page.id, page.path):
                return series, page
        for finding in series.broken:
            if path in (finding.path, file_name(finding.path)[0]):
                raise ContentError(finding.message, where=finding.path, line=finding.line, remedy=finding.remedy)
        raise UsageError(f"there is no page {wanted!r} in {name}", remedy="It may have got another name.")

    def composed(self, series: Series, page: Page) -> Composed:
        """The email of a page, made now unless nothing it came from has changed."""
        with self._lock:
            reference = f"{series.name}/{page.id}"
            made_from = self._made_from(series, page)
            known = self._composed.get(reference)
            if known and known.made_from == made_from:
                self._composed.move_to_end(reference)
                return known
            self._paths[reference] = page.path
            fresh = self._composed[reference] = self._compose(page, series, made_from)
            before = self.glance(series, page)
            self._glances[reference] = before or glance_of(fresh)
            while len(self._composed) > COMPOSITIONS_KEPT:
                self._composed.popitem(last=False)
            return fresh

    def glance(self, series: Series, page: Page) -> Glance | None:
        """What is known of a page without composing it."""
        known = self._glances.get(f"{series.name}/{page.id}")
        return known if known and known.made_from == self._made_from(series, page) else None

    def check(self, series: Series, page: Page, now: datetime) -> bool:
        """Judge a page by all rules, unless that has been done; whether it was news. Only one thread may call this."""
        if self.glance(series, page) is None:
            self.composed(series, page)
        glance = self.glance(series, page)
        checker, addresses = self._checker_of()
        known = (addresses, self._order(series)[2].get(page.id))
        if glance is None or glance.failed or glance.known == known:
            return False
        # Outside the lock: rules take longer than composing, and an author waits for that.
        found = checker.check_page(page, series, now)
        with self._lock:
            reference = f"{series.name}/{page.id}"
            if self._glances.get(reference) is glance:
                self._glances[reference] = replace(glance, checked=found, known=known)
        return found != glance.checked

    def saved_at(self, page: Page) -> int:
        """When the file of a page was saved, in nanoseconds; 0 when that is not known."""
        known = self._pages.get(page.path)
        return known[0][0] if known else 0

    def findings_of(self, series: Series, page: Page, about: Composed | Glance | None) -> tuple[Finding, ...]:
        """What is worth mending about one page, worst first; `about` is what was made of it, if it is not an old version."""
        own = [finding for finding in (*series.broken, *series.findings) if finding.path == page.path]
        glance = about if isinstance(about, Glance) else self.glance(series, page)
        if isinstance(about, Composed) and about.error:
            own.append(self.finding_of(about.error))
        if glance and glance.checked is not None and about and about.made_from == glance.made_from:
            own += glance.checked
        else:
            own += (*page.findings, *(about.findings if about else ()))
        found = dict.fromkeys(one for one in own if one.code not in self.settings.check.ignore)
        return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))

    def finding_of(self, error: NewsletterError) -> Finding:
        """An error as it stands among the findings, its file named as seen from the project."""
        where = self.named(error.where)
        return Finding("not-composed", Severity.ERROR, error.message, where, error.line, error.remedy)

    def named(self, where: str) -> str:
        """A file as seen from the project; one of the house style by its name, so that nothing tells of this machine."""
        path = Path(where)
        for folder in (self.settings.root, self.content.parent, house_folder()):
            if path.is_absolute() and path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return path.name if path.is_absolute() else where

    def _made_from(self, series: Series, page: Page) -> MadeFrom:
        return page, self._order(series)[1], self._generation

    def _order(self, series: Series) -> tuple[Series, tuple[str, ...], Mapping[str, str]]:
        """A series, its order, and for each page that has the title of another before it, that page: once per reading."""
        known = self._orders.get(series.name)
        if known is None or known[0] is not series:
            first: dict[str, str] = {}
            same = {page.id: at for page in series.mailable if (at := first.setdefault(page.title, page.id)) != page.id}
            known = self._orders[series.name] = (series, tuple(page.id for page in series.mailable), same)
        return known

    def _checker_of(self) -> tuple[Checker, tuple[int, tuple[str, ...]]]:
        """The checker for the settings and links of now, and what tells whether it is another."""
        everything = tuple(self.series.values())
        addresses = (self._generation, tuple(page.url for series in everything for page in series.mailable))
        if self._checker is None or self._checker[0] != addresses:
            self._checker = (addresses, Checker(self.settings, everything))
        return self._checker[1], addresses

    def composed_from(self, series: Series, page: Page, data: bytes) -> tuple[Page, Composed]:
        """The email of `page` as another version of its file (`data`) would give it. Raises ContentError."""
        with self._lock:
            other = parse_page(data, path=page.path, series=series.name)
            pages = tuple(other if known.id == page.id else known for known in series.pages)
            changed = replace(series, pages=pages)
            return other, self._compose(other, changed, (other, (), self._generation))

    def refresh(self, files: Iterable[Path]) -> Change:
        """Take notice of files that were saved, made or removed."""
        with self._lock:
            changed = {file.resolve() for file in files}
            if self.settings.file and self.settings.file.resolve() in changed:
                return self._start_over()
            content = {file for file in changed if file.is_relative_to(self.content.resolve())}
            pictures = {file for file in changed - content if file.is_relative_to(self.shelf.static.resolve())}
            if changed - content - pictures:
                self._generation += 1  # a template: everything looks different
                return Change(all=True)
            before = self.series
            if content:
                self._read_again({file.relative_to(self.content.resolve()).parts[0] for file in content})
                self._forget()
            return Change(tuple(sorted({*self._differing(before), *self._showing(pictures | content)})))

    def _forget(self) -> None:
        """Let go of pages that are no more."""
        there = {f"{series.name}/{page.id}" for series in self.series.values() for page in series.pages}
        for kept in (self._composed, self._glances):
            for gone in [reference for reference in kept if reference not in there]:
                del kept[gone]
        paths = {page.path for series in self.series.values() for page in series.pages}
        paths |= {finding.path for series in self.series.values() for finding in series.broken}
        self._pages = {path: page for path, page in self._pages.items() if path in paths}

    def _start_over(self) -> Change:
        try:
            self.settings = self._settings()
        except NewsletterError as error:
            self.trouble = error
            return Change(all=True)
        self._generation += 1
        self._begin()
        self._read_all()
        return Change(all=True)

    def _settings(self) -> Settings:
        settings = self._load()
        self.trouble = None
        return replace(settings, site=replace(settings.site, content=self._content)) if self._content else settings

    def _begin(self) -> None:
        self._composer = Composer(self.settings)
        self.shelf = PictureShelf(self.settings)

    def _read_all(self) -> None:
        try:
            names = (self._only,) if self._only else list_series(self.content)
            self.series = {name: self._series(name) for name in names}
            self.trouble = None if isinstance(self.trouble, ContentError) else self.trouble
        except ContentError as error:  # the folder of a series has just been moved away
            self.trouble = error

    def _series(self, name: str) -> Series:
        return read_series(self.content, name, self._read, lang=self.settings.site.lang)

    def _read_again(self, names: set[str]) -> None:
        """Read the series with these names; all of them when one has come or gone."""
        try:
            if not names <= set(self.series) or isinstance(self.trouble, ContentError):
                raise ContentError("a series has come", where=self.content)
            self.series = {**self.series, **{name: self._series(name) for name in names}}
        except ContentError:
            self._pages.clear()
            self._read_all()

    def _read(self, file: Path, path: str, content: Path, series: str) -> Page:
        """`read_page`, remembered until the file changes."""
        try:
            status = file.stat()
        except OSError:
            return read_page(file, path, content, series)
        state = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._pages.get(path)
        if known is None or known[0] != state:
            try:
                known = (state, read_page(file, path, content, series))
            except ContentError as error:
                known = (state, error)
            self._pages[path] = known
        if isinstance(known[1], ContentError):
            raise known[1]
        return known[1]

    def _compose(self, page: Page, series: Series, made_from: MadeFrom) -> Composed:
        try:
            composition: Composition = self._composer.compose(page, series, trace=False)
        except MaterialError as error:
            where = error.where or page.path
            return Composed(
                None, (), type(error)(error.message, where=where, line=error.line, remedy=error.remedy), made_from
            )
        self.shelf.keep(composition)
        return Composed(composition.email, composition.findings, None, made_from)

    def _differing(self, before: Mapping[str, Series]) -> Iterable[str]:
        """Pages that were read anew, came or went, and all of a series whose order has changed."""
        for name in {*before, *self.series}:
            old = {page.id: page for page in before[name].pages} if name in before else {}
            new = {page.id: page for page in self.series[name].pages} if name in self.series else {}
            moved = list(old) != list(new)
            broken = (before[name].broken if name in before else ()) != (
                self.series[name].broken if name in self.series else ()
            )
            if broken:
                yield f"{name}/"
            for page_id in {*old, *new}:
                if moved or old.get(page_id) != new.get(page_id):
                    yield f"{name}/{page_id}"

    def _showing(self, pictures: Iterable[Path]) -> Iterable[str]:
        """Pages that name one of these pictures; their emails are dropped."""
        stems = {file.stem for file in pictures if file.suffix.lower() not in (".md", ".markdown")}
        for series in self.series.values():
            for page in series.pages:
                if any(stem in page.source for stem in stems):
                    self._composed.pop(f"{series.name}/{page.id}", None)
                    self._glances.pop(f"{series.name}/{page.id}", None)
                    yield f"{series.name}/{page.id}"
