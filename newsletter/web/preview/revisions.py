"""A page as it was: at a git revision, and as last sent."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from newsletter.compose.email import Email
from newsletter.config import Settings
from newsletter.errors import StoreError, UsageError

SHOWN = 20
GIT_SECONDS = 10
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@{}^~+-]{0,200}")
"""What may be asked of git: nothing that begins like an option or holds a `:`."""


@dataclass(frozen=True)
class Revision:
    """A commit that touched a page. `date` is a day as in 2026-12-24."""

    name: str
    date: str
    subject: str


def revisions_of(file: Path) -> tuple[Revision, ...]:
    """The latest commits that touched `file`, newest first; none outside a git repository or without git."""
    try:
        log = _git(file.parent, "log", f"-{SHOWN}", "--format=%h%x09%cs%x09%s", "--", file.name)
    except UsageError:
        return ()
    rows = (line.split("\t", 2) for line in log.decode("utf-8", "replace").splitlines())
    return tuple(Revision(*row) for row in rows if len(row) == 3)


def content_at(file: Path, revision: str) -> bytes:
    """What `file` held at `revision`. Raises UsageError when git knows no such revision or file."""
    if not REVISION.fullmatch(revision):
        raise UsageError(f"{revision!r} is not a git revision", remedy="For example HEAD~1 or a branch.")
    return _git(file.parent, "show", f"{revision}:./{file.name}")


def last_sent(settings: Settings, series: str, page_id: str) -> Email | None:
    """The email in which this page went out last; None when it never did, or there is no database yet."""
    from newsletter.store.database import open_database
    from newsletter.store.emails import last_sent_email

    prefix, _, file = settings.database_url.partition("sqlite:///")
    if not prefix and not Path(file).is_file():
        return None  # opening it would make it
    database = open_database(settings.database_url)
    try:
        with database.reading() as connection:
            return last_sent_email(connection, series, page_id)
    except StoreError:
        return None  # a database without tables: nothing was ever sent from it
    finally:
        database.close()


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError("git can't be asked", remedy="Is it installed?") from error
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise UsageError(f"git does not know it: {message}", where=folder)
    return done.stdout
