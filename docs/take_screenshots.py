"""Take the pictures of the README anew: python docs/take_screenshots.py (needs Chromium and the test extras)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from newsletter.cli import command

IMAGES = Path(__file__).parent / "images"
GAP = 28
GROUND = (226, 222, 212)


def main() -> None:
    """Build the unions dojo and picture its first page: light and wide, dark and narrow."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command.main(["build", "unions", "--out", folder], standalone_mode=False)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = next((Path(folder) / "unions").glob("01-*.html"))
        wide = shot(browser, page, Path(folder) / "wide.png", 700, 1060, "light")
        phone = shot(browser, page, Path(folder) / "phone.png", 375, 1060, "dark")
        browser.close()
        sheet = Image.new("RGB", (wide.width + phone.width + 3 * GAP, wide.height + 2 * GAP), GROUND)
        sheet.paste(wide, (GAP, GAP))
        sheet.paste(phone, (wide.width + 2 * GAP, GAP))
        IMAGES.mkdir(exist_ok=True)
        sheet.quantize(200).save(IMAGES / "mail.png", optimize=True)


def shot(browser: Browser, page: Path, target: Path, width: int, height: int, scheme: str) -> Image.Image:
    """One screenshot of the top of a page."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.screenshot(path=target)
    context.close()
    return Image.open(target).convert("RGB")


if __name__ == "__main__":
    main()
