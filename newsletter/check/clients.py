"""What mail clients support, by the data of caniemail.com (see `caniemail.md` beside it), and which of it a mail uses."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any

import tinycss2

from newsletter.check.mail import Mail, line_of
from newsletter.check.rule import Problem
from newsletter.content.tree import Element
from newsletter.errors import DataError, SettingsError
from newsletter.finding import Severity

DATA = "caniemail.json.gz"
USUAL = (
    "gmail.desktop-webmail", "gmail.ios", "gmail.android", "apple-mail.macos", "apple-mail.ios", "outlook.windows",
    "outlook.macos", "outlook.outlook-com", "outlook.ios", "outlook.android", "yahoo.desktop-webmail",
    "samsung-email.android", "thunderbird.macos",
)  # fmt: skip
"""Clients that are looked at when newsletter.toml names none: those with the most readers."""

CODE_UNSUPPORTED, CODE_PARTIAL = "client-unsupported", "client-partial"


@dataclass(frozen=True)
class Feature:
    """One feature: its title and page, and for each client the versions in order of time with `y`, `n`, `a` or `u`."""

    slug: str
    title: str
    url: str
    stats: Mapping[str, tuple[tuple[str, str], ...]]
    notes: Mapping[str, str]


@dataclass(frozen=True)
class Support:
    """The features by slug, and the date of the data."""

    date: str
    names: Mapping[str, str]
    features: Mapping[str, Feature]


@lru_cache(maxsize=1)
def load_support() -> Support:
    """The data that comes with the program."""
    packed = files("newsletter.check").joinpath(DATA).read_bytes()
    return read_support(json.loads(gzip.decompress(packed)))


def read_support(data: Any) -> Support:
    """Support from the trimmed form. Raises DataError when it is something else."""
    try:
        features = {
            slug: Feature(
                slug,
                entry["title"],
                entry["url"],
                {client: tuple((version, value) for version, value in rows) for client, rows in entry["stats"].items()},
                entry.get("notes", {}),
            )
            for slug, entry in data["features"].items()
        }
        return Support(data["date"], data["clients"], features)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            "This is not the client data of the checker.", remedy="Use `newsletter check --refresh`."
        ) from error


def trim(raw: Any, source: str) -> dict[str, Any]:
    """The published data of caniemail.com (`api/data.json`, or the npm package's `caniemail.json`) in the trimmed form.

    Raises DataError when `raw` is something else.
    """
    try:
        families, platforms = raw["nicenames"]["family"], raw["nicenames"]["platform"]
        features = {}
        clients: dict[str, str] = {}
        for entry in raw["data"]:
            stats = {}
            for family, by_platform in entry["stats"].items():
                for platform, versions in by_platform.items():
                    client = f"{family}.{platform}"
                    clients[client] = f"{families.get(family, family)} {platforms.get(platform, platform)}"
                    stats[client] = [[version, value] for version, value in versions.items()]
            features[entry["slug"]] = {
                "title": entry["title"],
                "url": entry["url"],
                "stats": stats,
                "notes": entry.get("notes_by_num") or {},
            }
        return {
            "date": raw["last_update_date"],
            "licence": "MIT, Copyright (c) 2019 Rémi Parmentier",
            "source": source,
            "clients": dict(sorted(clients.items())),
            "features": features,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "This is not the data of caniemail.com.",
            remedy="Give the file caniemail.json, or the folder that holds it (of the npm package caniemail).",
        ) from error


def wanted_clients(chosen: Mapping[str, str], support: Support) -> dict[str, str]:
    """The clients to look at with the oldest version of each ("" : the newest). Raises SettingsError for an unknown one."""
    unknown = sorted(set(chosen) - set(support.names))
    if unknown:
        close = get_close_matches(unknown[0], support.names, n=3, cutoff=0.5) or USUAL
        raise SettingsError(
            f"[check.clients] {unknown[0]!r} is no client.", remedy=f"There are, among others: {', '.join(close)}."
        )
    for client, oldest in chosen.items():
        tried = dict.fromkeys(version for one in support.features.values() for version, _ in one.stats.get(client, ()))
        if oldest and oldest not in tried:
            raise SettingsError(
                f"[check.clients] {client}: nothing is known of version {oldest!r}.",
                remedy=f'Known are {", ".join(sorted(tried))}; "" is the newest.',
            )
    return dict(chosen) or dict.fromkeys(USUAL, "")


def worst(rows: Iterable[tuple[str, str]], oldest: str) -> tuple[str, str]:
    """The worst value from version `oldest` on, with the number of its note; the newest only when `oldest` is "".

    The file lists versions in order of time, which is not their order as text: Outlook 16.80 is newer than 2016.
    A feature that was not tried in version `oldest` is judged by all that were.
    """
    known = list(rows)
    names = [version for version, _ in known]
    start = names.index(oldest) if oldest in names else 0 if oldest else len(known) - 1
    best_last = sorted((value for _, value in known[start:]), key=lambda value: "nayu".find(value[:1]))
    note = re.search(r"#(\d+)", best_last[0]) if best_last else None
    return (best_last[0][:1] if best_last else "u", note[1] if note else "")


class ClientRules:
    """Judges mails by the support of the chosen clients. `baseline` are features that are not reported."""

    def __init__(self, chosen: Mapping[str, str], baseline: Iterable[str] = ()) -> None:
        self.support = load_support()
        self._clients = wanted_clients(chosen, self.support)
        self._baseline = frozenset(baseline)
        self._verdicts: dict[str, list[tuple[str, Severity, str]]] = {}

    def judge(self, mail: Mail) -> list[tuple[str, Problem]]:
        """Each feature that a chosen client does not fully support, once, at its first place."""
        found = []
        for slug, line in sorted(features_of(mail).items(), key=lambda item: (item[1] or 0, item[0])):
            if slug not in self._baseline and slug not in COSMETIC and slug in self.support.features:
                for code, severity, message in self._verdict(slug):
                    found.append((code, Problem(message, line, severity)))
        return found

    def _verdict(self, slug: str) -> list[tuple[str, Severity, str]]:
        if slug not in self._verdicts:
            feature = self.support.features[slug]
            lacking: list[str] = []
            partial: list[str] = []
            notes: dict[str, str] = {}
            for client, oldest in self._clients.items():
                value, note = worst(feature.stats.get(client, ()), oldest)
                name = self.support.names.get(client, client)
                if value == "n":
                    lacking.append(name)
                elif value == "a":
                    partial.append(name)
                    notes[note] = feature.notes.get(note, "")
            self._verdicts[slug] = _sentences(feature, lacking, partial, [note for note in notes.values() if note])
        return self._verdicts[slug]


def _sentences(
    feature: Feature, lacking: list[str], partial: list[str], notes: list[str]
) -> list[tuple[str, Severity, str]]:
    found = []
    where = f" See {feature.url}"
    if lacking:
        lost = feature.slug.startswith("image-") or feature.slug in LOST
        severity = Severity.ERROR if lost else Severity.WARNING
        found.append((CODE_UNSUPPORTED, severity, f"{feature.title} does not work in {', '.join(lacking)}.{where}"))
    notes = [note for note in notes if not RARE.search(note)]
    if partial and notes:
        works = f"{feature.title} works in part in {', '.join(partial)} ({notes[0].rstrip('.')}).{where}"
        found.append((CODE_PARTIAL, Severity.INFO, works))
    return found


COSMETIC = frozenset(
    [*(f"css-pseudo-class-{name}" for name in ("active", "focus", "hover", "link", "not", "visited")), "css-animation",
     "css-at-font-face", "css-at-import", "css-at-keyframes", "css-at-media", "css-at-supports", "css-transition",
     "css-background-position", "css-background-repeat", "css-background-size", "css-border-spacing", "css-clear",
     "css-box-sizing", "css-outline", "css-text-shadow", "css-box-shadow", "css-visibility", "html-background"]
)  # fmt: skip
"""What adds something where it works and takes nothing away where it does not: not worth a word."""

RARE = re.compile(r"logical|whitespace|longhand|non.google|shorthand", re.IGNORECASE)
"""Notes about partial support that hardly ever concern what a mail uses."""

LOST = frozenset(
    ["html-video", "html-audio", "html-svg", "html-object", "html-form", "html-picture", "html-image-maps"]
)
"""Elements that show nothing where they do not work; others fall back to the text in them."""

TAGS = {
    **{tag: f"html-{tag}" for tag in ["abbr", "acronym", "address", "audio", "base", "bdi", "blockquote", "code", "del", "dfn", "dialog", "form", "hr", "link", "marquee", "meter", "object", "picture", "pre", "progress", "rp", "rt", "ruby", "select", "small", "strike", "svg", "textarea", "video", "wbr"]},
    **dict.fromkeys(("section", "article", "nav", "header", "footer", "main", "aside", "figure", "figcaption"), "html-semantics"),
    "map": "html-image-maps",
}  # fmt: skip
ATTRIBUTES = {
    "srcset": "html-srcset", "background": "html-background", "hidden": "html-hidden", "loading": "html-loading-attribute",
    "popover": "html-popover", "required": "html-required",
}  # fmt: skip
TYPED = ("checkbox", "hidden", "radio", "reset", "submit", "text")
VALUES = {
    ("display", "flex"): "css-display-flex", ("display", "inline-flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid", ("display", "inline-grid"): "css-display-grid",
    ("display", "none"): "css-display-none",
}  # fmt: skip
SLUG_OF = {"top": "left-right-top-bottom", "left": "left-right-top-bottom", "right": "left-right-top-bottom",
           "bottom": "left-right-top-bottom", "row-gap": "gap", "column-gap": "gap", "columns": "column-count",
           "grid-template-columns": "grid-template", "grid-template-rows": "grid-template"}  # fmt: skip
FUNCTION = re.compile(r"\b(linear-gradient|radial-gradient|conic-gradient|clamp|min|max|light-dark|calc|var|rgba?)\(")
FUNCTIONS = {
    "clamp": "css-function-clamp", "min": "css-function-min", "max": "css-function-max", "calc": "css-unit-calc",
    "light-dark": "css-function-light-dark", "var": "css-variables",
}  # fmt: skip
UNIT = re.compile(r"(?<![\w#.-])\d*\.?\d+(ch|cm|em|ex|in|mm|pc|pt|rem|vh|vmax|vmin|vw)\b")
PICTURES = {"jpeg": "jpg", "tif": "tiff", "heic": "heif"}


def features_of(mail: Mail) -> dict[str, int | None]:
    """The slugs of the features a mail uses, each with the line of its first use (None: the templates)."""
    found: dict[str, int | None] = {}
    for element in mail.body.iter():
        if isinstance(element.tag, str):
            new = {slug for slug in _element_features(element) if found.get(slug) is None}
            if new:
                found.update(dict.fromkeys(new, line_of(element)))
    for block in mail.styles:
        for slug in _sheet_features(block):
            found.setdefault(slug, None)
    return found


def _element_features(element: Element) -> set[str]:
    found = set()
    if slug := TAGS.get(element.tag):
        found.add(slug)
    if element.tag == "input":
        kind = element.get("type", "text")
        found.add(f"html-input-{kind if kind in TYPED else 'text'}")
    if element.tag == "button":
        found.add("html-button-reset" if element.get("type") == "reset" else "html-button-submit")
    found.update(ATTRIBUTES[name] for name in element.attrib if name in ATTRIBUTES)
    if element.tag in ("img", "source"):
        found.update(_picture_features(element.get("src") or element.get("srcset") or ""))
    if element.get("style"):
        found.update(_declaration_features(element.get("style")))
    return found


def _picture_features(source: str) -> set[str]:
    if source.startswith("data:"):
        return {"image-base64"}
    ending = re.search(r"\.(\w{2,5})(?:$|[?#])", source)
    return {f"image-{PICTURES.get(ending[1].lower(), ending[1].lower())}"} if ending else set()


@lru_cache(maxsize=4096)
def _declaration_features(style: str) -> frozenset[str]:
    found = set()
    for declaration in style.split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found.update(_property_features(name.strip().lower(), value.strip().lower()))
    return frozenset(found)


def _property_features(name: str, value: str) -> set[str]:
    if name.startswith("--"):
        return {"css-variables"}
    if name.startswith(("mso-", "-webkit-", "-ms-", "-moz-")):
        return set()
    if name in ("box-shadow", "text-shadow"):
        return {f"css-{name}"}
    found = {f"css-{SLUG_OF.get(name, name)}"}
    if slug := VALUES.get((name, value.removesuffix("!important").strip())):
        found.add(slug)
    found.update(FUNCTIONS.get(function, f"css-{function}") for function in FUNCTION.findall(value))
    found.update(f"css-unit-{unit}" for unit in UNIT.findall(value))
    return found


@lru_cache(maxsize=256)
def _sheet_features(css: str) -> frozenset[str]:
    found: set[str] = set()
    pending = list(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True))
    while pending:
        node = pending.pop()
        if node.type == "at-rule":
            found.add(
                "css-at-keyframes" if node.lower_at_keyword.endswith("keyframes") else f"css-at-{node.lower_at_keyword}"
            )
            prelude = tinycss2.serialize(node.prelude)
            found.update(f"css-at-media-{feature}" for feature in MEDIA.findall(prelude))
        elif node.type == "qualified-rule":
            found.update(_selector_features(tinycss2.serialize(node.prelude)))
            for declaration in tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True):
                if declaration.type == "declaration":
                    found.update(
                        _property_features(declaration.lower_name, tinycss2.serialize(declaration.value).lower())
                    )
                elif declaration.type == "qualified-rule":
                    found.add("css-nesting")
    return frozenset(found)


MEDIA = re.compile(r"(hover|orientation|prefers-color-scheme|prefers-reduced-motion|device-pixel-ratio)")


def _selector_features(selector: str) -> set[str]:
    found = {f"css-pseudo-element-{name}" for name in re.findall(r"::([a-z-]+)", selector)}
    found |= {f"css-pseudo-class-{name}" for name in re.findall(r"(?<!:):([a-z-]+)", selector)}
    if "[" in selector:
        found.add("css-selector-attribute")
    return found
