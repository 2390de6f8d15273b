"""The screen follows every save: scroll kept, errors in place and healed by the next save."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from newsletter.web.inbox.mailbox import Mailbox
from newsletter.web.inbox.reception import start_reception
from tests.web.preview.conftest import running
from tests.web.preview.project import NOON, PAGES, SETTINGS, make_project, write
from tests.web.preview.waiting import wait_until

TABS = 8
"""More than the connections a browser opens to one server."""

MAIL = "iframe[title='The mail']"


def paragraph(screen: Page, words: str) -> Locator:
    """A line of the mail's body; the hidden preheader may say the same."""
    return screen.frame_locator(MAIL).locator("p, td > div", has_text=words).last


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path.resolve())


@pytest.fixture
def address(project: Path) -> Iterator[str]:
    with running(project) as address:
        yield address


def test_a_saved_page_appears_and_the_scroll_is_kept(screen: Page, address: str, project: Path) -> None:
    long = "---\ntitle: Last\nweight: 4\n---\n" + "A paragraph of some words.\n\n" * 80
    write(project, "content/unions/last.md", long)
    screen.goto(f"{address}/?page=unions/last")
    expect(screen.locator(".live")).to_have_text("live")
    scroll = f"""document.querySelector("{MAIL}").contentWindow"""
    wait_until(screen, f"{scroll}.document.body.scrollHeight > 2000")
    screen.evaluate(f"{scroll}.scrollTo(0, 900)")
    write(project, "content/unions/last.md", long + "\nSomething new.\n")
    expect(paragraph(screen, "Something new.")).to_be_attached()
    assert screen.evaluate(f"{scroll}.scrollY") == 900


def test_an_error_stands_in_its_place_until_the_next_save(screen: Page, address: str, project: Path) -> None:
    screen.goto(f"{address}/?page=unions/last")
    expect(paragraph(screen, "The end.")).to_be_visible()
    write(project, "content/unions/last.md", "---\ntitle: Last\nweight: 4\n---\n{{ name | nonsense }}\n")
    card = screen.locator(".error-card")
    expect(card).to_contain_text("nonsense")
    expect(card.locator(".hit")).to_contain_text("{{ name | nonsense }}")
    write(project, "content/unions/last.md", PAGES["unions/last.md"].replace("The end", "Mended"))
    expect(paragraph(screen, "Mended.")).to_be_visible()
    expect(card).to_have_count(0)


def test_a_template_of_the_project_replaces_that_of_the_house_at_once(
    screen: Page, address: str, project: Path
) -> None:
    screen.goto(f"{address}/?page=unions/last")
    expect(paragraph(screen, "The end.")).to_be_visible()
    write(
        project,
        "templates/legal_footer.mjml.j2",
        "<mj-section><mj-column><mj-text>Our own words</mj-text></mj-column></mj-section>",
    )
    expect(paragraph(screen, "Our own words")).to_be_visible()


def test_settings_are_read_again_and_mistakes_in_them_are_told(screen: Page, address: str, project: Path) -> None:
    screen.goto(f"{address}/?page=unions/last")
    expect(screen.locator(".strip")).to_contain_text("Test Dojo")
    write(project, "newsletter.toml", SETTINGS.replace("Test Dojo", "Better Dojo"))
    expect(screen.locator(".strip")).to_contain_text("Better Dojo")
    write(project, "newsletter.toml", SETTINGS + "\n[sitee]\n")
    expect(screen.locator(".banner")).to_contain_text("unknown section [sitee]")
    write(project, "newsletter.toml", SETTINGS)
    expect(screen.locator(".banner")).to_be_hidden()


def test_a_new_page_joins_the_timeline(screen: Page, address: str, project: Path) -> None:
    screen.goto(f"{address}/?series=letters")
    expect(screen.locator(".timeline li")).to_have_count(1)
    write(project, "content/letters/second.md", "---\ntitle: Another letter\n---\nDear you.\n")
    expect(screen.locator(".timeline li")).to_have_count(2)


def test_a_test_mail_goes_through_the_configured_relay(
    screen: Page, address: str, project: Path, tmp_path: Path
) -> None:
    mailbox = Mailbox(tmp_path / "mails", lambda: NOON)
    reception = start_reception(mailbox, 0)
    try:
        relay = f'[relay]\nhost = "127.0.0.1"\nport = {reception.port}\nsecurity = "plain"\n'
        write(project, "newsletter.toml", SETTINGS + relay)
        screen.goto(f"{address}/?page=unions/unfinished")
        screen.get_by_label("Send to").fill("me@dojo.example")
        screen.get_by_role("button", name="Send").click()
        expect(screen.locator(".answer")).to_contain_text("Sent, marked as a draft: 250")
        (summary,) = mailbox.summaries()
        assert (summary.recipients, summary.subject) == (("me@dojo.example",), "[Draft] Unfinished")
    finally:
        reception.stop()


def test_many_tabs_follow_and_the_others_go_on_when_the_first_is_closed(
    browser: Browser, address: str, project: Path
) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 500})
    tabs = [context.new_page() for _ in range(TABS)]
    for tab in tabs:
        tab.goto(f"{address}/?page=unions/last&view=text")
        expect(tab.get_by_role("region", name="Plain text")).to_contain_text("The end.")
    for words in ("Mended once", "Mended twice"):
        write(project, "content/unions/last.md", PAGES["unions/last.md"].replace("The end", words))
        for tab in tabs:
            expect(tab.get_by_role("region", name="Plain text")).to_contain_text(words)
        tabs.pop(0).close()
    context.close()


def test_what_is_saved_before_the_screen_listens_is_not_missed(screen: Page, address: str, project: Path) -> None:
    def late(route: Route) -> None:
        write(project, "content/unions/last.md", PAGES["unions/last.md"].replace("The end", "Meanwhile"))
        screen.wait_for_timeout(300)
        route.continue_()

    screen.route("**/events", late)
    screen.goto(f"{address}/?page=unions/last")
    expect(paragraph(screen, "Meanwhile.")).to_be_visible()
