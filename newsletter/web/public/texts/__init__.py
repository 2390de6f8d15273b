"""The words of the public pages in several languages: one TOML file for each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
FALLBACK = "en"


@dataclass(frozen=True)
class Texts:
    """The words in one language."""

    lang: str
    words: Mapping[str, str]

    def __call__(self, key: str, **values: str) -> str:
        """The words for `key`, with `values` filled in."""
        return self.words[key].format(**values)


@cache
def catalogues() -> Mapping[str, Texts]:
    """Every language there is a file for."""
    return {
        file.stem: Texts(file.stem, tomllib.loads(file.read_text(encoding="utf-8"))) for file in FOLDER.glob("*.toml")
    }


def choose(*wishes: str) -> Texts:
    """The texts in the first language that is wished for and spoken; a wish is a tag or an Accept-Language header."""
    for wish in wishes:
        for tag in _by_weight(wish):
            spoken = catalogues().get(tag.split("-")[0])
            if spoken:
                return spoken
    return catalogues()[FALLBACK]


def _by_weight(header: str) -> list[str]:
    """The tags of an Accept-Language header (RFC 9110 §12.5.4), the most wished for first."""
    weighted: list[tuple[float, str]] = []
    for part in header[:200].lower().replace("_", "-").split(","):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            weighted.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda item: item[0])]
