"""Pages made ready without files: what `prepare` would hand to `apply`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from newsletter.campaigns.definition import Definition
from newsletter.campaigns.definition_file import Source, definition_from
from newsletter.compose.email import Email
from newsletter.config import Settings
from newsletter.scheduler.prepared import Prepared, PreparedPage

HERE = Settings(root=Path("/nowhere"))


def page(page_id: str, words: str = "", wish: str = "") -> PreparedPage:
    email = Email("course", page_id, page_id, page_id, "", f"<p>{words or page_id}</p>", words or page_id, "en", "ltr")
    return PreparedPage(page_id, f"Page {page_id}", f"course/{page_id}.md", email, wish)


def ready(pages: str, definition: Definition | None = None, **changes: object) -> Prepared:
    definition = definition or definition_from(
        {"series": "course", "cadence": {"every": "3d", "at": "09:00", "default_zone": "UTC"}}, Source("test")
    )
    prepared = Prepared("course", definition, tuple(page(each) for each in pages), (), (), (), (), "")
    return replace(prepared, **changes)  # type: ignore[arg-type]
