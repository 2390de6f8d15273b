"""`preview --png`: pictures of every page by the Chromium of this machine, and a clear word without one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from newsletter.errors import MissingToolError
from newsletter.web.preview.chromium import NAMES
from newsletter.web.preview.screenshots import photograph
from tests.web.preview.project import desk_of, make_project, write


@pytest.fixture
def _browser_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that Playwright brought is none yet."""
    if not any(map(shutil.which, NAMES)):
        with sync_playwright() as playwright:
            (tmp_path / "chromium").symlink_to(playwright.chromium.executable_path)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.usefixtures("_browser_is_a_command")
def test_each_page_is_pictured_as_phone_and_desktop_show_it(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    for name in ("learning", "last"):
        (project / f"content/unions/{name}.md").unlink()
    write(project, "content/letters/torn.md", "---\ntitle: [\n---\n")
    taken = list(photograph(desk_of(project), tmp_path / "shots"))
    shots = {file.relative_to(tmp_path / "shots").as_posix(): Image.open(file).convert("RGB") for file in taken}
    assert set(shots) == {
        f"{stem}-{view}.png"
        for stem in ("letters/01-first", "unions/01-_index", "unions/02-unfinished")
        for view in ("phone", "desktop")
    }
    assert shots["unions/01-_index-phone.png"].width == 375
    assert shots["unions/01-_index-desktop.png"].width == 700
    for view in ("phone", "desktop"):
        colours = [colour for _, colour in shots[f"unions/01-_index-{view}.png"].getcolors(1 << 24) or []]
        assert (255, 0, 0) in colours or (254, 0, 0) in colours, "the author's picture is not shown"


def test_without_chromium_the_command_to_install_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError) as caught:
        list(photograph(desk_of(project), tmp_path / "shots"))
    assert "apt install chromium" in caught.value.remedy
