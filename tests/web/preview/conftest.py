"""A running preview of the small project, and a browser to look at it; both serve all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from newsletter.web.preview.app import create_preview
from newsletter.web.serving import bind, serving
from tests.browser import chromium
from tests.web.preview.project import commit, desk_of, make_project, write


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a live preview of the project in `folder`."""
    desk = desk_of(folder)
    with serving(create_preview(desk), bind("127.0.0.1", 0)) as address, desk.live():
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def shown_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that tests look at but don't change; its pages have an older version in git."""
    folder = make_project(tmp_path_factory.mktemp("project").resolve())
    write(folder, "content/unions/broken.md", "---\ntitle: [never closed\n---\nText.\n")
    commit(folder, "Older")
    write(folder, "content/unions/last.md", "---\ntitle: Last\nweight: 4\ndelay: 1w\n---\nThe very end.\n")
    commit(folder, "Newer")
    return folder


@pytest.fixture(scope="session")
def address(shown_project: Path) -> Iterator[str]:
    with running(shown_project) as address:
        yield address


@pytest.fixture
def screen(browser: Browser) -> Iterator[Page]:
    """A tab that fails the test when the page's own scripts do, or when anything asks for the world outside."""
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    troubles: list[str] = []
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on(
        "request",
        lambda request: (
            troubles.append(request.url) if not request.url.startswith(("http://127.0.0.1", "data:", "file:")) else None
        ),
    )
    tab.set_default_timeout(10_000)
    yield tab
    tab.close()
    assert troubles == []
