from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from newsletter.compose.picture_files import mailable_copy, measure
from newsletter.errors import PictureError


def sample(kind: str, mode: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    output = BytesIO()
    Image.linear_gradient("L").resize((60, 40)).convert(mode).save(
        output, kind, **({"exif": exif} if kind != "GIF" else {})
    )
    return output.getvalue()


SAMPLES = [sample(kind, mode) for kind, mode in (("JPEG", "RGB"), ("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGBA"), ("TIFF", "RGB"), ("AVIF", "RGB"))]  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_damaged_picture_is_read_or_refused_and_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    bytes_ = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 6))):
        bytes_[data.draw(st.integers(0, len(bytes_) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("pictures")
    path = folder / "a.png"
    path.write_bytes(bytes_[: data.draw(st.integers(1, len(bytes_)))])
    try:
        mailable_copy(measure(path, folder / "cache"), 10, 10, folder / "cache", scale=True)
    except PictureError as error:
        assert error.where == str(path)
        assert error.remedy


def test_corners_that_are_round_dont_turn_black(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (600, 600), "#23478f")
    for x in range(20):
        for y in range(20):
            picture.putpixel((x, y), (0, 0, 0, 0))
    picture.save(tmp_path / "a.webp", lossless=True)
    made = mailable_copy(measure(tmp_path / "a.webp", tmp_path), 300, 300, tmp_path, scale=True)
    assert made
    corner = Image.open(BytesIO(made.data)).convert("RGB").getpixel((1, 1))
    assert isinstance(corner, tuple)
    assert min(corner) > 200


def test_a_copy_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(sample("WEBP", "RGB"))
    made = mailable_copy(measure(tmp_path / "a.webp", tmp_path), 30, 30, tmp_path / "cache", scale=True)
    assert made
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [made.name]
