"""Which revision of the content is being mailed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git_revision(folder: Path) -> str:
    """The commit that `folder` is at, with `+` behind it when files there differ from it; "" outside of git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{commit}+" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    # the prompt and the optional locks are switched off: reading a revision must neither wait nor write
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    found = subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
        env=environment,
    )
    return found.stdout.strip()
