"""Pictures of the mails, taken by headless Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from newsletter.web.preview.chromium import Chromium
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.export import pictures_as_files

WIDTHS = {"phone": 375, "desktop": 700}
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src file: data:; '
    "style-src 'unsafe-inline'\">"
)
"""A photographed mail loads nothing from outside and runs nothing, like a previewed one."""


def photograph(desk: Desk, out: Path) -> Iterator[Path]:
    """Write `SERIES/NN-slug-phone.png` and `-desktop.png` below `out`, drafts among them; pages with errors are left out.

    Raises MissingToolError without Chromium, ServiceError when it fails or the disk refuses.
    """
    with Chromium() as browser, tempfile.TemporaryDirectory(prefix="newsletter-") as folder:
        for series in desk.workbench.series.values():
            for number, page in enumerate(series.pages, start=1):
                shown = desk.showing.page(f"{series.name}/{page.id}", "")
                if "html" not in shown:
                    continue
                html = pictures_as_files(shown["html"], desk.workbench.shelf, Path(folder))
                file = Path(folder) / "mail.html"
                file.write_text(html.replace("<head>", f"<head>{POLICY}", 1), encoding="utf-8")
                stem = f"{number:02}-{page.slug.replace('/', '-')}"
                for name, width in WIDTHS.items():
                    picture = out / series.name / f"{stem}-{name}.png"
                    picture.parent.mkdir(parents=True, exist_ok=True)
                    picture.write_bytes(browser.screenshot(file.as_uri(), width))
                    yield picture
