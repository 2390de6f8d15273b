"""axe-core finds nothing to object to in the preview's own pages, in light and dark, wide and narrow."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.preview.waiting import wait_until

VIEWS = (
    "",
    "?page=unions/learning&width=375&scheme=dark",
    "?page=unions/_index&view=text",
    "?page=unions/_index&view=source",
    "?page=unions/_index&view=message",
    "?page=unions/unions/broken.md",
    "?page=unions/last&version=HEAD~1",
)


def violations(screen: Page) -> list[str]:
    """What axe-core objects to outside the mails, whose own rules are those of `newsletter check`."""
    found = Axe().run(screen, context={"exclude": [["iframe"]]})
    return [f"{one['id']}: {[node['target'] for node in one['nodes']][:4]}" for one in found.response["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_view_is_accessible(screen: Page, address: str, scheme: str) -> None:
    screen.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    for view in VIEWS if scheme == "light" else VIEWS[3:]:
        screen.goto(f"{address}/{view}")
        expect(screen.locator(".timeline li").first).to_be_visible()
        wait_until(screen, "document.querySelector('.overview') || document.querySelector('.panel:not([hidden])')")
        assert violations(screen) == [], view


@pytest.mark.parametrize("width", [1024, 390])
def test_narrow_windows_are_accessible_and_nothing_sticks_out(screen: Page, address: str, width: int) -> None:
    screen.set_viewport_size({"width": width, "height": 800})
    for view in VIEWS[:1] + VIEWS[3:5]:
        screen.goto(f"{address}/{view}")
        expect(screen.locator(".timeline li").first).to_be_visible()
        assert violations(screen) == []
        assert screen.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


def test_the_help_sheet_is_accessible(screen: Page, address: str) -> None:
    screen.goto(address)
    screen.get_by_role("button", name="Keyboard shortcuts").click()
    assert violations(screen) == []
