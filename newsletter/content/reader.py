"""The content folder → Series. The only file of this room that touches the disk."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path

from newsletter.content.decoding import LIMIT
from newsletter.content.order import put_in_order
from newsletter.content.page import Page, Series
from newsletter.content.page_file import EXTENSIONS, file_name, parse_page
from newsletter.errors import ContentError
from newsletter.finding import Finding, Severity

__all__ = ["list_series", "parse_page", "read_page", "read_series"]

NOT_FOR_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Line breaks and escape codes would reach the terminal; surrogates stand for bytes that are not UTF-8."""

ReadPage = Callable[[Path, str, Path, str], Page]
"""`read_page`, or the same with a memory: a preview reads hundreds of pages again at every save."""


def list_series(content: Path) -> tuple[str, ...]:
    """The names of the series: the folders of `content` that hold pages. Raises ContentError without such a folder."""
    if not content.is_dir():
        raise ContentError(
            "There is no such content folder.",
            where=content,
            remedy="Make it, or name the right one in newsletter.toml under [site] content.",
        )
    folders = sorted(entry.name for entry in content.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return tuple(name for name in folders if next(_files(content, name), None) is not None)


def read_page(file: Path, path: str, content: Path, series: str) -> Page:
    """Read the page in `file`, which authors know as `path`. Raises ContentError for one that can't be read."""
    return parse_page(_read(file, path, content), path=path, series=series)


def read_series(content: Path, name: str, read: ReadPage = read_page, *, lang: str = "en") -> Series:
    """Read the pages of one series, in reading order, each by `read`; of translations, those in `lang`.

    A page that can't be read becomes an error in `broken` and is in no other place, so it can't be mailed.
    Raises ContentError when there is no such series.
    """
    names = list_series(content)
    if name not in names:
        close = get_close_matches(name, names, n=1)
        known = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(names) or 'none'}."
        raise ContentError(f"There is no series {name!r}.", where=content, remedy=known)
    pages: dict[str, Page] = {}
    broken: list[Finding] = []
    findings: list[Finding] = []
    for file, path in _without_translations(list(_files(content, name, findings)), lang, findings):
        try:
            page = read(file, path, content, name)
            if page.id in pages:
                raise _same_id(page, pages[page.id])
            pages[page.id] = page
        except ContentError as error:
            broken.append(Finding("page-unreadable", Severity.ERROR, error.message, path, error.line, error.remedy))
    ordered, about_order = put_in_order(name, list(pages.values()), broken)
    index = next((page for page in ordered if page.slug == "_index"), None)
    title = index.title if index else name.replace("-", " ").replace("_", " ").title()
    return Series(name, title, ordered, (*findings, *about_order), tuple(broken))


def _files(content: Path, name: str, findings: list[Finding] | None = None) -> Iterator[tuple[Path, str]]:
    """The page files of a series with their paths below `content`, sorted.

    In a folder with an `index.md` (a page bundle) the other files belong to that page, as in Hugo; those that could
    be pages, and files in formats that can't be read, are reported.
    """
    series = content / name
    for folder, folders, files in os.walk(series, followlinks=False):
        folders[:] = sorted(entry for entry in folders if not entry.startswith("."))
        seen = sorted(file for file in files if not file.startswith((".", "#", "~")))
        found = [file for file in seen if file.lower().endswith(EXTENSIONS)]
        index = [file for file in found if file.split(".")[0] == "index"] if Path(folder) != series else []
        for file in seen:
            path = _shown(Path(folder) / file, content)
            if file in (index or found):
                yield Path(folder) / file, path
            elif findings is not None and file in found:
                findings.append(_left_out(path, f"The folder is the page {index[0]}, so this file is none.", BUNDLE))
            elif findings is not None and file.lower().endswith(UNREADABLE):
                findings.append(_left_out(path, "This kind of file can't be read, so it is no page.", OTHER_KIND))


def _shown(file: Path, content: Path) -> str:
    path = file.relative_to(content).as_posix()
    return NOT_FOR_NAMES.sub(lambda match: ascii(match[0])[1:-1], path)


UNREADABLE = (".mdx", ".adoc", ".asciidoc", ".rst", ".org", ".ipynb", ".docx", ".odt")
"""Formats that people write pages in, and that would be missed without a word."""
BUNDLE = "Move it out of the folder if it is to be mailed, or give it another name: `_index.md` makes a section."
OTHER_KIND = "Save it as Markdown (.md) or HTML (.html) if it is to be mailed."


def _left_out(path: str, message: str, remedy: str) -> Finding:
    return Finding("file-left-out", Severity.WARNING, message, path, 1, remedy)


def _without_translations(
    files: list[tuple[Path, str]], lang: str, findings: list[Finding]
) -> Iterator[tuple[Path, str]]:
    """Leave out `learning.de.md` beside `learning.md`: one reader must not get the same page in two languages.

    Of `learning.ar.md` and `learning.en.md` without a `learning.md`, the one in `lang` is the page, else the first.
    """
    versions: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for _, path in files:
        slug, language = file_name(path)
        versions.setdefault((path.rpartition("/")[0], slug), []).append((language, path))
    for file, path in files:
        slug, language = file_name(path)
        others = versions[(path.rpartition("/")[0], slug)]
        chosen = min(others, key=lambda version: (version[0] != "", version[0] != lang, version[1]))
        if not language or chosen[1] == path:
            yield file, path
            continue
        findings.append(
            Finding(
                "translation-left-out",
                Severity.INFO,
                f"This is {slug!r} in {language!r}; the series mails {chosen[1]}.",
                path,
                1,
                "Put the translation into a series of its own.",
            )
        )


def _read(file: Path, path: str, content: Path) -> bytes:
    if NOT_FOR_NAMES.search(str(file.relative_to(content))):
        raise ContentError(
            "The name of the file holds a character that can't be shown.",
            where=path,
            remedy="Rename it, with letters, digits and hyphens.",
        )
    try:
        is_inside = file.resolve().is_relative_to(content.resolve())
    except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 raise RuntimeError for a link to itself
        raise ContentError(
            "The file is a link that leads nowhere.", where=path, remedy="Copy the file to its place."
        ) from error
    if not is_inside:
        raise ContentError(
            "The file is a link that leads out of the content folder.", where=path, remedy="Copy the file to its place."
        )
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ContentError("This is not a regular file.", where=path, remedy="Remove it from the content folder.")
        if status.st_size > LIMIT:
            raise ContentError(
                f"The file has {status.st_size:,} bytes; a page may have {LIMIT:,}.",
                where=path,
                remedy="Split the page.",
            )
        return file.read_bytes()
    except OSError as error:
        raise ContentError(
            f"The file can't be read: {error.strerror}.", where=path, remedy="Check that it exists and may be read."
        ) from error


def _same_id(page: Page, other: Page) -> ContentError:
    return ContentError(
        f"The page has the id {page.id!r}, and so has {other.path}.",
        where=page.path,
        line=page.keys.get("id", page.keys.get("slug", 1)),
        remedy="Give one of them another `id` in its front matter: progress is kept by it.",
    )
