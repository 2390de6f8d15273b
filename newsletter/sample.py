"""The sample project that is shipped: a dojo, its pictures, example subscribers; and the house style."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent


def sample_path(relative: str) -> Path:
    """A file or folder of the sample, in an installed package or in a checkout."""
    installed = PACKAGE / "sample_project" / relative
    return installed if installed.exists() else CHECKOUT / relative
