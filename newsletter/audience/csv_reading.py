"""Reading CSV files as other programs write them: whatever the encoding, the delimiter and the quoting.

Nothing is lost in silence: a record that can't be read is handed on with what is wrong with it.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from newsletter.audience.spreadsheet import unsafe
from newsletter.errors import DataError

_SAMPLE = 65536
LONGEST_LINE = 4_000_000
"""Characters: ten thousand columns of hundreds of letters. What is longer is no list of people, and must not fill the memory."""
_SAVE_ANEW = "Save it as CSV (UTF-8), and import that."
_DELIMITERS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)
_SURROGATE = re.compile("[\udc80-\udcff]")
_FOREIGN = re.compile(rb"[\x80-\xff]+")
_LATIN_2 = frozenset({"Polish", "Czech", "Slovak", "Hungarian", "Slovene", "Croatian", "Romanian"})
_OTHER_SCRIPTS = re.compile(
    r"cp1251|cp1253|cp1255|cp1256|cp93[26]|cp949|cp950|koi8|gb|big5|euc|shift|iso2022|johab|mac_cyr"
)
_NOT_TEXT = {
    b"PK\x03\x04": "is a workbook or an archive, not a CSV file",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook, not a CSV file",
    b"%PDF": "is a PDF, not a CSV file",
}


class Record(NamedTuple):
    """One record. `row` counts as a spreadsheet does: from 1, the header included. `problem` says why it can't be used."""

    row: int
    cells: list[str]
    problem: str


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose encoding, delimiter and header are known.

    `first_row` is the number of its first record: 0 where that is `sep=;`, for which Excel shows no row.
    """

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_row: int
    size: int
    first_row: int = 1

    def records(self, on_position: Callable[[int], None] | None = None) -> Iterator[Record]:
        """The records below the header; blank ones and repetitions of the header are left out.

        `on_position` is told now and then how many bytes have been read. Raises DataError, with its line, for a
        quote that is never closed and for bytes that the encoding can't hold.
        """
        width = len(self.header)
        with self.path.open("rb") as raw, _as_text(raw, self.encoding) as file:
            for record in _read(file, self.delimiter, self.path, self.first_row):
                if on_position is not None and record.row % 1024 == 0:
                    on_position(raw.tell())
                cells = record.cells
                if record.row <= self.header_row or not any(cells) or tuple(cells) == self.header:
                    continue
                if record.problem or len(cells) == width:
                    yield record
                elif len(cells) < width:
                    yield Record(record.row, cells + [""] * (width - len(cells)), "")
                elif any(cell.strip() for cell in cells[width:]):
                    problem = f"has {len(cells)} cells, but the header {width}: is a quote or a delimiter out of place?"
                    yield Record(record.row, cells, problem)
                else:
                    yield Record(record.row, cells[:width], "")


def open_csv(path: Path, is_header: Callable[[list[str]], bool]) -> CsvFile:
    """Find out how the file is written. `is_header` knows a header when it sees one.

    Raises DataError for a file that is no text, is empty, or whose first ten records hold no header.
    """
    try:
        size = path.stat().st_size
        encoding = detect_encoding(path)
        with path.open("rb") as raw, _as_text(raw, encoding) as file:
            sample = file.read(_SAMPLE)
    except OSError as error:
        raise DataError(
            f"can't be read: {error.strerror}", where=path, remedy="Check its name and who may read it."
        ) from error
    except UnicodeError as error:
        raise DataError(
            f"is not {encoding}, though it begins as such: {error}", where=path, remedy=_SAVE_ANEW
        ) from error
    if not sample.strip():
        raise DataError(
            "is empty", where=path, remedy="Export it anew; the first row names the columns, for example email,name."
        )
    told = _SEP_LINE.match(sample.partition("\n")[0])
    delimiters, first_row = ((told.group(1),), 0) if told else (_DELIMITERS, 1)
    found: list[tuple[int, str, int, list[str]]] = []
    for delimiter in delimiters:
        for row, cells in enumerate(_first_rows(sample, delimiter), first_row):
            if is_header(cells):
                found.append((len(cells), delimiter, row, cells))
                break
    if not found:
        raise _no_header(path, sample, delimiters)
    _, delimiter, row, cells = max(found, key=lambda item: item[0])
    while cells and not cells[-1]:  # a delimiter at the end of the header, as some programs write it
        cells.pop()
    return CsvFile(path, encoding, delimiter, tuple(cells), row, size, first_row)


def detect_encoding(path: Path) -> str:
    """The encoding of a text file: by byte order mark, by its zeros (UTF-16), as UTF-8, else by its letters.

    The whole file is looked at, since the first accent may stand in its last line. Raises DataError for a file
    that is no text.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for magic, what in _NOT_TEXT.items():
        if head.startswith(magic):
            raise DataError(what, where=path, remedy="Unpack it, or save the sheet as CSV (UTF-8), and import that.")
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) > 3 and head.count(b"\0") > len(head) // 4:
        return "utf-16-le" if head[1::2].count(b"\0") > head[::2].count(b"\0") else "utf-16-be"
    return _eight_bit_encoding(path)


