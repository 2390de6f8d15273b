"""A save reaches the browser, whatever way an editor saves; what passes by is not taken for one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx
import pytest
from watchfiles import Change

from newsletter.web.preview.app import create_preview
from newsletter.web.preview.watching import Savings
from newsletter.web.serving import bind, serving
from tests.web.preview.project import PAGES, desk_of, make_project, write

LAST = "content/unions/last.md"
SECONDS = 10.0


class Listener:
    """What a browser is told."""

    def __init__(self, address: str) -> None:
        self._news: Queue[dict[str, Any]] = Queue()
        self._thread = threading.Thread(target=self._listen, args=(f"{address}/events",), daemon=True)
        self._thread.start()

    def _listen(self, address: str) -> None:
        with httpx.stream("GET", address, timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    self._news.put(json.loads(line.removeprefix("data: ")))

    def hears(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = SECONDS) -> bool:
        """Whether news of this kind comes."""
        try:
            while not wanted(self._news.get(timeout=seconds)):
                pass
        except Empty:
            return False
        return True


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path.resolve())


@pytest.fixture
def listener(project: Path) -> Iterator[Listener]:
    desk = desk_of(project)
    with serving(create_preview(desk), bind("127.0.0.1", 0)) as address, desk.live():
        listener = Listener(address)
        assert listener.hears(lambda news: bool(news.get("rows"))), "the rows are never complete"
        yield listener


def of(page: str) -> Callable[[dict[str, Any]], bool]:
    return lambda news: page in news["pages"]


def everything(news: dict[str, Any]) -> bool:
    return bool(news["all"])


def test_a_save_in_place_is_told(listener: Listener, project: Path) -> None:
    write(project, LAST, PAGES["unions/last.md"] + "More.\n")
    assert listener.hears(of("unions/last"))


def test_a_save_by_renaming_is_told(listener: Listener, project: Path) -> None:
    beside = write(project, "content/unions/.last.md.swp", PAGES["unions/last.md"] + "More.\n")
    beside.rename(project / LAST)
    assert listener.hears(of("unions/last"))


def test_a_file_that_goes_and_a_series_that_comes_are_told(listener: Listener, project: Path) -> None:
    (project / LAST).unlink()
    assert listener.hears(of("unions/last"))
    write(project, "content/fresh/one.md", "---\ntitle: One\n---\nHello.\n")
    assert listener.hears(of("fresh/one"))


def test_settings_templates_pictures_and_examples_are_told(listener: Listener, project: Path) -> None:
    write(project, "templates/email.txt.j2", "{{ title }}")
    assert listener.hears(everything)
    (project / "static/uploads/red.png").write_bytes((project / "static/uploads/red.png").read_bytes())
    assert listener.hears(of("unions/_index"))
    write(project, "newsletter.toml", (project / "newsletter.toml").read_text() + "# changed\n")
    assert listener.hears(everything)
    write(project, "subscribers.example.csv", "email,name\nzoe@acme.example,Zoe\n")
    assert listener.hears(everything)


def test_a_folder_made_while_it_runs_is_watched(listener: Listener, project: Path) -> None:
    write(project, "campaigns/slow.toml", 'series = "unions"\n[cadence]\nevery = "2w"\n')
    assert listener.hears(everything)
    write(project, "campaigns/quick.toml", 'series = "unions"\n[cadence]\nevery = "1d"\n')
    assert listener.hears(everything)


@pytest.mark.parametrize("name", [".last.md.swp", "last.md~", "#last.md#", ".#last.md", "4913.tmp", "x.part"])
def test_what_editors_leave_beside_a_file_is_not_a_save(name: str) -> None:
    assert not Savings()(Change.added, f"/project/content/unions/{name}")


def test_gits_own_files_are_not_saves() -> None:
    assert not Savings()(Change.modified, "/project/.git/index")
    assert Savings()(Change.modified, "/project/content/unions/last.md")


def test_what_is_saved_after_it_was_read_and_before_it_is_watched_is_not_missed(project: Path) -> None:
    desk = desk_of(project)
    with serving(create_preview(desk), bind("127.0.0.1", 0)) as address:
        assert "The end." in httpx.get(f"{address}/data/page?page=unions/last").text
        write(project, LAST, (project / LAST).read_text().replace("The end", "Another end"))
        with desk.live():
            assert Listener(address).hears(lambda news: "unions/last" in news.get("pages", ()))
            assert "Another end." in httpx.get(f"{address}/data/page?page=unions/last").text
