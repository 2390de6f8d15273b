"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a thing stands; the values are printed and written to JSON."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Diagnosis:
    """One thing looked at: `subject` names it, `detail` says what was seen, `remedy` how to mend it."""

    subject: str
    state: State
    detail: str
    remedy: str = ""
    is_service: bool = False
    """True where the fault is a service that did not answer (exit code 3), not a setting (exit code 1)."""


def good(subject: str, detail: str) -> Diagnosis:
    """All is well."""
    return Diagnosis(subject, State.GOOD, detail)


def warning(subject: str, detail: str, remedy: str) -> Diagnosis:
    """Mail will go out, but not as well as it could."""
    return Diagnosis(subject, State.WARNING, detail, remedy)


def bad(subject: str, detail: str, remedy: str) -> Diagnosis:
    """Mail will not go out, or not arrive, until this is mended."""
    return Diagnosis(subject, State.BAD, detail, remedy)


def unreachable(subject: str, detail: str, remedy: str) -> Diagnosis:
    """A service that is needed did not answer."""
    return Diagnosis(subject, State.BAD, detail, remedy, is_service=True)


def not_asked(subject: str, detail: str) -> Diagnosis:
    """Could not be looked at, and why."""
    return Diagnosis(subject, State.NOT_ASKED, detail)
