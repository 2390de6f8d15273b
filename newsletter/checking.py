"""Checking many pages on two cores: half of them in this process, half in a copy of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection

from newsletter.check.checker import CheckedPage, CheckedSeries, Checker
from newsletter.check.mail import Mail
from newsletter.content.page import Series
from newsletter.errors import ServiceError
from newsletter.finding import Finding

FEW = 30
"""Pages below which a second process costs more than it saves."""

Half = list[tuple[tuple[Finding, ...], Mapping[str, tuple[tuple[Finding, ...], Mail | None]]]]
"""For each series its findings, and those of each page by id, with its mail."""


def check_all(checker: Checker, chosen: Sequence[Series], now: datetime) -> list[CheckedSeries]:
    """What `checker` finds in each series. Raises DataError for a file of readers that can't be read to its end."""
    # Elsewhere a process can't be copied (Windows), or not safely once a library has made threads (macOS).
    if sys.platform != "linux" or sum(len(series.mailable) for series in chosen) < FEW:
        return checker.check(chosen, now)
    context = get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    copy = context.Process(target=_send_half, args=(sending, checker, chosen, now), daemon=True)
    copy.start()
    sending.close()
    ours = _half(checker, chosen, now, 0)
    try:
        theirs: Half = receiving.recv()
    except EOFError as error:
        raise ServiceError("the second process of the check ended early", remedy="Is there enough memory?") from error
    copy.join()
    return [_joined(series, *halves) for series, *halves in zip(chosen, ours, theirs, strict=True)]


def _send_half(sending: Connection, checker: Checker, chosen: Sequence[Series], now: datetime) -> None:
    sending.send(_half(checker, chosen, now, 1))


def _half(checker: Checker, chosen: Sequence[Series], now: datetime, first: int) -> Half:
    """Every second page, so that both halves hold long and short ones."""
    only = {(series.name, page.id) for series in chosen for page in series.mailable[first::2]}
    checked = checker.check(chosen, now, only)
    return [(one.findings, {page.page.id: (page.findings, page.mail) for page in one.pages}) for one in checked]


def _joined(
    series: Series, *halves: tuple[tuple[Finding, ...], Mapping[str, tuple[tuple[Finding, ...], Mail | None]]]
) -> CheckedSeries:
    pages = {page_id: found for _, by_page in halves for page_id, found in by_page.items()}
    findings = dict.fromkeys(finding for of_series, _ in halves for finding in of_series)
    return CheckedSeries(series, tuple(findings), tuple(CheckedPage(page, *pages[page.id]) for page in series.mailable))
