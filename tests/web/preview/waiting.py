"""Waiting for the screen to become what is expected.

Playwright's own `wait_for_function` asks the page to evaluate text, which the preview's policy forbids.
"""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

SECONDS = 10.0


def wait_until(screen: Page, expression: str, *, arg: Any = None) -> None:
    """Wait until `expression` (or a function of `arg`) is true in the page."""
    deadline = time.monotonic() + SECONDS
    while not screen.evaluate(expression, arg):
        assert time.monotonic() < deadline, f"not within {SECONDS:.0f} s: {expression}"
        screen.wait_for_timeout(20)
