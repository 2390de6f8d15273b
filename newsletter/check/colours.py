"""Colours: reading them, their contrast, and how Gmail's app turns them dark."""

from __future__ import annotations

import colorsys
import re
from functools import lru_cache
from typing import NamedTuple

NAMES = {
    "black": "#000000", "white": "#ffffff", "red": "#ff0000", "green": "#008000", "blue": "#0000ff", "gray": "#808080",
    "grey": "#808080", "silver": "#c0c0c0", "maroon": "#800000", "yellow": "#ffff00", "olive": "#808000",
    "lime": "#00ff00", "aqua": "#00ffff", "teal": "#008080", "navy": "#000080", "fuchsia": "#ff00ff",
    "purple": "#800080", "orange": "#ffa500",
}  # fmt: skip


class Colour(NamedTuple):
    """A colour in sRGB, 0–255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


@lru_cache(maxsize=512)
def parse_colour(text: str) -> Colour | None:
    """The colour written as `#abc`, `#aabbcc`, `rgb(1, 2, 3)` or a basic name; None for anything else."""
    written = text.strip().lower().replace("!important", "").strip()
    written = NAMES.get(written, written)
    if short := re.fullmatch(r"#([0-9a-f])([0-9a-f])([0-9a-f])", written):
        return Colour(*(int(digit * 2, 16) for digit in short.groups()))
    if long := re.fullmatch(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", written):
        return Colour(*(int(pair, 16) for pair in long.groups()))
    if parts := re.fullmatch(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)", written):
        return Colour(*(min(int(part), 255) for part in parts.groups()))
    return None


@lru_cache(maxsize=2048)
def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2: 1 (none) to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def inverted(colour: Colour) -> Colour:
    """The colour as clients that force dark mode show it: its lightness turned round, its hue kept."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    turned = colorsys.hls_to_rgb(hue, 1 - lightness, saturation)
    return Colour(*(round(part * 255) for part in turned))
