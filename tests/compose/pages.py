"""Pages made by hand, of the form that the content room makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from newsletter.config import Settings
from newsletter.content.page import Footer, Hero, Link, LinkedPicture, Page, Picture, Series

FOOTER = Footer(
    LinkedPicture("https://unions.workdojos.com", Picture("/uploads/dash.png", line=20)),
    LinkedPicture("https://captains.workdojos.com", Picture("/uploads/random.png", line=26)),
)


def settings(root: Path, **sections: dict[str, Any]) -> Settings:
    """Settings of a project in `root`, with sections changed: `settings(tmp_path, web={"url": "…"})`."""
    plain = Settings(root=root)
    plain = replace(plain, web=replace(plain.web, url="https://letters.example"))
    return replace(plain, **{name: replace(getattr(plain, name), **values) for name, values in sections.items()})


def page(article: str = '<p data-line="9">Boats float.</p>', **fields: Any) -> Page:
    """A page of the series `captains`; every field can be given."""
    values: dict[str, Any] = {
        "id": "knots",
        "series": "captains",
        "slug": "knots",
        "path": "captains/knots.md",
        "title": "Nine knots that hold",
        "article": article,
        "include_footer": True,
        "hero": Hero(Picture("/uploads/harbour.jpg", "A harbour", fraction=1.0, line=7), "The harbour at dawn."),
        "next": Link("https://workdojos.com/captains/anchors", "anchors", 15),
        "footer": FOOTER,
        "keys": {"title": 2},
    }
    return Page(**(values | fields))


def series(*pages: Page) -> Series:
    """A series of these pages."""
    return Series("captains", "Captains", pages)
