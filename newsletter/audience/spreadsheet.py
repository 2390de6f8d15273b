"""CSV files that a spreadsheet opens without running anything."""

from __future__ import annotations

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: str) -> str:
    """`cell`, with a `'` before it if a spreadsheet would take it for a formula (OWASP, CSV injection).

    A subscriber's name is written by the subscriber: `=HYPERLINK(…)` must not run on the operator's machine.
    """
    return f"'{cell}" if cell.startswith(_STARTS_FORMULA) else cell


def unsafe(cell: str) -> str:
    """What `safe` was given: an export of ours imports as it was."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_STARTS_FORMULA) else cell
