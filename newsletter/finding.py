"""What is reported about content, templates and mails without stopping the work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters; the values are the words printed and written to JSON."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One thing worth mending, and where.

    `code` is stable and kebab-case (`link-broken`); `path` is the file as the author knows it, `line` its
    1-based line; `remedy` says how to mend it.
    """

    code: str
    severity: Severity
    message: str
    path: str = ""
    line: int | None = None
    remedy: str = ""

    @property
    def place(self) -> str:
        """`file:line`, as far as it is known."""
        return f"{self.path}:{self.line}" if self.path and self.line is not None else self.path
