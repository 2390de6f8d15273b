"""Pages → reading order: `_index` first, then along the `next:` links; what no chain reaches follows."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from newsletter.content.page import Page
from newsletter.content.page_file import EXTENSIONS
from newsletter.finding import Finding, Severity

LAST = datetime.max.replace(tzinfo=UTC)
UNREACHED_SHOWN = 3
"""Stretches that no chain reaches, each with a warning of its own; more of them are one for the series."""


class Links:
    """Finds the page of a series a link leads to: by file, slug, id, url, or any address that ends in series/slug."""

    def __init__(self, series: str, pages: Iterable[Page]) -> None:
        self.series = series.lower()
        self._by_path: dict[str, Page] = {}
        self._by_name: dict[str, Page] = {}
        for page in pages:
            stem = _stem(page.path)
            for path in (
                page.url,
                stem,
                f"{series}/{page.slug}",
                posixpath.join(posixpath.dirname(page.path), page.slug),
            ):
                self._by_path.setdefault(_plain(urlsplit(path).path), page)
            if page.slug == "_index":
                self._by_path.setdefault(self.series, page)
            for name in (page.slug, page.id, posixpath.basename(stem), page.title):
                self._by_name.setdefault(name.lower(), page)

    def resolve(self, href: str, source: Page) -> Page | None:
        """The page `href` in `source` leads to; None when it leads to none of this series."""
        try:
            parts = urlsplit(href.strip())
        except ValueError:
            return None
        path = _plain(parts.path)
        if not (parts.netloc or parts.path):
            return None
        if parts.netloc:
            return self._absolute(path, (parts.hostname or "").lower())
        if parts.scheme:
            return None
        if parts.path.startswith("/"):
            return self._absolute(path, "")
        folder = posixpath.dirname(source.path)
        candidates = (
            path,
            _plain(posixpath.join(folder, parts.path)),
            _plain(posixpath.join(_stem(source.path), parts.path)),
        )
        found = next((self._by_path[candidate] for candidate in candidates if candidate in self._by_path), None)
        return found or self._by_name.get(path) or self._by_name.get(unquote(href).strip().lower())

    def _absolute(self, path: str, host: str) -> Page | None:
        """On a host of its own (`unions.workdojos.com/learning`) a series needs no folder."""
        segments = path.split("/")
        candidates = [path, "/".join(segments[-2:]), segments[-1] if segments[-1] == self.series else ""]
        if host.split(".")[0] == self.series:
            candidates.append(f"{self.series}/{path}" if path else self.series)
        return next((self._by_path[candidate] for candidate in candidates if candidate in self._by_path), None)


def _stem(path: str) -> str:
    stem, extension = posixpath.splitext(path)
    return stem if extension.lower() in EXTENSIONS else path


def _plain(path: str) -> str:
    """A path in the form it is looked up by: `/Unions/learning.md` → `unions/learning`."""
    path = _stem(posixpath.normpath(unquote(path).strip("/ "))).lower()
    folder, _, name = path.rpartition("/")
    if name in ("index", "_index"):
        path = folder or name
    return "" if path == "." else path.removeprefix("../")


def put_in_order(
    series: str, pages: Sequence[Page], broken: Sequence[Finding] = ()
) -> tuple[tuple[Page, ...], tuple[Finding, ...]]:
    """The pages in reading order, drafts in their place, with what is wrong with the order.

    A cycle is an error that names its files; a `next` that leads to no page of the series and a page that no
    chain reaches are warnings, and such pages follow behind the chain.
    """
    links = Links(series, pages)
    ranked = sorted(pages, key=_rank)
    findings: list[Finding] = []
    following: dict[str, Page] = {}
    for page in ranked:
        if page.next is None:
            continue
        target = links.resolve(page.next.href, page)
        if target is None:
            findings.append(_leads_nowhere(page, series, broken))
        else:
            following[page.id] = target
    findings.extend(_cycles(ranked, following))
    reached = {target.id for source, target in following.items() if target.id != source}
    starts = [page for page in ranked if page.slug == "_index"] or [page for page in ranked if page.next][:1]
    heads = [page for page in ranked if page.id not in reached]
    chained = any(page.next for page in pages)
    ordered: dict[str, Page] = {}
    unreached: list[Finding] = []
    for number, head in enumerate([*_first(starts, heads), *heads, *ranked]):
        if head.id in ordered:
            continue
        chain = _chain(head, following, ordered)
        if number and chained:
            unreached.extend(_not_reached(chain, ordered))
        ordered.update((page.id, page) for page in chain)
    findings.extend(unreached if len(unreached) <= UNREACHED_SHOWN else [_mostly_unchained(unreached)])
    return tuple(_lead_on(page, following) for page in ordered.values()), tuple(findings)


def _lead_on(page: Page, following: Mapping[str, Page]) -> Page:
    """The page with its `next` leading where a reader can go: past drafts, which the site does not show, by address."""
    target = following.get(page.id)
    if page.next is None or target is None:
        return page
    seen = {page.id}
    while target is not None and target.draft and target.id not in seen:
        seen.add(target.id)
        target = following.get(target.id)
    if target is None or target.draft:
        return replace(page, next=None)
    if target is following[page.id]:
        href = page.next.href if urlsplit(page.next.href).netloc else target.url
        return replace(page, next=replace(page.next, href=href, text=page.next.text or target.title))
    return replace(page, next=replace(page.next, href=target.url, text=target.title))


def _first(starts: Sequence[Page], heads: Sequence[Page]) -> list[Page]:
    """Where the series begins: `_index`, else the first page that others do not lead to and that leads on."""
    if starts and starts[0].slug == "_index":
        return [starts[0]]
    return [page for page in heads if page.next][:1] or list(starts[:1])


def _rank(page: Page) -> tuple[bool, bool, int, datetime, str]:
    weight = page.weight or None
    return (page.slug != "_index", weight is None, weight or 0, page.date or LAST, page.path)


def _chain(head: Page, following: Mapping[str, Page], placed: Mapping[str, Page]) -> list[Page]:
    chain: dict[str, Page] = {}
    page: Page | None = head
    while page is not None and page.id not in chain and page.id not in placed:
        chain[page.id] = page
        page = following.get(page.id)
    return list(chain.values())


def _cycles(pages: Sequence[Page], following: Mapping[str, Page]) -> list[Finding]:
    findings = []
    done: set[str] = set()
    for start in pages:
        trail = _chain(start, following, {})
        back = following.get(trail[-1].id)
        if back is not None and back.id not in done and not done & {page.id for page in trail}:
            ring = trail[[page.id for page in trail].index(back.id) :]
            names = " → ".join(page.path for page in [*ring, ring[0]])
            last = ring[-1]
            findings.append(
                Finding(
                    "next-cycle",
                    Severity.ERROR,
                    f"The `next` links go round in a circle: {names}.",
                    last.path,
                    last.next.line if last.next else None,
                    "Remove the `next` link of the last page.",
                )
            )
        done.update(page.id for page in trail)
    return findings


def _leads_nowhere(page: Page, series: str, broken: Sequence[Finding]) -> Finding:
    assert page.next is not None
    name = _plain(page.next.href.partition("?")[0].partition("#")[0]).rpartition("/")[2]
    unread = next((finding for finding in broken if name and name in _stem(finding.path).lower().split("/")), None)
    if unread:
        reason, remedy = f"{unread.path}, which can't be read", "Mend that page first."
    else:
        reason, remedy = f"no page of {series!r}", "Write the page, or mend or remove the link."
    return Finding(
        "next-broken",
        Severity.WARNING,
        f"`next` leads to {page.next.href}: {reason}.",
        page.path,
        page.next.line,
        remedy,
    )


def _not_reached(chain: Sequence[Page], ordered: Mapping[str, Page]) -> list[Finding]:
    """One warning for the head of a stretch: the pages behind it are reached once it is. Drafts are not missed."""
    head = next((page for page in chain if not page.draft), None)
    if head is None:
        return []
    behind = len([page for page in chain if not page.draft]) - 1
    more = f" (nor the {behind} behind it)" if behind else ""
    after = list(ordered.values())[-1].path if ordered else ""
    return [
        Finding(
            "page-unreached",
            Severity.WARNING,
            f"No `next` link leads to this page{more}, so it follows after {after}.",
            head.path,
            head.keys.get("title", 1),
            "Link to it from the page that comes before it.",
        )
    ]


def _mostly_unchained(unreached: Sequence[Finding]) -> Finding:
    """One warning for the series: the same words for each of forty pages would hide every other finding."""
    first = unreached[0]
    names = ", ".join(finding.path for finding in unreached[:UNREACHED_SHOWN])
    return Finding(
        "page-unreached",
        Severity.WARNING,
        f"No `next` link leads to {len(unreached)} pages ({names}, …), so they follow by weight, date and name.",
        first.path,
        first.line,
        "Link each page to the one after it, or remove the few `next` links and order all by `weight`.",
    )
