"""The chart of a simulation."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from newsletter.campaigns.outlook_files import to_html
from newsletter.campaigns.volume import jams
from tests.browser import chromium

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_drawing_a_chart_changes_nothing_for_the_imports_of_others() -> None:
    """pygal puts a finder into `sys.meta_path` that Python 3.12 no longer knows how to ask."""
    before = list(sys.meta_path)
    assert "<svg" in to_html("unions", {NINE: 3}, 10, ())
    assert [finder for finder in sys.meta_path if finder not in before and not hasattr(finder, "find_spec")] == []


def test_the_chart_counts_in_words() -> None:
    assert "1 mail in 1 busy hour;" in to_html("unions", {NINE: 1}, 0, ())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chart_can_be_read_on_a_phone_in_light_and_dark(scheme: str, tmp_path: Path) -> None:
    hours = {NINE + timedelta(hours=number): 100 * number + 1 for number in range(40)}
    (tmp_path / "chart.html").write_text(to_html("unions", hours, 2000, list(jams(hours, 2000))), encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 375, "height": 700}, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto((tmp_path / "chart.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        smallest = "Math.min(...[...document.querySelectorAll('svg .axis text')].map(each => each.getBoundingClientRect().height))"
        assert page.evaluate(smallest) >= 9, "a label is too small to read"
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
