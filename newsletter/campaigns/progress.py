"""A reader's progress: a set of page ids, never a position.

`behind` is the set of ids that have a delivery for this reader: sent, under way, failed, or passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet


def next_page(order: Sequence[str], behind: AbstractSet[str]) -> str | None:
    """The page this reader gets next: the first in the order in force that is not behind them; None: all are."""
    return next((page_id for page_id in order if page_id not in behind), None)


def passed_over(inserted: Iterable[str], order: Sequence[str], behind: AbstractSet[str]) -> set[str]:
    """Which of the pages `inserted` into `order` this reader never gets, because they stand before one they have had.

    A page that was there all along and is moved before it is not passed over: a reorder changes only what comes next.
    """
    furthest = max((position for position, page_id in enumerate(order) if page_id in behind), default=-1)
    return {page_id for page_id in inserted if page_id not in behind and order.index(page_id) < furthest}
