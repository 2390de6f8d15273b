from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from newsletter.compose.composer import Composer
from newsletter.compose.email import Composition
from newsletter.content.page import Footer, Hero, LinkedPicture, Picture
from newsletter.finding import Finding, Severity
from tests.compose.pages import page, series, settings

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 150"><rect x="75" width="150" height="150" fill="#a63a25"/></svg>'


def draw(root: Path, name: str, size: tuple[int, int], mode: str = "RGB", **options: Any) -> Path:
    path = root / "static" / "uploads" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, "#23478f80" if mode == "RGBA" else "#23478f").save(path, **options)
    return path


def write(root: Path, name: str, data: str | bytes) -> Path:
    path = root / "static" / "uploads" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def composed(root: Path, picture: Picture, **sections: dict[str, Any]) -> Composition:
    """A page whose only picture is its hero."""
    letter = page(hero=Hero(picture), footer=None)
    return Composer(settings(root, **sections)).compose(letter, series(letter))


def only_finding(composition: Composition) -> Finding:
    (finding,) = composition.findings
    assert (finding.path, finding.line) == ("captains/knots.md", 7)
    return finding


def test_a_picture_that_is_fit_is_linked_where_it_lies(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", (1200, 600))
    composition = composed(tmp_path, Picture("/uploads/a.jpg", "Boats", fraction=1.0, line=7))
    assert 'src="https://workdojos.com/uploads/a.jpg" alt="Boats" width="600" height="300"' in composition.email.html
    assert not composition.published
    assert not composition.findings


def test_a_large_picture_is_scaled_to_twice_its_shown_width_and_published(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", (2000, 1000))
    (made,) = composed(tmp_path, Picture("/uploads/a.jpg", fraction=1.0, line=7)).published
    assert Image.open(BytesIO(made.data)).size == (1200, 600)
    assert made.media_type == "image/jpeg"


def test_a_published_picture_is_linked_at_the_pictures_address(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", (2000, 1000))
    picture = Picture("/uploads/a.jpg", fraction=1.0, line=7)
    by_web = composed(tmp_path, picture)
    assert f'src="https://letters.example/pictures/{by_web.published[0].name}"' in by_web.email.html
    by_pictures = composed(tmp_path, picture, pictures={"url": "https://cdn.example/p/"})
    assert f'src="https://cdn.example/p/{by_web.published[0].name}"' in by_pictures.email.html


def test_without_an_address_to_publish_at_large_pictures_stay_and_converted_ones_warn(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", (2000, 1000))
    large = composed(tmp_path, Picture("/uploads/a.jpg", line=7), web={"url": ""})
    assert 'src="https://workdojos.com/uploads/a.jpg"' in large.email.html
    assert not large.findings
    write(tmp_path, "b.svg", SVG)
    drawn = composed(tmp_path, Picture("/uploads/b.svg", line=7), web={"url": ""})
    assert only_finding(drawn).code == "picture-unpublished"
    assert 'src="https://' in drawn.email.html


def test_a_drawing_without_see_through_parts_fills_the_mail_like_a_photograph(tmp_path: Path) -> None:
    write(tmp_path, "a.svg", SVG.replace('x="75" width="150"', 'width="300"'))
    assert 'width="600" height="300"' in composed(tmp_path, Picture("/uploads/a.svg", width=500, line=7)).email.html
    write(tmp_path, "b.svg", SVG)
    assert 'width="500" height="250"' in composed(tmp_path, Picture("/uploads/b.svg", width=500, line=7)).email.html


def test_svg_is_drawn_at_twice_its_width_with_its_alpha(tmp_path: Path) -> None:
    write(tmp_path, "a.svg", SVG)
    composition = composed(tmp_path, Picture("/uploads/a.svg", width=300, line=7))
    (made,) = composition.published
    picture = Image.open(BytesIO(made.data))
    assert picture.size == (600, 300)
    assert picture.getpixel((10, 10)) == (0, 0, 0, 0)
    assert picture.getpixel((300, 150)) == (0xA6, 0x3A, 0x25, 255)
    assert 'width="300" height="150"' in composition.email.html


@pytest.mark.parametrize(("suffix", "mode", "media_type"), [("webp", "RGB", "image/jpeg"), ("webp", "RGBA", "image/png"), ("avif", "RGB", "image/jpeg"), ("bmp", "RGB", "image/jpeg"), ("tiff", "RGBA", "image/png")])  # fmt: skip
def test_formats_that_some_client_cant_show_are_converted(
    tmp_path: Path, suffix: str, mode: str, media_type: str
) -> None:
    draw(tmp_path, f"a.{suffix}", (600, 300), mode)
    (made,) = composed(tmp_path, Picture(f"/uploads/a.{suffix}", line=7)).published
    assert made.media_type == media_type
    assert Image.open(BytesIO(made.data)).size == (600, 300)


def test_cmyk_and_sixteen_bit_pictures_are_scaled_too(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", (3000, 300), "CMYK")
    Image.new("I;16", (3000, 300)).save(tmp_path / "static/uploads/b.png")
    for name in ("a.jpg", "b.png"):
        assert composed(tmp_path, Picture(f"/uploads/{name}", line=7)).published


def test_a_photograph_that_the_camera_turned_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(tmp_path, "a.jpg", (2000, 1000), exif=exif)
    composition = composed(tmp_path, Picture("/uploads/a.jpg", width=200, line=7))
    assert 'width="200" height="400"' in composition.email.html
    assert Image.open(BytesIO(composition.published[0].data)).size == (400, 800)


def test_an_animation_keeps_moving(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (2000, 100), colour) for colour in ("red", "green", "blue")]
    (tmp_path / "static/uploads").mkdir(parents=True)
    frames[0].save(tmp_path / "static/uploads/a.gif", save_all=True, append_images=frames[1:])
    assert not composed(tmp_path, Picture("/uploads/a.gif", line=7)).published


def test_embedded_pictures_travel_once_each_by_content_id(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", (1200, 600))
    draw(tmp_path, "dash.png", (440, 140), "RGBA")
    footer = Footer(*(LinkedPicture("https://a.workdojos.com", Picture("/uploads/dash.png")) for _ in "lr"))
    letter = page(hero=Hero(Picture("/uploads/a.jpg")), footer=footer)
    composition = Composer(settings(tmp_path, pictures={"delivery": "embed"})).compose(letter, series(letter))
    assert len(composition.email.embedded) == 2
    for picture in composition.email.embedded:
        assert f'src="cid:{picture.content_id}"' in composition.email.html
    assert not composition.published


def test_a_copy_is_made_once_and_taken_from_the_cache(tmp_path: Path) -> None:
    source = write(tmp_path, "a.svg", SVG)
    (first,) = composed(tmp_path, Picture("/uploads/a.svg", width=300, line=7)).published
    kept = tmp_path / ".newsletter/pictures" / first.name
    before = kept.stat().st_mtime_ns
    (second,) = composed(tmp_path, Picture("/uploads/a.svg", width=300, line=7)).published
    assert (second.data, kept.stat().st_mtime_ns) == (first.data, before)
    source.write_text(SVG.replace("#a63a25", "#23478f"))
    (third,) = composed(tmp_path, Picture("/uploads/a.svg", width=300, line=7)).published
    assert third.name != first.name


def test_an_edited_picture_is_noticed_by_a_composer_that_lives_long(tmp_path: Path) -> None:
    letter = page(hero=Hero(Picture("/uploads/a.png")), footer=None)
    composer = Composer(settings(tmp_path))
    draw(tmp_path, "a.png", (300, 100))
    assert 'width="300" height="100"' in composer.compose(letter, series(letter)).email.html
    draw(tmp_path, "a.png", (300, 200))
    os.utime(tmp_path / "static/uploads/a.png", ns=(1, 1))
    assert 'width="300" height="200"' in composer.compose(letter, series(letter)).email.html


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GIF89a", b"<svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html/>", b"\xff\xd8\xff\xe0" * 9],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_file_that_is_no_picture_is_an_error_and_the_mail_goes_on(tmp_path: Path, data: bytes, suffix: str) -> None:
    write(tmp_path, f"a.{suffix}", data)
    composition = composed(tmp_path, Picture(f"/uploads/a.{suffix}", line=7))
    finding = only_finding(composition)
    assert (finding.code, finding.severity) == ("picture-broken", Severity.ERROR)
    assert f"a.{suffix}" in finding.message
    assert "Boats float." in composition.email.html


def test_a_torn_picture_that_has_to_be_scaled_is_an_error(tmp_path: Path) -> None:
    path = draw(tmp_path, "a.jpg", (2000, 1000))
    path.write_bytes(path.read_bytes()[:5000])
    assert only_finding(composed(tmp_path, Picture("/uploads/a.jpg", line=7))).code == "picture-broken"


def test_a_decompression_bomb_is_not_decoded(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", (8_000, 8_000), "1")
    finding = only_finding(composed(tmp_path, Picture("/uploads/a.png", line=7)))
    assert finding.code == "picture-broken"
    assert "pixels" in finding.message


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 9000"/>',
        '<!DOCTYPE svg [<!ENTITY a "' + "x" * 9000 + '"><!ENTITY b "' + "&a;" * 900 + '"><!ENTITY c "' + "&b;" * 900 + '">]>'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>&c;</text></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + "<g>" * 5000 + "</g>" * 5000 + "</svg>",
    ],
)  # fmt: skip
def test_a_hostile_svg_ends_in_a_mail_all_the_same(tmp_path: Path, svg: str) -> None:
    write(tmp_path, "a.svg", svg)
    assert "Boats float." in composed(tmp_path, Picture("/uploads/a.svg", line=7)).email.html


def test_svg_reads_no_file_and_runs_no_script(tmp_path: Path) -> None:
    secret = draw(tmp_path, "secret.png", (10, 10))
    write(
        tmp_path,
        "a.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10">'
        f'<script>x</script><image href="{secret}" width="10" height="10"/>'
        f'<image xlink:href="file://{secret}" width="10" height="10"/></svg>',
    )
    (made,) = composed(tmp_path, Picture("/uploads/a.svg", width=10, line=7)).published
    assert Image.open(BytesIO(made.data)).getextrema()[3] == (0, 0)


@pytest.mark.parametrize("src", ["/../secret.png", "../../secret.png", "/uploads/%2e%2e/%2e%2e/secret.png", "/link.png", "//x/../secret.png", "..\\..\\secret.png", "/uploads/a\x00.png"])  # fmt: skip
def test_no_picture_outside_the_project_is_read(tmp_path: Path, src: str) -> None:
    root = tmp_path / "project"
    (root / "static").mkdir(parents=True)
    Image.new("RGB", (10, 10)).save(tmp_path / "secret.png")
    (root / "static" / "link.png").symlink_to(tmp_path / "secret.png")
    composition = composed(root, Picture(src, line=7), pictures={"delivery": "embed"})
    assert not composition.email.embedded


def test_a_picture_beside_its_page_is_found(tmp_path: Path) -> None:
    (tmp_path / "content/captains").mkdir(parents=True)
    Image.new("RGB", (200, 100)).save(tmp_path / "content/captains/knot.png")
    html = composed(tmp_path, Picture("knot.png", line=7)).email.html
    assert 'src="https://workdojos.com/captains/knots/knot.png"' in html
    assert 'width="200" height="100"' in html


@pytest.mark.parametrize(
    "src", ["", "javascript:alert(1)", "data:image/png;base64,AAAA", "file:///etc/passwd", "https://"]
)
def test_an_address_that_leads_to_no_picture_is_an_error_and_leaves_no_picture(tmp_path: Path, src: str) -> None:
    composition = composed(tmp_path, Picture(src, line=7))
    assert "<img" not in composition.email.html
    assert only_finding(composition).code == "picture-address"


def test_pictures_elsewhere_are_linked_and_not_fetched(tmp_path: Path) -> None:
    composition = composed(tmp_path, Picture("https://elsewhere.example/x.png?a=1&b=2", "x", line=7))
    assert 'src="https://elsewhere.example/x.png?a=1&amp;b=2"' in composition.email.html
    assert not composition.findings


def test_footer_pictures_share_one_height(tmp_path: Path) -> None:
    draw(tmp_path, "dash.png", (100, 100), "RGBA")
    draw(tmp_path, "random.png", (300, 100), "RGBA")
    letter = page(hero=None)
    html = Composer(settings(tmp_path)).compose(letter, series(letter)).email.html
    assert 'width="77" height="77"' in html
    assert 'width="232" height="77"' in html


def test_a_footer_picture_without_alt_text_says_where_it_leads(tmp_path: Path) -> None:
    letter = page()
    html = Composer(settings(tmp_path)).compose(letter, series(letter)).email.html
    assert 'alt="Unions"' in html
    assert 'alt="Captains"' in html


@pytest.mark.parametrize("place", ["logo.png", "uploads/logo.png", "images/logo.png"])
def test_the_logo_is_found_by_its_name(tmp_path: Path, place: str) -> None:
    (tmp_path / "static" / place).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (300, 100)).save(tmp_path / "static" / place)
    letter = page(sidebar=True, logo="logo")
    html = Composer(settings(tmp_path)).compose(letter, series(letter)).email.html
    assert f'src="https://workdojos.com/{place}" alt="Work Dojos" width="120" height="40"' in html


def test_without_its_file_the_logo_is_the_name_of_the_site(tmp_path: Path) -> None:
    letter = page(sidebar=True, logo="wordojos_logo", hero=None, footer=None)
    email = Composer(settings(tmp_path)).compose(letter, series(letter)).email
    assert "<img" not in email.html
    assert ">Work Dojos<" in email.html.replace("&#160;", "")


def test_a_cache_that_cant_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    write(tmp_path, "a.svg", SVG)
    (tmp_path / ".newsletter").write_text("a file where the folder should be")
    finding = only_finding(composed(tmp_path, Picture("/uploads/a.svg", line=7)))
    assert "cache" in finding.remedy
