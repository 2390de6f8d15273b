"""One picture file: what it is, and the copy of it that every client can show."""

from __future__ import annotations

import re
import struct
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from newsletter.compose.svg import draw_svg, read_svg
from newsletter.errors import PictureError

LARGEST_FILE = 30_000_000
"""Bytes of a picture file that is opened at all."""

MOST_PIXELS = 60_000_000
"""Pixels: a little more than the largest camera sensors in common use; decoded that is 240 MB."""

MAILABLE = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif"}
"""Formats that every client shows (caniemail: no WebP or AVIF in Outlook for Windows, no SVG in Gmail)."""

READABLE = (*MAILABLE, "WEBP", "AVIF", "BMP", "TIFF", "ICO")
RECIPE = "1"
"""Part of the key of cached pictures: counts up when they are made differently."""

PROBE = 160
NEARLY_OPAQUE = 250
EDGE = 0.01
"""A drawing is looked at this many pixels wide; fewer than a hundredth of them below this alpha are an edge."""

DAMAGES = (
    *(OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError),
    *(SyntaxError, EOFError, MemoryError, struct.error, Image.DecompressionBombError),
)
"""What Pillow raises for a torn or forged file, found by feeding it some thousands."""

JPEG_QUALITY = 82
SCALE_FROM = 1.25
"""A picture is scaled down when it is wider than needed by this factor; below, the gain is not worth a copy."""


@dataclass(frozen=True)
class PictureFile:
    """A measured picture: `width` and `height` in pixels, for SVG (`scalable`) in CSS pixels."""

    path: Path
    digest: str
    media_type: str
    width: int
    height: int
    transparent: bool
    animated: bool = False
    scalable: bool = False


@dataclass(frozen=True)
class MadePicture:
    """A copy made for mailing."""

    name: str
    media_type: str
    data: bytes


def measure(path: Path, cache: Path) -> PictureFile:
    """What kind of picture `path` is. Pixels are decoded only to see whether an alpha channel is in use.

    A drawing is drawn small for that, and kept in `cache`. Raises PictureError for a file that is no picture, of a
    kind we don't read, or too large to be decoded safely.
    """
    data = contents(path)
    digest = sha256(data).hexdigest()
    if path.suffix.lower() == ".svg" or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml", b"<!")):
        _, width, height = read_svg(data, str(path))
        drawing = PictureFile(path, digest, "image/svg+xml", width, height, transparent=True, scalable=True)
        probe = mailable_copy(drawing, PROBE, max(1, round(PROBE * height / width)), cache, scale=True)
        return replace(drawing, transparent=probe is None or _shows_through(probe.data, path))
    with _opened(data, path) as image:
        width, height = image.size
        if image.getexif().get(0x0112) in (5, 6, 7, 8):
            width, height = height, width
        return PictureFile(
            path,
            digest,
            MAILABLE.get(str(image.format), ""),
            width,
            height,
            transparent=_has_alpha(image) and _shows_through(data, path),
            animated=getattr(image, "n_frames", 1) > 1,
        )


def mailable_copy(file: PictureFile, width: int, height: int, cache: Path, *, scale: bool) -> MadePicture | None:
    """A PNG or JPEG of `width` × `height` pixels at most, None when the file itself will do.

    `scale`: also what is merely larger than needed is copied, not only what some client can't show. The copy
    is kept in `cache` under a name that holds its content hash. Raises PictureError when it can't be made.
    """
    too_large = file.width > SCALE_FROM * width and not file.animated
    if file.media_type in MAILABLE.values() and not (scale and too_large):
        return None
    key = sha256(f"{RECIPE} {file.digest} {width}x{height}".encode()).hexdigest()[:20]
    stem = re.sub(r"[^a-z0-9]+", "-", file.path.stem.lower()).strip("-")[:40] or "picture"
    for suffix, media_type in ((".png", "image/png"), (".jpg", "image/jpeg")):
        name = f"{stem}-{key}{suffix}"
        if (cache / name).is_file():
            return MadePicture(name, media_type, contents(cache / name))
    if file.scalable:
        svg, _, _ = read_svg(contents(file.path), str(file.path))
        data, suffix, media_type = draw_svg(svg, width, height, str(file.path)), ".png", "image/png"
    else:
        data, suffix, media_type = _scaled(file, width, height)
    name = f"{stem}-{key}{suffix}"
    _keep(cache / name, data)
    return MadePicture(name, media_type, data)


def _scaled(file: PictureFile, width: int, height: int) -> tuple[bytes, str, str]:
    with _opened(contents(file.path), file.path) as image:
        picture = ImageOps.exif_transpose(image).convert("RGBA" if _has_alpha(image) else "RGB")
        if picture.width > width:
            picture = picture.resize((width, min(height, picture.height)), Image.Resampling.LANCZOS)
        output = BytesIO()
        if file.transparent or file.media_type in ("image/png", "image/gif"):
            picture.save(output, "PNG", optimize=True)
            return output.getvalue(), ".png", "image/png"
        if picture.mode == "RGBA":
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture).convert("RGB")
        picture.save(output, "JPEG", quality=JPEG_QUALITY, progressive=True, optimize=True)
        return output.getvalue(), ".jpg", "image/jpeg"


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _shows_through(data: bytes, path: Path) -> bool:
    """Whether more than an edge of a picture lets what is behind it show."""
    with _opened(data, path) as image:
        histogram = image.convert("RGBA").getchannel("A").histogram()
    return sum(histogram[:NEARLY_OPAQUE]) > sum(histogram) * EDGE


@contextmanager
def _opened(data: bytes, path: Path) -> Iterator[Image.Image]:
    """A picture, opened but not decoded; whatever Pillow raises while it is looked at becomes a PictureError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=READABLE) as image:
                _refuse_bomb(image, path)
                yield image
        except UnidentifiedImageError as error:
            remedy = "Use a PNG, JPEG, GIF, WebP, AVIF or SVG file, and save it anew."
            raise PictureError("this is not a picture we can read", where=path, remedy=remedy) from error
        except DAMAGES as error:
            raise PictureError(
                f"this picture is damaged: {error}", where=path, remedy="Save the picture anew."
            ) from error


def _refuse_bomb(image: Image.Image, path: Path) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise PictureError(
            f"this picture has {image.width:,} × {image.height:,} pixels, too many to be decoded safely",
            where=path,
            remedy=f"Scale it to {MOST_PIXELS // 1_000_000} million pixels or fewer; a mail shows 1200 in width.",
        )


def contents(path: Path) -> bytes:
    """The bytes of a file. Raises PictureError for one that can't be read or is too large."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise PictureError(
                f"this file has more than {LARGEST_FILE // 1_000_000} MB", where=path, remedy="Scale the picture down."
            )
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"can't be read: {error.strerror}", where=path) from error


def _keep(path: Path, data: bytes) -> None:
    """Write a cached picture whole or not at all: another process may be reading the same name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise PictureError(
            f"the copy made for mailing can't be kept: {error.strerror}",
            where=path,
            remedy="Make the folder writable, or name another one with `[pictures] cache`.",
        ) from error
