from __future__ import annotations

import pytest

from newsletter.content.reader import parse_page

from .pages import FOOTER, MESSY, page, plain


def test_a_messy_page_is_taken_apart() -> None:
    read = parse_page(MESSY.encode(), path="boats/knots.md", series="boats")
    assert read.title == "Knots and Lines"
    assert read.hero is not None
    assert (read.hero.picture.src, read.hero.picture.alt) == ("/uploads/knots.jpg", "a bowline on a pier")
    assert (read.hero.picture.fraction, read.hero.picture.line) == (0.9, 7)
    assert plain(read.hero.caption) == 'A bowline. Photo: <a href="https://photos.example.org/7">A. Sailor</a>.'
    assert plain(read.article) == "<p>The first knot holds.</p>\n<p>The second one slips.</p>"
    assert read.next is not None
    assert (read.next.href, read.next.text) == ("https://example.org/boats/sails", "reading the sails")
    assert read.footer is not None
    assert (read.footer.left.href, read.footer.left.picture.src) == ("https://boats.example.org", "/uploads/dash.png")
    assert (read.footer.right.href, read.footer.right.picture.src) == (
        "https://bakers.example.org",
        "/uploads/random.png",
    )
    assert read.findings == ()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("<p><a href='/boats/sails'>next: sails</a></p>", "sails"),
        ("<a href='/boats/sails'>NEXT: Sails</a>", "Sails"),
        ("[Next up: the sails](/boats/sails)", "the sails"),
        ("[next: sails →](/boats/sails)", "sails"),
        ("[Next →](/boats/sails)", ""),
        ("[→ Next – sails](/boats/sails)", "sails"),
        ("**[next: sails](/boats/sails)**", "sails"),
        ("Next: [the sails](/boats/sails)", "the sails"),
        ("<p>Next page: <a href='/boats/sails'>sails</a> →</p>", "sails"),
        ("<a rel='next' href='/boats/sails'>Sails</a>", "Sails"),
        ("<p>Last words.\n<br>\n<a href='/boats/sails'>next: sails</a><br></p>", "sails"),
        ("<p>Last words.\n\n<a href='/boats/sails'>next: sails", "sails"),
        ("[← previous: ropes](/boats/ropes) | [next: sails →](/boats/sails)", "sails"),
        ("* [next: sails](/boats/sails)", "sails"),
        ("[Weiter: Segel](/boats/sails)", "Segel"),
        ("<div align='center'><a href='/boats/sails'>next:  sails</a></div>", "sails"),
    ],
)
def test_the_next_link_is_found_in_its_spellings_and_leaves_nothing_behind(written: str, text: str) -> None:
    for body in (f"Text.\n\n{written}\n", f"Text.\n\n{written}\n\n{FOOTER}\n"):
        read = page(body)
        assert read.next is not None
        assert (read.next.href, read.next.text) == ("/boats/sails", text)
        assert plain(read.article) in ("<p>Text.</p>", "<p>Text.</p>\n<p>Last words.</p>")


@pytest.mark.parametrize(
    "written",
    [
        "Read [next steps for organisers](/boats/sails) today.",
        "[next-generation sails](/boats/sails)",
        "In the next: [sails](/boats/sails) chapter we see.",
        "The [next: sails](/boats/sails) link stands in a sentence.",
        "[Sails](/boats/sails)",
        "next: sails",
    ],
)
def test_other_links_are_no_next_link(written: str) -> None:
    assert page(f"Text.\n\n{written}\n").next is None


def test_front_matter_wins_over_the_link_in_the_body() -> None:
    read = page("Text.\n\n[next: sails](/boats/sails)\n", front="title: A\nnext: ropes")
    assert read.next is not None
    assert read.next.href == "ropes"
    assert plain(read.article) == "<p>Text.</p>"


LEFT = "<a href='https://l.example'><img src='/l.png' alt='Left'></a>"
RIGHT = "<a href='https://r.example'><img src='/r.png' alt='Right'></a>"


@pytest.mark.parametrize(
    "footer",
    [
        f"<table><tr><td>{LEFT}</td><td>{RIGHT}</td></tr></table>",
        f"<table class=x><tbody><tr><td>{LEFT}<br>Home</td><td>{RIGHT}<br>Random</td></tr></tbody></table>",
        f"<table><tr><td><table><tr><td>{LEFT}</table></td><td><table><tr><td>{RIGHT}</td></table></tr></table>",
        f"<table><tr><td><table><tr><td>{LEFT}</td></tr></td><td><table><tr><td>{RIGHT}</td></table></td></tr></table>",
        f"<table><tr><td>{LEFT.replace('</a>', '')}</td><td>{RIGHT.replace('</a>', '')}</td></tr></table>",
        f"<table><tr><td>{LEFT.replace('</a>', '')}<td>{RIGHT.replace('</a>', '')}",
        f"<div class=row><div class=col>{LEFT}</div><div class=col>{RIGHT}</div></div>",
        f"<center><table><tr><td>{LEFT}</td><td>{RIGHT}</td></tr></table></center>",
        "[![Left](/l.png)](https://l.example) [![Right](/r.png)](https://r.example)",
        f"<table><tr><td>{LEFT}</td><td>{RIGHT}</td></tr></table>\n<p>© 2024 The Boat Club</p>",
        f"<table>\n\n    <tr>\n\n        <td>{LEFT}</td>\n\n        <td>{RIGHT}</td>\n\n    </tr>\n\n</table>",
    ],
)
def test_the_footer_is_found_by_its_structure(footer: str) -> None:
    for opening in ("Text with *stars*.", "<p>Text.</p>"):
        read = page(f"{opening}\n\n{footer}\n")
        assert read.footer is not None
        assert (read.footer.left.href, read.footer.left.picture.src) == ("https://l.example", "/l.png")
        assert (read.footer.right.href, read.footer.right.picture.alt) == ("https://r.example", "Right")
        assert "<img" not in read.article


