"""What became of a page on the workbench: its email or error, and what the timeline tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from newsletter.compose.email import Email
from newsletter.content.page import Page
from newsletter.errors import MaterialError
from newsletter.finding import Finding, Severity

MadeFrom: TypeAlias = tuple[Page, tuple[str, ...], int]
"""The page, the order of its series, and the number of the settings and templates: while they stay, so does an email."""


@dataclass(frozen=True)
class Composed:
    """What became of a page: an email, or the error that prevented it. `made_from` tells whether it is still good."""

    email: Email | None
    findings: tuple[Finding, ...]
    error: MaterialError | None
    made_from: MadeFrom


@dataclass(frozen=True)
class Glance:
    """What the timeline tells of a page: kept for every page, when its email has long made room for others.

    `subject` and `preheader` are templates still, `size` counts the bytes of the HTML. `checked` holds what
    `newsletter check` finds, None while it has not been asked, `known` what it knew of the other pages.
    """

    made_from: MadeFrom
    subject: str
    preheader: str
    size: int | None
    findings: tuple[Finding, ...]
    checked: tuple[Finding, ...] | None = None
    known: object = None

    @property
    def failed(self) -> bool:
        """Whether there is no email."""
        return self.size is None


def glance_of(composed: Composed) -> Glance:
    """What the timeline tells of a page that has just been composed."""
    email, error = composed.email, composed.error
    if email is None:
        broken = Finding("not-composed", Severity.ERROR, error.message if error else "")
        return Glance(composed.made_from, "", "", None, (*composed.findings, broken))
    return Glance(composed.made_from, email.subject, email.preheader, len(email.html.encode()), composed.findings)
