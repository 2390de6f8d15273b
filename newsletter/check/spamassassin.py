"""SpamAssassin's verdict on a message, where it is installed: always offline, nothing learnt, nothing kept."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.errors import MissingToolError, ServiceError
from newsletter.finding import Finding, Severity

PROGRAM = "spamassassin"
SECONDS = 60
VERDICT = re.compile(r"Content analysis details:\s+\((-?[\d.]+) points, ([\d.]+) required\)")
ROW = re.compile(r"^\s*(-?\d+\.\d+)\s+([A-Z][A-Z0-9_]+)\s+(.*(?:\n {20,}\S.*)*)", re.MULTILINE)
OFFLINE_ONLY = re.compile(r"NO_RELAYS|NO_RECEIVED|ALL_TRUSTED")
"""Rules that fire because the message has not travelled yet."""


def verdict(message: bytes, path: str) -> list[Finding]:
    """What SpamAssassin says of a message: an error when it would be junk, and each of its reasons.

    Raises MissingToolError when it is not installed, ServiceError when it does not answer.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingToolError(
            "SpamAssassin is not installed.", remedy="Install it (apt install spamassassin), or leave out --spam."
        )
    with TemporaryDirectory() as home:
        # -L: local tests only. -x and HOME: no user's preferences. use_bayes 0: else it learns from what it reads.
        command: Sequence[str] = [program, "-L", "-t", "-x", "--cf=use_bayes 0"]
        try:
            done = subprocess.run(  # noqa: S603 (a fixed program, the message on standard input)
                command,
                input=message,
                capture_output=True,
                timeout=SECONDS,
                env={"HOME": home, "PATH": str(Path(program).parent) + ":/usr/bin:/bin", "LC_ALL": "C"},
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ServiceError(f"SpamAssassin did not answer within {SECONDS} seconds.") from error
    return read_verdict(done.stdout.decode("utf-8", "replace"), path)


def read_verdict(report: str, path: str) -> list[Finding]:
    """The findings in SpamAssassin's report. Raises ServiceError when there is none."""
    found = VERDICT.search(report)
    if found is None:
        raise ServiceError("SpamAssassin gave no verdict.", remedy="Run it by hand: spamassassin -L -t < mail.eml")
    points, needed = float(found[1]), float(found[2])
    findings = [
        Finding("spam-rule", Severity.INFO, f"SpamAssassin {score}: {_plain(why)} ({name}).", path, 1)
        for score, name, why in ROW.findall(report[found.end() :])
        if float(score) > 0 and not OFFLINE_ONLY.search(name)
    ]
    if points >= needed:
        message = f"SpamAssassin gives {points:g} points and calls it spam from {needed:g} on."
        findings.insert(0, Finding("spam", Severity.ERROR, message, path, 1, "See its reasons below."))
    return findings


def _plain(why: str) -> str:
    return " ".join(why.split()).rstrip(".")
