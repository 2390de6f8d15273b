"""What authors see in the browser: the series, one page every way it will be seen, and what would change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from tests.web.preview.waiting import wait_until

MAIL = "iframe[title='The mail']"


def mail_of(screen: Page) -> Frame:
    """The frame in which the mail stands, once it is there."""
    wait_until(screen, f"""document.querySelector("{MAIL}").contentDocument.body?.textContent.trim()""")
    frame = screen.query_selector(MAIL).content_frame()
    assert frame is not None
    return frame


def paragraph(screen: Page, words: str, title: str = "The mail") -> Locator:
    """A paragraph of the article; the hidden preheader may say the same."""
    return screen.frame_locator(f"iframe[title='{title}']").locator("p", has_text=words)


def row(screen: Page, subject: str) -> Locator:
    return screen.locator(".timeline li", has_text=subject)


def width_in_mail(screen: Page) -> int:
    return int(screen.evaluate(f"""document.querySelector("{MAIL}").contentWindow.innerWidth"""))


def test_the_timeline_puts_each_page_on_its_day(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?series=unions&start=2026-03-02&zone=Europe/Paris")
    expect(row(screen, "Welcome Ann").locator("time")).to_have_attribute("datetime", "2026-03-02T09:00")
    expect(row(screen, "Learning").locator("time")).to_have_attribute("datetime", "2026-03-05T09:00")
    expect(row(screen, "Last").locator("time")).to_have_attribute("datetime", "2026-03-12T09:00")


def test_the_simulated_subscriber_can_be_given_another_cadence(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?series=unions&start=2026-03-02&zone=Europe/Paris")
    screen.locator(".simulated summary").click()
    screen.get_by_label("Cadence").fill("mon, thu")
    screen.get_by_label("Cadence").press("Enter")
    expect(row(screen, "Learning").locator("time")).to_have_attribute("datetime", "2026-03-05T09:00")
    assert "cadence=mon" in screen.url
    screen.get_by_label("Cadence").fill("now and then")
    screen.get_by_label("Cadence").press("Enter")
    expect(screen.get_by_role("alert").filter(has_text="now and then")).to_be_visible()


def test_drafts_broken_links_and_unreadable_files_are_drawn_as_such(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?series=unions")
    expect(row(screen, "Unfinished").locator(".never")).to_have_text("Draft, never sent")
    expect(row(screen, "Learning").locator(".astray")).to_contain_text("/unions/gone/")
    expect(row(screen, "unions/broken.md").locator(".never")).to_have_text("Can't be read")


def test_the_overview_shows_the_rows_of_an_inbox(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?series=unions")
    expect(screen.locator(".gmail-row").first).to_contain_text("Test Dojo")
    expect(screen.locator(".gmail-row").first).to_contain_text("Welcome Ann - How it begins.")
    assert screen.locator(".phone-inbox li").count() == 3  # the draft does not arrive


def test_a_page_is_merged_for_the_chosen_reader(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=letters/first")
    expect(paragraph(screen, "Dear Ann Lee, from Acme.")).to_be_visible()
    screen.get_by_label("Reader", exact=True).select_option(label="Right to left")
    expect(paragraph(screen, "عبد الرحمن")).to_be_visible()
    assert "persona=rtl" in screen.url


def test_what_a_reader_lacks_is_an_error_in_place_of_the_mail(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=letters/first&persona=bare")
    expect(screen.locator(".error-card")).to_contain_text("name")


def test_markup_in_the_data_stays_text(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=letters/first&persona=markup")
    expect(paragraph(screen, "<script>alert(1)</script>")).to_be_visible()


@pytest.mark.parametrize(("device", "width"), [("Phone", 375), ("Pane", 600), ("Tablet", 768), ("Desktop", 1024)])
def test_devices_lay_the_mail_out_at_their_width(screen: Page, address: str, device: str, width: int) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    mail_of(screen)
    screen.get_by_role("button", name=re.compile(f"^{device}")).click()
    wait_until(screen, f"""document.querySelector("{MAIL}").contentWindow.innerWidth === {width}""")


def test_the_width_follows_dragging_and_the_arrow_keys(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index&width=500")
    mail_of(screen)
    box = screen.locator(".grip").bounding_box()
    assert box is not None
    screen.mouse.move(box["x"] + 7, box["y"] + 30)
    screen.mouse.down()
    screen.mouse.move(box["x"] + 57, box["y"] + 30, steps=4)
    screen.mouse.up()
    assert width_in_mail(screen) == 600
    screen.locator(".grip").press("ArrowLeft")
    assert width_in_mail(screen) == 599
    assert "width=599" in screen.url


def test_our_dark_styles_answer_to_the_switch_and_not_to_the_authors_system(screen: Page, address: str) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    screen.emulate_media(color_scheme="dark")
    screen.goto(f"{address}/?page=unions/_index")
    light = mail_of(screen).evaluate(background)
    screen.get_by_role("button", name="Dark").click()
    wait_until(screen, f"""(was) => {{
        const mail = document.querySelector("{MAIL}").contentDocument;
        return mail.body && mail.defaultView.{background.replace("document", "mail")} !== was;
    }}""", arg=light)  # fmt: skip
    assert sum(map(int, re.findall(r"\d+", mail_of(screen).evaluate(background))[:3])) < 150


def test_a_clients_inversion_makes_white_dark_and_black_light(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index&styles=off&scheme=inverted")
    mail = mail_of(screen)
    colours = mail.evaluate(
        "[...document.querySelectorAll('p, h1')].slice(0, 5).map((one) => getComputedStyle(one).color)"
    )
    for colour in colours:
        assert sum(map(float, re.findall(r"[\d.]+", colour)[:3])) > 380, colour


def test_the_inversion_formula_is_that_of_the_reference(screen: Page, address: str) -> None:
    screen.goto(address)
    inverted = screen.evaluate(
        "import('/static/inversion.js').then((it) => [it.darkened([255, 255, 255, 1]), it.lightened([0, 0, 0, 1]), it.darkened([20, 20, 20, 1])])"
    )
    assert inverted == ["rgba(33, 33, 33, 1)", "rgba(219, 219, 219, 1)", "rgba(20, 20, 20, 1)"]


def test_pictures_can_be_switched_off_and_their_words_remain(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    picture = screen.frame_locator(MAIL).get_by_alt_text("A red square")
    expect(picture).to_have_attribute("src", re.compile(r"^pictures/static/uploads/red\.png\?v="))
    wait_until(
        screen,
        f"""[...document.querySelector("{MAIL}").contentDocument.images].some((one) => one.naturalWidth === 120)""",
    )
    screen.get_by_role("button", name="Images off").click()
    expect(picture).to_have_attribute("src", "data:image/png,")


def test_style_tags_can_be_stripped(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    assert mail_of(screen).locator("style").count() > 0
    screen.get_by_role("button", name="No styles").click()
    wait_until(screen, f"""document.querySelector("{MAIL}").contentDocument.querySelectorAll("style").length === 0""")


def test_zoom_halves_the_width_the_mail_is_laid_out_in(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index&width=600")
    mail_of(screen)
    screen.get_by_role("button", name="200 %").click()
    wait_until(screen, f"""document.querySelector("{MAIL}").contentWindow.innerWidth === 300""")


def test_the_mail_can_run_nothing_and_leads_nowhere(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    frame = screen.locator(MAIL)
    expect(frame).to_have_attribute("sandbox", "allow-same-origin")
    mail = mail_of(screen)
    mail.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'document.title = "ran"';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="document.title=1">');
    }""")  # fmt: skip
    mail.get_by_role("link", name="View in browser").click()
    screen.wait_for_timeout(100)
    assert mail.title() not in ("ran", "1")
    assert len(screen.context.pages) == 1
    assert "unions/_index" in screen.url


