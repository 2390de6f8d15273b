"""Running `newsletter` as a person does: a process of its own, in a project's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def newsletter(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder` and wait for it."""
    return subprocess.run(
        [sys.executable, "-m", "newsletter", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
