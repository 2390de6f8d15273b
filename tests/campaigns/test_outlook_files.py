"""The chart of a simulation."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from newsletter.campaigns.outlook_files import to_html


def test_drawing_a_chart_changes_nothing_for_the_imports_of_others() -> None:
    """pygal puts a finder into `sys.meta_path` that Python 3.12 no longer knows how to ask."""
    before = list(sys.meta_path)
    assert "<svg" in to_html("unions", {datetime(2026, 3, 1, 9, tzinfo=UTC): 3}, 10, ())
    assert [finder for finder in sys.meta_path if finder not in before and not hasattr(finder, "find_spec")] == []