def test_plain_text_source_and_message_are_views_of_their_own(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    screen.get_by_role("button", name="Text", exact=True).click()
    expect(screen.get_by_role("region", name="Plain text")).to_contain_text("Hello you")
    screen.get_by_role("button", name="Message", exact=True).click()
    message = screen.get_by_role("region", name="The message as it is sent")
    for words in ("List-Unsubscribe-Post", "multipart/alternative", "text/plain", "bounces+", "ann@acme.example"):
        expect(message).to_contain_text(words)
    with screen.expect_download() as download:
        message.get_by_role("link", name=re.compile("Download")).click()
    assert download.value.suggested_filename == "unions-_index.eml"
    assert b"To: Ann Lee <ann@acme.example>" in Path(download.value.path()).read_bytes()


def test_the_source_can_be_searched(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index&view=source")
    screen.get_by_label("Find in the source").fill("red square")
    expect(screen.locator(".source-view [role=status]")).to_contain_text("1 of")
    assert screen.locator("mark.current").inner_text().lower() == "red square"


def test_a_finding_leads_to_its_line_in_the_page_file(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/learning")
    screen.get_by_role("button", name="unions/learning.md:7").first.click()
    expect(screen.locator(".code .target")).to_contain_text("/unions/gone/")


def test_what_check_finds_arrives_by_itself(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=letters/first")
    expect(screen.locator(".findings .rule")).to_have_text(
        ["merge-missing", "sender-placeholder", "web-url-local", "dkim-missing"]
    )


def test_a_page_stands_beside_its_older_version(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/last")
    expect(paragraph(screen, "The very end.")).to_be_visible()
    option = screen.get_by_label("Compare with").locator("option", has_text="Older")
    expect(option).to_be_attached()
    screen.get_by_label("Compare with").select_option(value=option.get_attribute("value"))
    expect(paragraph(screen, "The end.", "The mail as it was")).to_be_visible()
    screen.get_by_role("button", name="Text", exact=True).click()
    expect(screen.locator("del")).to_contain_text(["The end."])
    expect(screen.locator("ins")).to_contain_text(["The very end."])


def test_both_versions_scroll_together(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/last&version=HEAD~1&width=300&zoom=200")
    expect(paragraph(screen, "The end.", "The mail as it was")).to_be_visible()
    expect(paragraph(screen, "The very end.")).to_be_visible()
    screen.evaluate(f"""document.querySelector("{MAIL}").contentWindow.scrollTo(0, 40)""")
    wait_until(screen, "document.querySelector('iframe[title=\"The mail as it was\"]').contentWindow.scrollY === 40")


def test_a_page_that_was_never_sent_says_so(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/last&version=sent")
    expect(screen.get_by_text("this page was never sent")).to_be_visible()
    expect(screen.locator("iframe[title='The mail as it was']")).to_be_hidden()
    expect(screen.locator(".panel")).to_be_hidden()


def test_keys_move_and_switch_unless_one_is_typing(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    mail_of(screen)
    for key, sign in (
        ("j", "page=unions/learning"), ("k", "page=unions/_index"), ("1", "width=375"), ("2", "width=600"), ("4", "width=1024"), ("3", "!width"),
        ("d", "scheme=dark"), ("d", "scheme=inverted"), ("d", "!scheme"), ("i", "images=off"), ("y", "styles=off"),
        ("z", "zoom=200"), ("z", "!zoom"), ("p", "persona="), ("t", "view=text"), ("s", "view=source"), ("h", "view=message"),
        ("m", "!view"), ("c", "version="), ("e", "!version"),
    ):  # fmt: skip
        screen.keyboard.press(key)
        wait_until(
            screen, "(sign) => location.search.includes(sign.replace('!', '')) !== sign.startsWith('!')", arg=sign
        )
    expect(screen.get_by_label("Send to")).to_be_focused()
    screen.evaluate("document.activeElement.blur()")
    screen.keyboard.press("o")
    wait_until(screen, "() => !location.search.includes('page=')")
    screen.go_back()
    wait_until(screen, "() => location.search.includes('page=unions/_index')")
    screen.keyboard.press("/")
    screen.keyboard.type("jk")
    assert "page=unions/_index" in screen.url
    screen.get_by_role("button", name="Mail", exact=True).click()
    screen.keyboard.press("?")
    expect(screen.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    screen.get_by_label("Switch single-key shortcuts off").check()
    screen.keyboard.press("Escape")
    screen.keyboard.press("z")
    assert "zoom=200" not in screen.url


def test_going_back_returns_to_the_page_before(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/_index")
    mail_of(screen)
    row(screen, "Learning").get_by_role("link").click()
    expect(paragraph(screen, "Read this.")).to_be_visible()
    screen.go_back()
    expect(paragraph(screen, "Hello you")).to_be_visible()


def test_a_page_that_cannot_be_read_shows_the_line_to_mend(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?series=unions")
    row(screen, "unions/broken.md").get_by_role("link").click()
    expect(screen.locator(".error-card .place")).to_contain_text("unions/broken.md:")
    expect(screen.locator(".excerpt")).to_contain_text("title: [never closed")
    expect(screen.locator(".excerpt .hit")).to_be_visible()


def test_a_page_that_is_not_there_leads_back_to_all_pages(screen: Page, address: str) -> None:
    screen.goto(f"{address}/?page=unions/nobody")
    card = screen.locator(".error-card")
    expect(card.get_by_role("heading")).to_have_text("There is nothing to show here")
    expect(card).not_to_contain_text("Save the file again")
    card.get_by_role("link", name="All pages").click()
    expect(screen.locator(".gmail-row").first).to_be_visible()


def test_on_a_phone_a_mail_opens_as_wide_as_a_phone(screen: Page, address: str) -> None:
    screen.set_viewport_size({"width": 390, "height": 844})
    screen.goto(f"{address}/?page=unions/last")
    expect(screen.get_by_role("button", name="Phone")).to_have_attribute("aria-pressed", "true")
    mail_of(screen)
    assert width_in_mail(screen) == 375