@pytest.mark.parametrize(
    "footer",
    [
        f"<table><tr><td>{LEFT}<br>All boats</td><td>{RIGHT}<p>Any <b>boat</b></p></td></tr></table>",
        f"<div><div>{LEFT} All boats</div><div>{RIGHT} Any boat</div></div>",
        f"<p>{LEFT.replace('</a>', 'All boats</a>')} | {RIGHT.replace('</a>', 'Any boat</a>')}</p>",
    ],
)
def test_words_below_the_pictures_of_a_footer_stay_with_them(footer: str) -> None:
    read = page(f"<p>Text.</p>\n\n{footer}\n")
    assert read.footer is not None
    assert (read.footer.left.caption, read.footer.right.caption) == ("All boats", "Any boat")


def test_a_block_that_says_more_than_captions_is_no_footer() -> None:
    read = page(f"<p>Text.</p>\n\n<p>{LEFT} See you {RIGHT} on the water</p>\n")
    assert read.footer is None
    assert "See you" in read.article


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><th>Year</th><th>Boats</th></tr><tr><td>2023</td><td>14</td></tr></table>",
        f"<table><tr><td>Apples</td><td>{LEFT}</td></tr><tr><td>Pears</td><td>{RIGHT}</td></tr></table>",
        f"<table><tr><th>Left</th><th>Right</th></tr><tr><td>{LEFT}</td><td>{RIGHT}</td></tr></table>",
        f"<table><tr><td>{LEFT}</td><td>{RIGHT}</td></tr></table>\n\nMore text follows the gallery.",
        f"<table><tr><td>{LEFT}</td><td>{LEFT}</td><td>{RIGHT}</td></tr></table>",
        "<table><tr><td><img src=a.png></td><td><img src=b.png></td></tr></table>",
        f"<p>{LEFT}</p>",
    ],
)
def test_a_table_of_the_article_is_no_footer(table: str) -> None:
    read = page(f"Text.\n\n{table}\n")
    assert read.footer is None
    assert "<table" in read.article or "<img" in read.article


def test_a_footer_that_is_named_one_counts_wherever_it_stands() -> None:
    read = page(f"<p>Text.</p>\n{FOOTER}\n<p>See you on the water.</p>")
    assert read.footer is not None
    assert plain(read.article) == "<p>Text.</p>\n<p>See you on the water.</p>"


def test_what_a_missing_end_tag_drew_into_the_footer_stays_in_the_article() -> None:
    footer = FOOTER.replace("</table>", "")
    read = page(f"<p>Text.</p>\n{footer}\n<p>Afterword.</p>")
    assert read.footer is not None
    assert plain(read.article) == "<p>Text.</p>\n<p>Afterword.</p>"


@pytest.mark.parametrize(
    ("opening", "caption"),
    [
        ("<figure><img src=/a.jpg alt=Boat><figcaption>At <b>sea</b></figcaption></figure>", "At <b>sea</b>"),
        ("<figure><a href=https://x.example><img src=/a.jpg alt=Boat></a></figure>", ""),
        ("<figure><p><img src=/a.jpg alt=Boat></p><figcaption><p>At sea</p></figcaption></figure>", "At sea"),
        ("<figure>\n<img src=/a.jpg alt=Boat>\n", ""),
        ("<figure><img src=/a.jpg alt=Boat><figcaption>At sea</figure>", "At sea"),
        ("<figure><img src=/a.jpg alt=Boat><figcaption>At sea\n", "At sea"),
        ("![Boat](/a.jpg)\n\n", ""),
        ("<img src=/a.jpg alt=Boat>\n\n", ""),
        ("# Knots\n\n![Boat](/a.jpg)\n\n", ""),
        ("<div class=hero><img src=/a.jpg alt=Boat></div>", ""),
        ('{{< figure src="/a.jpg" alt="Boat" caption="At sea" >}}', "At sea"),
    ],
)
def test_the_hero_is_found_with_its_caption(opening: str, caption: str) -> None:
    read = page(f"{opening}\n<p>Text.</p>\n")
    assert read.hero is not None
    assert (read.hero.picture.src, read.hero.picture.alt) == ("/a.jpg", "Boat")
    assert plain(read.hero.caption) == caption
    assert plain(read.article) == "<p>Text.</p>"


@pytest.mark.parametrize(
    "body",
    [
        "Text first.\n\n<figure><img src=a.jpg></figure>",
        "<img src=icon.png width=24> Text beside an icon.",
        "<p><img src=a.jpg> Text beside a picture.</p>",
        "## Heading\n\n![a](a.jpg)",
    ],
)
def test_a_picture_further_down_is_no_hero(body: str) -> None:
    read = page(body)
    assert read.hero is None
    assert "<img" in read.article