def _eight_bit_encoding(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    letters = strangers = 0
    sample = bytearray()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            text = decoder.decode(chunk)
            if text.isascii():
                continue
            strange = len(_SURROGATE.findall(text))
            strangers += strange
            letters += len(text) - len(text.encode("ascii", "ignore")) - strange
            if strange and len(sample) < _SAMPLE:
                lines = (line for line in chunk.splitlines(keepends=True) if not line.isascii())
                sample += b"".join(islice(lines, 2000))[:_SAMPLE]
    # Mostly UTF-8 with some foreign lines (two exports glued together): those lines are refused one by one.
    if letters >= strangers:
        return "utf-8"
    return _by_letters(bytes(sample))


def _by_letters(sample: bytes) -> str:
    """A code page by its letters.

    On a handful of names the detector guesses wildly, so it is asked one thing at a time. Latin letters with accents
    stand alone among ASCII, letters of other scripts side by side. Among the Latin code pages it is Windows-1252, which
    Excel writes in western Europe, unless language or letters speak for the one of central Europe.
    """
    from charset_normalizer import from_bytes

    foreign = sum(len(run) for run in _FOREIGN.findall(sample))
    side_by_side = sum(len(run) for run in _FOREIGN.findall(sample) if len(run) > 1)
    matches = from_bytes(sample)
    best = matches.best()
    if best is not None and side_by_side > foreign / 2:
        return next((match.encoding for match in matches if _OTHER_SCRIPTS.match(match.encoding)), "cp1252")
    central = best is not None and best.encoding == "cp1250" and best.language in _LATIN_2
    return "cp1250" if central or _signs(sample, "cp1250") < _signs(sample, "cp1252") else "cp1252"


def _signs(sample: bytes, encoding: str) -> int:
    """How many signs stand where letters should: `£ukasz` for `Łukasz`."""
    return sum(1 for sign in sample.decode(encoding, "replace") if sign > "\x7f" and not sign.isalpha())


def _as_text(raw: BinaryIO, encoding: str) -> TextIOWrapper:
    errors = "strict" if encoding.startswith("utf-16") else "surrogateescape"
    return TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")


def _read(file: TextIOWrapper, delimiter: str, path: Path, first_row: int) -> Iterator[Record]:
    reader = csv.reader(_lines(file, path), delimiter=delimiter, strict=True)
    row = first_row - 1
    while True:
        row += 1
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                raise DataError(
                    f"holds a cell of more than {csv.field_size_limit():,} letters",
                    where=path,
                    line=line,
                    remedy="Shorten it, or take its column out, and import again.",
                ) from error
            if "expected after" not in str(error):
                raise DataError(
                    "a quote that opens here is never closed",
                    where=path,
                    line=line,
                    remedy="Close it and import again.",
                ) from error
            yield Record(row, [f"line {line}"], 'has a quote out of place; write "" for a quote within quotes')
            continue
        except UnicodeError as error:
            encoding = getattr(error, "encoding", "text")
            raise DataError(f"is not {encoding}", where=path, line=line, remedy=_SAVE_ANEW) from error
        text = "".join(cells)
        if "'" in text:
            cells = [unsafe(cell) for cell in cells]
        if not text.isascii() and _SURROGATE.search(text):
            yield Record(row, cells, "holds letters in another encoding than the rest of the file; save it as UTF-8")
        elif "\0" in text:
            yield Record(row, cells, "holds a NUL character, which no text has; take it out")
        else:
            yield Record(row, cells, "")


def _lines(file: TextIOWrapper, path: Path) -> Iterator[str]:
    for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE), ""), start=1):
        if len(line) == LONGEST_LINE:
            raise DataError("holds a line of millions of letters", where=path, line=number, remedy=_SAVE_ANEW)
        yield line


def _first_rows(sample: str, delimiter: str) -> Iterator[list[str]]:
    # Without the strictness of the real reading: the sample may end inside a quote.
    lines = sample.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in islice(reader, 10):
            yield [cell.strip() for cell in cells]
    except csv.Error:
        return


def _no_header(path: Path, sample: str, delimiters: tuple[str, ...]) -> DataError:
    rows = [next(filter(any, _first_rows(sample, delimiter)), []) for delimiter in delimiters]
    cells = max(rows, key=len)
    names = ", ".join(repr(cell if len(cell) < 40 else f"{cell[:37]}…") for cell in cells[:20])
    if any("@" in cell for cell in cells):
        message = f"has no header: its first row is {names}"
        remedy = "Put a row with the names of the columns on top, for example email,name."
    else:
        message = f"has no e-mail column; its columns are {names}"
        remedy = "Name the column with the addresses email."
    return DataError(message, where=path, remedy=remedy)
