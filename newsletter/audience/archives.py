"""Exports that come as a ZIP archive, as those of Mailchimp and Substack do."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from newsletter.errors import DataError

MOST_BYTES = 4 * 1024**3
"""Unpacked. An archive of a few kilobytes can hold petabytes."""

_WORKBOOK = "[Content_Types].xml"


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path, ...]]:
    """The CSV files to import: `path` itself, or those in it if it is an archive, unpacked while the block runs.

    The names of the files stay, since they may say whom they are about (`unsubscribed_members_export.csv`). Pages of a
    blog in the same archive are passed over. Raises DataError for an archive without CSV files, or too large a one.
    """
    if not zipfile.is_zipfile(path):
        yield (path,)
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="newsletter-") as folder:
        if _WORKBOOK in archive.namelist():
            raise DataError("is a workbook, not a CSV file", where=path, remedy="Save the sheet as CSV (UTF-8).")
        members = [item for item in archive.infolist() if not item.is_dir() and _is_list(item.filename)]
        if not members:
            raise DataError("holds no CSV file of subscribers", where=path, remedy="Export the list as CSV.")
        if sum(item.file_size for item in members) > MOST_BYTES:
            raise DataError("is larger than 4 GB unpacked", where=path, remedy="Unpack it, and import its files.")
        yield tuple(_unpack(archive, item, Path(folder)) for item in members)


def _is_list(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() == ".csv" and "__MACOSX" not in path.parts and path.name != "posts.csv"


def _unpack(archive: zipfile.ZipFile, item: zipfile.ZipInfo, folder: Path) -> Path:
    """Write one member beside the others, whatever folders its name claims."""
    target = folder / str(len(list(folder.iterdir()))) / PurePosixPath(item.filename).name
    target.parent.mkdir()
    try:
        with archive.open(item) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise DataError(
            f"{item.filename} can't be unpacked: {error}", where=str(archive.filename), remedy="Export it anew."
        ) from error
    return target
