"""Small projects to be checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from newsletter.check.checker import CheckedSeries, Checker
from newsletter.check.merging import GivenReader, GivenReaders
from newsletter.config import CheckSettings, SenderSettings, Settings, SiteSettings, WebSettings
from newsletter.content.reader import list_series, read_series
from newsletter.subscriber import Subscriber

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def settings(root: Path, check: CheckSettings | None = None) -> Settings:
    """Settings of a project that has everything a sender needs."""
    return Settings(
        root=root,
        site=SiteSettings(base_url="https://site.example"),
        sender=SenderSettings(address="letters@union.org", postal_address="1 Example Street"),
        web=WebSettings(url="https://mail.union.org"),
        check=check or CheckSettings(),
    )


def write(root: Path, **pages: str) -> None:
    """Write pages of the series `boats`; a text that does not begin with --- is a body."""
    folder = root / "content" / "boats"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        whole = text if text.startswith("---") else f"---\ntitle: The page {name}\n---\n{text}\n"
        (folder / f"{name}.md").write_text(whole, encoding="utf-8")


def check(root: Path, given: Settings | None = None, readers: Sequence[Subscriber] = ()) -> CheckedSeries:
    """Check the series `boats`."""
    content = root / "content"
    everything = [read_series(content, name) for name in list_series(content)]
    rows = [GivenReader(row, reader) for row, reader in enumerate(readers, start=2)]
    checker = Checker(given or settings(root), everything, GivenReaders("people.csv", lambda: rows))
    checked = checker.check(everything[:1], NOW)[0]
    return replace(checked, findings=tuple(one for one in checked.findings if one.code != "dkim-missing"))


def found(checked: CheckedSeries) -> list[tuple[str, str, int | None]]:
    """Code, file and line of each finding."""
    return [(one.code, one.path.removeprefix("boats/"), one.line) for one in checked.all_findings]
