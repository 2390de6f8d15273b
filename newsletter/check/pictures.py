"""Rules about pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.check.mail import Mail
from newsletter.check.rule import Problem, at, rule, shown
from newsletter.finding import Severity

ONE_PICTURE = 300_000
ALL_PICTURES = 1_000_000
"""Bytes. A megabyte takes eight seconds on a slow mobile connection (1 Mbit/s)."""
FILE_NAME = re.compile(r"[\w-]+\.(?:jpe?g|png|gif|svg|webp)|(?:img|dsc|image|screenshot)[-_ ]?\d+", re.IGNORECASE)


@rule(
    "alt-missing",
    Severity.ERROR,
    why="Half of all readers see a mail before its pictures are loaded, and some never see them: screen readers, "
    "Outlook and many company networks show the alternative text instead.",
    remedy='Say in a few words what the picture shows, or write alt="" if it only decorates.',
    bad='<img src="https://site.example/a.png" width="300">',
    good='<img src="https://site.example/a.png" width="300" alt="A red van at dawn">',
)
def alt_missing(mail: Mail) -> Iterator[Problem]:
    """Every picture has an `alt`, if need be an empty one; a picture that is a link needs words."""
    for image in (element for element in mail.written if element.tag == "img"):
        alone = next((up for up in image.iterancestors("a")), None)
        if image.get("alt") is None:
            yield at(image, f"The picture {shown(image.get('src', ''))} has no alternative text.")
        elif alone is not None and not image.get("alt").strip() and not "".join(alone.itertext()).strip():
            yield at(image, "A picture that is a link has an empty alternative text, so the link has no name.")


@rule(
    "alt-repeated",
    Severity.WARNING,
    why="Two pictures with the same alternative text can't be told apart by those who hear it.",
    remedy="Say of each picture what is different about it.",
    bad='<img src="https://site.example/a.png" alt="boat"><img src="https://site.example/b.png" alt="boat">',
    good='<img src="https://site.example/a.png" alt="a tug"><img src="https://site.example/b.png" alt="a ferry">',
)
def alt_repeated(mail: Mail) -> Iterator[Problem]:
    """Different pictures have different texts."""
    seen: dict[str, str] = {}
    for image in mail.named("img"):
        alt, source = (image.get("alt") or "").strip().lower(), image.get("src", "")
        if alt and seen.setdefault(alt, source) != source:
            yield at(image, f"The alternative text {shown(alt)} stands on another picture too.")


@rule(
    "alt-file-name",
    Severity.WARNING,
    why="A file name read aloud letter by letter says nothing.",
    remedy="Say in a few words what the picture shows.",
    bad='<img src="https://site.example/a.png" alt="IMG_2041.jpg">',
    good='<img src="https://site.example/a.png" alt="Six people around a table">',
)
def alt_file_name(mail: Mail) -> Iterator[Problem]:
    """An alternative text is not a file name."""
    for image in mail.named("img"):
        if FILE_NAME.fullmatch((image.get("alt") or "").strip()):
            yield at(image, f"The alternative text {shown(image.get('alt'))} is a file name.")


@rule(
    "picture-width",
    Severity.WARNING,
    why="Outlook for Windows ignores CSS widths and shows a picture as large as its file, which breaks the layout.",
    remedy="Give the picture a width in whole pixels.",
    bad='<img src="https://site.example/a.png" alt="A boat" width="100%">',
    good='<img src="https://site.example/a.png" alt="A boat" width="300">',
)
def picture_width(mail: Mail) -> Iterator[Problem]:
    """Every picture has an integer `width`."""
    for image in mail.named("img"):
        if not image.get("width", "").isdigit():
            yield at(image, f"The picture {shown(image.get('src', ''))} has no width in whole pixels.")


@rule(
    "picture-heavy",
    Severity.WARNING,
    why="Most mail is read on phones, often on a slow connection, and embedded pictures count towards the size limits "
    "of mail servers.",
    remedy="Scale the picture to 1200 pixels, or save a photo as JPEG with quality 80.",
    bad={"pictures": {"cid:a": 900_000}},
    good={"pictures": {"cid:a": 90_000}},
)
def picture_heavy(mail: Mail) -> Iterator[Problem]:
    """One picture has 300 kB at most, all of a mail together one megabyte."""
    for image in mail.named("img"):
        size = mail.pictures.get(image.get("src", ""), 0)
        if size > ONE_PICTURE:
            yield at(image, f"The picture {shown(image.get('alt') or image.get('src'))} has {size / 1000:.0f} kB.")
    total = sum(mail.pictures.values())
    if total > ALL_PICTURES or (not mail.traced and total > ONE_PICTURE):
        yield Problem(f"The pictures of this mail have {total / 1000:.0f} kB together.")
