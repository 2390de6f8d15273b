"""What `prepare` makes of a campaign and its series. Apart from it, so that who pauses a campaign need not load what
composes mails: that took a second."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.campaigns.definition import Definition
from newsletter.compose.counted_links import CountedLink
from newsletter.compose.email import Composition, Email
from newsletter.finding import Finding


@dataclass(frozen=True)
class PreparedPage:
    """A page that may be sent. `wish` is its own `delay` or `send_on`, as text; `links` are those that count clicks."""

    page_id: str
    title: str
    path: str
    email: Email
    wish: str
    links: tuple[CountedLink, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A campaign ready to be compared with the database. `drafts` are held back; `broken` files can't be read."""

    name: str
    definition: Definition
    pages: tuple[PreparedPage, ...]
    drafts: tuple[str, ...]
    broken: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    compositions: tuple[Composition, ...]
    git_revision: str
