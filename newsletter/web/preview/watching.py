"""From a saved file to the browsers that look at it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from watchfiles import BaseFilter, Change, watch

DEBOUNCE_MS = 40
STEP_MS = 4
"""watchfiles waits `step` after the last change of a burst, `debounce` at most. Its usual 50 and 1600 suit servers that
restart; a person waits for these. An editor's save (write, rename) is over within a step."""

LOOK_AGAIN_MS = 500
"""How often a watcher looks whether it shall stop."""

READ_BEFORE_SECONDS = 5.0
"""A preview may have read a file so long before it begins to watch; one that was saved in between is read again."""

WARM_AFTER_SECONDS = 0.4
"""The page on the screen is composed first; the other pages of the timeline wait this long."""

PASSING = ("~", ".swp", ".swx", ".tmp", ".part", ".crswap")
"""Endings of files that editors write beside the one being edited."""


class Savings(BaseFilter):
    """Lets through what authors save."""

    def __call__(self, change: Change, path: str) -> bool:
        name = path.rpartition("/")[2]
        return not name.startswith((".", "#")) and not name.endswith(PASSING) and "/.git/" not in path


class Announcer:
    """Tells every open browser what has changed. A browser that is slow gets what it missed in one piece."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_closed = False
        self.count = 0
        """How often something was announced: a browser that begins to listen sees whether it has missed anything."""
        self._mailboxes: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Event, dict[str, object]]] = {}

    def announce(self, pages: Iterable[str] = (), *, everything: bool = False, rows: bool = False) -> None:
        """`pages` look different; `everything` does; the `rows` of the timeline are complete. From any thread."""
        with self._lock:
            self.count += 1
            for loop, waiting, news in self._mailboxes.values():
                known = news.setdefault("pages", {})
                assert isinstance(known, dict)
                known.update(dict.fromkeys(pages))
                news["all"] = bool(news.get("all")) or everything
                news["rows"] = bool(news.get("rows")) or rows
                with suppress(RuntimeError):  # the browser's loop has just been closed
                    loop.call_soon_threadsafe(waiting.set)

    def close(self) -> None:
        """Let every browser go: a server waits for its open connections before it ends."""
        self.is_closed = True
        self.announce()

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], Awaitable[dict[str, object] | None]]]:
        """Within the block, the answer awaits (at most so many seconds) and takes what has changed."""
        waiting, news = asyncio.Event(), dict[str, object]()
        key = id(waiting)
        with self._lock:
            self._mailboxes[key] = (asyncio.get_running_loop(), waiting, news)

        async def take(seconds: float) -> dict[str, object] | None:
            try:
                await asyncio.wait_for(waiting.wait(), seconds)
            except TimeoutError:
                return None
            with self._lock:
                waiting.clear()
                taken = {**news, "pages": list(news.get("pages", {})), "count": self.count}  # type: ignore[call-overload]
                news.clear()
            return taken

        try:
            yield take
        finally:
            with self._lock:
                del self._mailboxes[key]

    def __len__(self) -> int:
        return len(self._mailboxes)


@contextmanager
def watching(
    root: Path,
    folders: Callable[[], Iterable[Path]],
    files: Callable[[], Iterable[Path]],
    saved: Callable[[set[Path]], object],
) -> Iterator[None]:
    """While the block runs, call `saved` with the files of `folders` (and below) and `files` (beside `root`) that change.

    The folders are asked for again whenever something in `root` changes: one may have been made, or the settings
    may name others.
    """
    stop, again = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=_watch_folders, args=(folders, saved, stop, again), name="watch folders", daemon=True),
        threading.Thread(target=_watch_root, args=(root, files, saved, stop, again), name="watch root", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        again.set()
        for thread in threads:
            thread.join(2)


def _watch_folders(
    folders: Callable[[], Iterable[Path]],
    saved: Callable[[set[Path]], object],
    stop: threading.Event,
    again: threading.Event,
) -> None:
    """Watch the folders there are, with all below them, until `stop`; look which there are when told to, `again`."""
    watched: set[Path] = set()
    since = time.time() - READ_BEFORE_SECONDS
    while not stop.is_set():
        again.clear()
        known = {folder.resolve() for folder in folders() if folder.is_dir()}
        come, watched = known - watched, known
        if not known:
            again.wait(1)
            continue
        for changed in _changes(*_outermost(known), stop=_Either(stop, again), ticks=True):
            # What a folder already held when it began to be watched was never reported as saved.
            held = {file for folder in come for file in folder.rglob("*") if _is_newer(file, since)}
            come, since = set(), 0.0
            if changed or held:
                saved(held | changed)


def _is_newer(file: Path, since: float) -> bool:
    try:
        return file.is_file() and file.stat().st_mtime > since
    except OSError:  # it has just gone
        return False


def _watch_root(
    root: Path,
    files: Callable[[], Iterable[Path]],
    saved: Callable[[set[Path]], object],
    stop: threading.Event,
    again: threading.Event,
) -> None:
    """Watch the files beside `root` that count, and whether a folder comes or goes there."""
    for changed in _changes(root, stop=stop, recursive=False):
        named = {file for file in files() if file.resolve() in changed or file in changed}
        if named:
            saved(named)
        if named or any(path.is_dir() for path in changed):
            again.set()


def _changes(
    *folders: Path, stop: threading.Event | _Either, recursive: bool = True, ticks: bool = False
) -> Iterator[set[Path]]:
    """The files of each burst of saves; with `ticks`, now and then an empty set too."""
    for changes in watch(
        *folders,
        watch_filter=Savings(),
        debounce=DEBOUNCE_MS,
        step=STEP_MS,
        rust_timeout=LOOK_AGAIN_MS,
        stop_event=stop,
        yield_on_timeout=ticks,
        recursive=recursive,
    ):
        yield {Path(path) for _, path in changes}


class _Either:
    """An event that is set when either of two is."""

    def __init__(self, *events: threading.Event) -> None:
        self._events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._events)


def _outermost(folders: set[Path]) -> list[Path]:
    """`folders` without those that lie in another: they would be reported twice."""
    return sorted(folder for folder in folders if not any(folder.is_relative_to(other) for other in folders - {folder}))
