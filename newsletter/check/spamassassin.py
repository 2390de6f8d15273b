"""SpamAssassin's verdict on messages, where it is installed: always offline, nothing learnt, nothing kept."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from newsletter.errors import MissingToolError, ServiceError
from newsletter.finding import Finding, Severity

PROGRAM = "spamassassin"
SECONDS_TO_START, SECONDS_EACH = 60, 10
AT_ONCE = 50
"""Messages for one process: it reads its rules for 1.5 s, then takes some 0.1 s for each message."""

ROW = re.compile(r"^\s*(-?\d+\.\d+)\s+([A-Z][A-Z0-9_]+)\s+(.*(?:\n {20,}\S.*)*)", re.MULTILINE)
OFFLINE_ONLY = re.compile(r"NO_RELAYS|NO_RECEIVED|ALL_TRUSTED")
"""Rules that fire because the message has not travelled yet."""
LOOKED_AT = re.compile(r"^(?:BODY|HEADER|URI|RAW|FULL):\s*")
BY_HAND = "Run it by hand: spamassassin -L -t < mail.eml"


def spamassassin() -> str:
    """Where SpamAssassin is. Raises MissingToolError when it is not installed."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise MissingToolError(
            "SpamAssassin is not installed.",
            where="--spam",
            remedy="Install it (apt install spamassassin), or leave out --spam.",
        )
    return program


def verdicts(messages: Sequence[tuple[bytes, str]]) -> Iterator[tuple[Finding, ...]]:
    """What SpamAssassin says of each message (its bytes, and the path of its page), in order.

    Raises MissingToolError when it is not installed, ServiceError when it does not answer.
    """
    program = spamassassin()
    for start in range(0, len(messages), AT_ONCE):
        some = messages[start : start + AT_ONCE]
        for (_, path), report in zip(some, _reports(program, [data for data, _ in some]), strict=True):
            yield read_report(report, path)


def read_report(report: str, path: str) -> tuple[Finding, ...]:
    """The findings in a report: points and limit on its first line, then a line for each rule with points, name, reason."""
    told, _, rows = report.strip().partition("\n")
    points, needed = map(float, told.split())
    reasons = [
        Finding("spam-rule", Severity.INFO, f"SpamAssassin gives {score} points: {_plain(why)} ({name}).", path)
        for score, name, why in ROW.findall(rows)
        if float(score) > 0 and not OFFLINE_ONLY.search(name)
    ]
    if points < needed:
        return tuple(reasons)
    message = f"SpamAssassin gives {points:g} points in all and calls it spam from {needed:g} on."
    return Finding("spam", Severity.ERROR, message, path, None, "Mend what its rules say."), *reasons


def _reports(program: str, messages: Sequence[bytes]) -> list[str]:
    mark = token_hex(16)  # a page could hold what looks like a report
    with TemporaryDirectory(prefix="newsletter-") as home:
        files = [Path(home) / f"{number:03}.eml" for number in range(len(messages))]
        for file, message in zip(files, messages, strict=True):
            file.write_bytes(message)
        # The report stands once for each message: junk is not wrapped (report_safe), no header repeats it (clear_headers).
        # -L: local tests only. -x and HOME: no user's preferences. use_bayes 0: else it learns from what it reads.
        settings = (
            "use_bayes 0",
            "report_safe 0",
            "clear_headers",
            "clear_report_template",
            f"report {mark} _SCORE_ _REQD_",
            "report _SUMMARY_",
            f"report {mark}",
        )
        command = [program, "-L", "-t", "-x", *(f"--cf={setting}" for setting in settings), *map(str, files)]
        try:
            done = subprocess.run(  # noqa: S603 (a fixed program on files of our own)
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS_TO_START + SECONDS_EACH * len(messages),
                env={"HOME": home, "PATH": str(Path(program).parent) + ":/usr/bin:/bin", "LC_ALL": "C"},
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ServiceError(
                f"SpamAssassin did not answer within {error.timeout:.0f} seconds.", remedy=BY_HAND
            ) from error
    reports = done.stdout.decode("utf-8", "replace").split(mark)[1::2]
    if len(reports) != len(messages):
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ServiceError(f"SpamAssassin gave no verdict{f': {said}' if said else ''}.", remedy=BY_HAND)
    return reports


def _plain(why: str) -> str:
    return LOOKED_AT.sub("", " ".join(why.split())).rstrip(".")
