"""`preview --export`: the same screen from files, without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.errors import ServiceError
from newsletter.web.preview.bundle import bundle
from newsletter.web.preview.export import export_preview
from tests.web.preview.project import desk_of, make_project, write


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("project").resolve())
    write(project, "content/letters/torn.md", "---\ntitle: [\n---\n")
    write(project, "content/letters/bare.md", "---\ntitle: Bare\n---\n![Gone](/uploads/gone.png)\n")
    out = tmp_path_factory.mktemp("exported")
    assert export_preview(desk_of(project), out) == 6
    return out


@pytest.fixture
def screen(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when anything is asked of the network or a script complains."""
    troubles: list[str] = []
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("request", lambda asked: troubles.append(asked.url) if asked.url.startswith("http") else None)
    yield page
    page.close()
    assert not troubles


def mail_of(screen: Page) -> str:
    frame = screen.frame_locator('iframe[title="The mail"]')
    return frame.locator("body").inner_text()


def test_it_opens_from_the_disk(screen: Page, exported: Path) -> None:
    screen.goto((exported / "index.html").as_uri())
    expect(screen.locator(".timeline .subject").get_by_text("Welcome Ann")).to_be_visible()
    expect(screen.get_by_text("Can't be read").first).to_be_visible()
    expect(screen.get_by_text("Draft, never sent").first).to_be_visible()


def test_a_view_is_linked_and_its_pictures_are_there(screen: Page, exported: Path) -> None:
    screen.goto(f"{(exported / 'index.html').as_uri()}?page=unions/_index&persona=emoji")
    frame = screen.frame_locator('iframe[title="The mail"]')
    expect(frame.get_by_role("heading", name="Welcome Zoë")).to_be_visible()
    assert frame.get_by_alt_text("A red square").evaluate("picture => picture.naturalWidth") == 120


def test_a_page_with_an_error_tells_it(screen: Page, exported: Path) -> None:
    screen.goto(f"{(exported / 'index.html').as_uri()}?page=letters/first&persona=bare")
    expect(screen.locator(".error-message")).to_contain_text("name has no value")
    expect(screen.locator(".error-card .place")).to_have_text("letters/first.md:4")
    expect(screen.locator(".findings .rule").first).to_have_text("merge-missing")


def test_nothing_offers_what_files_can_not_do(screen: Page, exported: Path) -> None:
    screen.goto(f"{(exported / 'index.html').as_uri()}?page=unions/last")
    expect(screen.get_by_text("exported", exact=True)).to_be_visible()
    expect(screen.locator("input[type=email]")).to_have_count(0)
    expect(screen.get_by_label("Compare with")).to_have_count(0)


def test_the_messages_are_there(exported: Path) -> None:
    names = {file.name for file in (exported / "mails").iterdir()}
    assert names == {f"{name}.eml" for name in ("letters--first", "letters--bare", "unions--_index", "unions--learning", "unions--unfinished", "unions--last")}  # fmt: skip
    mail = BytesParser(policy=policy.default).parsebytes((exported / "mails/unions--_index.eml").read_bytes())
    assert mail["Subject"] == "Welcome Ann"


def test_nothing_tells_of_this_machine(exported: Path) -> None:
    data = (exported / "data" / "letters--bare--first.js").read_text(encoding="utf-8")
    assert "static/uploads/gone.png" in data
    for file in exported.rglob("*"):
        if file.suffix in (".js", ".html", ".eml"):
            assert str(exported.parent) not in file.read_text(encoding="utf-8"), file.name


def test_a_broken_template_is_named_as_seen_from_the_project(tmp_path: Path) -> None:
    project = make_project((tmp_path / "project").resolve())
    write(project, "templates/email.txt.j2", "one\n{{ nothing_of_that_name }}\n")
    write(project, "campaigns/torn.toml", "series = [\n")
    export_preview(desk_of(project), tmp_path / "out")
    assert '"path": "templates/email.txt.j2", "line": 2' in (tmp_path / "out/data/unions--last--first.js").read_text()
    for file in (tmp_path / "out").rglob("*.js"):
        assert str(tmp_path) not in file.read_text(encoding="utf-8"), file.name


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path.resolve())
    (tmp_path / "taken").write_text("")
    with pytest.raises(ServiceError, match="can't be written"):
        export_preview(desk_of(project), tmp_path / "taken")


def test_the_bundle_holds_each_module_once_and_imports_nothing() -> None:
    folder = Path(__file__).parents[3] / "newsletter" / "web" / "preview" / "static"
    script = bundle(folder, "main.js")
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    for module in folder.glob("*.js"):
        assert script.count(f'modules["{module.name}"] = ') == 1, module.name
