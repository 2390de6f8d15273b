"""The pages in a real browser: accessible, legible in light and dark, and of use without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from newsletter.message.links import Purpose, Target
from tests.browser import chromium
from tests.web.public.conftest import Place, Switch
from tests.web.public.test_subscribing import NEW, link_in, mails


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def paths(place: Place) -> dict[str, str]:
    """Each kind of page."""
    submitted = place.client.post("/subscribe", json={"email": NEW, "series": "unions"})
    assert submitted.status_code == 202
    last_month = place.clock.now() - timedelta(days=30)
    preferences = f"/p/{place.token(Purpose.PREFERENCES)}"
    return {
        "unsubscribe": f"/u/{place.token(Purpose.UNSUBSCRIBE)}",
        "preferences": preferences,
        "data": f"{preferences}/data",
        "confirm": link_in(mails(place)[0]),
        "subscribe": "/subscribe/unions",
        "archive": "/archive",
        "series": "/archive/unions",
        "home": "/",
        "problem": "/nothing-here",
        "cut link": f"/u/{place.token(Purpose.UNSUBSCRIBE)[:-3]}",
        "expired link": f"/c/{place.site.links.token(Purpose.CONFIRM, Target(place.ann, 0, 1), now=last_month)}",
    }


@pytest.fixture
def open_page(browser: Browser, switch: tuple[Switch, str]) -> Iterator[Callable[..., Page]]:
    opened: list[Page] = []

    def run(path: str, **options: object) -> Page:
        context = browser.new_context(base_url=switch[1], **options)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(path)
        opened.append(page)
        return page

    yield run
    for page in opened:
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier(paths: dict[str, str], open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("about:blank", color_scheme=scheme, bypass_csp=True)  # axe is a script, and ours are forbidden
    for name, path in paths.items():
        page.goto(path)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"


def test_no_answer_to_a_form_has_a_barrier(place: Place, paths: dict[str, str], open_page: Callable[..., Page]) -> None:
    page = open_page("about:blank", bypass_csp=True)

    def send(path: str, button: str, **fields: str) -> None:
        page.goto(path)
        for name, value in fields.items():
            page.locator(f"main form:has(button[value={button}], button:not([value])) [name={name}]").last.fill(value)
        page.locator(f"main button[value={button}]" if button != "-" else "main button").first.click()
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path} {button}: {found.generate_report()}"

    send(paths["confirm"], "-")
    send(paths["preferences"], "save")
    send(paths["preferences"], "address", email="ann@acme")
    send(paths["preferences"], "erase", email="somebody@else.example")
    assert page.locator("[role=alert]").is_visible()
    send(paths["unsubscribe"], "-")
    send(paths["preferences"], "erase", email="ann@acme.example")
    assert "erased" in page.title()


def test_no_page_is_wider_than_a_phone(paths: dict[str, str], open_page: Callable[..., Page]) -> None:
    page = open_page("about:blank", viewport={"width": 375, "height": 700})
    for name, path in paths.items():
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, name


def test_no_page_breaks_its_own_policy(paths: dict[str, str], open_page: Callable[..., Page]) -> None:
    page = open_page("about:blank")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for path in (path for name, path in paths.items() if name not in ("problem", "cut link", "expired link")):
        page.goto(path)
        assert complaints == []
        assert page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius") == "12px"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_subscribes_chooses_and_leaves(place: Place, open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page("/subscribe/unions", java_script_enabled=scripts)
    place.clock.move(seconds=5)
    page.get_by_label("E-mail address").fill("eve@acme.example")
    page.get_by_label("Name").fill("Eve")
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_text("a mail is on its way").wait_for()
    page.goto(link_in(mails(place)[0]))
    page.get_by_role("button", name="Yes, subscribe me").click()
    page.get_by_text("You are subscribed").wait_for()

    page.goto(f"/p/{place.token(Purpose.PREFERENCES)}")
    page.get_by_label("Half as fast").check()
    page.get_by_label("Wednesday").check()
    page.get_by_label("Hour").select_option("07:00")
    page.get_by_label("Time zone").select_option("Europe/Paris")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your preferences are saved").wait_for()
    assert page.get_by_label("Half as fast").is_checked()

    page.goto(f"/u/{place.token(Purpose.UNSUBSCRIBE)}")
    page.get_by_role("button", name="Unsubscribe from Union Dojo").click()
    page.get_by_text("You get no more mail of “Union Dojo”").wait_for()
    assert [item.scope for item in place.suppressions()] == ["unions"]


def test_every_field_and_button_can_be_reached_by_keyboard(
    paths: dict[str, str], open_page: Callable[..., Page]
) -> None:
    page = open_page(paths["subscribe"])
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached[:4] == ["A", "email", "name", "BUTTON"], "and the trap for bots is passed over"


def test_a_mail_shown_in_the_browser_runs_nothing(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(f"/v/{place.token(Purpose.VIEW)}")
    assert page.get_by_text("Dear Ann").is_visible()
    assert page.evaluate("document.querySelector('img').naturalWidth") == 1
