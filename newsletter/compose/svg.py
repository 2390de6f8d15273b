"""SVG → PNG, since Gmail and Outlook show no SVG."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from lxml import etree

from newsletter.errors import PictureError

LARGEST_FILE = 2_000_000
"""Bytes: a drawing for a newsletter has some kilobytes."""

LARGEST_SIDE = 4096
"""Pixels of the PNG, either way."""

SECONDS = 20
"""Seconds on the clock that drawing may take."""

PROGRAM = Path(__file__).with_name("draw_svg.py")
UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-z%]*)\s*")
FORBIDDEN = frozenset(("script", "foreignObject", "iframe", "audio", "video", "handler"))


def read_svg(data: bytes, where: str) -> tuple[bytes, int, int]:
    """A harmless copy of an SVG, and its width and height in CSS pixels.

    Everything that points out of the file is taken away: resvg would read `<image href="/etc/passwd">`.
    Raises PictureError for a file that is not SVG, has no size, or is too large.
    """
    if len(data) > LARGEST_FILE:
        raise PictureError(
            f"this SVG has {len(data):,} bytes, more than {LARGEST_FILE:,}",
            where=where,
            remedy="Simplify the drawing, or save it as PNG.",
        )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PictureError(f"this is not SVG: {error}", where=where, remedy="Save the picture anew.") from error
    if etree.QName(root).localname != "svg":
        raise PictureError("this is not SVG: its root is not <svg>", where=where, remedy="Save the picture anew.")
    _take_away_what_points_outside(root)
    width, height = _size(root, where)
    return etree.tostring(root), width, height


def draw_svg(svg: bytes, width: int, height: int, where: str) -> bytes:
    """Draw a cleaned SVG as PNG of `width` × `height` pixels, alpha kept.

    Raises PictureError when it can't be drawn within the limits.
    """
    if max(width, height) > LARGEST_SIDE:
        raise PictureError(f"{width} × {height} pixels are too many to draw", where=where)
    command = [sys.executable, "-I", str(PROGRAM), str(width), str(height)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and numbers
            command, input=svg, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PictureError(
            f"this SVG takes more than {SECONDS} seconds to draw", where=where, remedy="Simplify the drawing."
        ) from error
    if done.returncode or not done.stdout.startswith(b"\x89PNG"):
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise PictureError(
            f"this SVG can't be drawn: {lines[-1] if lines else 'the drawing process died'}",
            where=where,
            remedy="Simplify the drawing, or save it as PNG.",
        )
    return done.stdout


def _take_away_what_points_outside(root: Any) -> None:
    for element in list(root.iter()):
        if not isinstance(element.tag, str):
            element.text = None
            continue
        if etree.QName(element).localname in FORBIDDEN and element is not root:
            element.getparent().remove(element)
            continue
        for name, value in list(element.attrib.items()):
            local = etree.QName(name).localname
            points = local in ("href", "src") and not value.strip().startswith(("#", "data:image/"))
            if points or local == "base" or local.startswith("on"):
                del element.attrib[name]


def _size(root: Any, where: str) -> tuple[int, int]:
    box = [float(number) for number in re.findall(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?", root.get("viewBox", ""))[:4]]
    box_width, box_height = (box[2], box[3]) if len(box) == 4 and box[2] > 0 and box[3] > 0 else (0.0, 0.0)
    width, height = _pixels(root.get("width")), _pixels(root.get("height"))
    if box_width and width and not height:
        height = width * box_height / box_width
    elif box_width and height and not width:
        width = height * box_width / box_height
    width, height = width or box_width, height or box_height
    if not (0 < width < 1e6 and 0 < height < 1e6):
        raise PictureError("this SVG has no size", where=where, remedy='Give its <svg> a viewBox="0 0 WIDTH HEIGHT".')
    return max(1, round(width)), max(1, round(height))


def _pixels(length: str | None) -> float:
    match = LENGTH.fullmatch(length or "")
    return float(match[1]) * UNITS.get(match[2], 0.0) if match else 0.0
